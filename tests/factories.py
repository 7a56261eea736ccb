"""Rows for tests. Traits say the state: AccountFactory(connected=True)."""

from __future__ import annotations

import hashlib

import factory
from django.core.files.base import ContentFile
from django.utils import timezone

from accounts.models import ApiKey, Membership, Role, User, WhatsAppAccount, Workspace
from events.models import Event
from messaging.models import Chat, Contact, Media, MediaState, Message
from sessions_mgr.models import Session
from sessions_mgr.states import Desired, Status
from webhooks import services as webhook_services

PASSWORD = "a-Passphrase-for-Tests-7"


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.test")

    @factory.post_generation
    def password(self, create, extracted, **kwargs):
        self.set_password(extracted or PASSWORD)
        self.save(update_fields=["password"])


class WorkspaceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Workspace
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Workspace {n}")

    @factory.post_generation
    def members(self, create, extracted, **kwargs):
        """WorkspaceFactory(members=[user, (user, Role.VIEWER)]); a bare user is an owner."""
        for member in extracted or []:
            user, role = member if isinstance(member, tuple) else (member, Role.OWNER)
            Membership.objects.create(workspace=self, user=user, role=role)


class AccountFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = WhatsAppAccount
        skip_postgeneration_save = True

    class Params:
        connected = factory.Trait(
            phone_number=factory.Sequence(lambda n: f"+1555{n:07d}"),
            jid=factory.LazyAttribute(lambda a: f"{a.phone_number[1:]}:1@s.whatsapp.net"),
            lid=factory.LazyAttribute(lambda a: f"9{a.phone_number[:0:-1]}:1@lid"),
            push_name="Demo",
            connected_at=factory.LazyFunction(timezone.now),
        )

    workspace = factory.SubFactory(WorkspaceFactory)
    label = factory.Sequence(lambda n: f"Number {n}")
    session = factory.RelatedFactory(
        "tests.factories.SessionFactory",
        factory_related_name="account",
        status=factory.LazyAttribute(
            lambda s: Status.CONNECTED if s.account.phone_number else Status.DISCONNECTED
        ),
    )


class SessionFactory(factory.django.DjangoModelFactory):
    """AccountFactory(session__status="failed", session__reason_code="qr_timeout")."""

    class Meta:
        model = Session

    account = factory.SubFactory(AccountFactory, session=None)
    status = Status.DISCONNECTED
    desired = factory.LazyAttribute(
        lambda s: Desired.DISCONNECTED if s.status == Status.DISCONNECTED else Desired.CONNECTED
    )
    epoch = factory.LazyAttribute(lambda s: 0 if s.status == Status.DISCONNECTED else 1)


class ContactFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Contact
        django_get_or_create = ("account", "jid")

    account = factory.SubFactory(AccountFactory)
    phone_number = factory.Sequence(lambda n: f"+1777{n:07d}")  # no chat's (below)
    jid = factory.LazyAttribute(lambda c: f"{c.phone_number[1:]}@s.whatsapp.net")
    lid = factory.LazyAttribute(lambda c: f"8{c.phone_number[:0:-1]}@lid")
    push_name = "Ann"


class ChatFactory(factory.django.DjangoModelFactory):
    """ChatFactory(group=True) is a group."""

    class Meta:
        model = Chat

    class Params:
        group = factory.Trait(
            type="group", jid=factory.Sequence(lambda n: f"1203630{n:08d}@g.us"), lid=""
        )

    account = factory.SubFactory(AccountFactory)
    jid = factory.Sequence(lambda n: f"1666{n:07d}@s.whatsapp.net")
    lid = factory.LazyAttribute(lambda c: f"8{c.jid.partition('@')[0][::-1]}@lid")


class MessageFactory(factory.django.DjangoModelFactory):
    """A text that somebody sent to us, with its chat and contact; MessageFactory(outgoing=True)."""

    class Meta:
        model = Message

    class Params:
        outgoing = factory.Trait(direction="out", status="sent")

    account = factory.SubFactory(AccountFactory)
    wa_id = factory.Sequence(lambda n: f"3EB0{n:012X}")
    direction = "in"
    status = "received"
    type = "text"
    text = "hello"
    timestamp = factory.LazyFunction(timezone.now)
    chat_row = factory.SubFactory(ChatFactory, account=factory.SelfAttribute("..account"))
    sender_contact = factory.SubFactory(
        ContactFactory,
        account=factory.SelfAttribute("..account"),
        jid=factory.SelfAttribute("..chat_row.jid"),
        lid=factory.SelfAttribute("..chat_row.lid"),
        phone_number=factory.LazyAttribute(lambda c: f"+{c.jid.partition('@')[0]}"),
    )
    chat = factory.LazyAttribute(
        lambda m: {"jid": m.chat_row.jid, "lid": m.chat_row.lid, "type": m.chat_row.type}
    )
    sender = factory.LazyAttribute(
        lambda m: {
            "jid": m.sender_contact.jid,
            "lid": m.sender_contact.lid,
            "phone_number": m.sender_contact.phone_number,
            "push_name": m.sender_contact.push_name,
        }
    )


class MediaFactory(factory.django.DjangoModelFactory):
    """A picture that waits to be fetched; MediaFactory(stored=b"…") has its file."""

    class Meta:
        model = Media
        skip_postgeneration_save = True

    message = factory.SubFactory(MessageFactory, type="image", text="")
    account = factory.SelfAttribute("message.account")
    direction = factory.SelfAttribute("message.direction")
    mime_type = "image/jpeg"
    filename = "image.jpg"
    locator = "bG9jYXRvcg=="

    @factory.post_generation
    def stored(self, create, extracted, **kwargs):
        if extracted is not None:
            self.file.save(f"{self.account_id}/{self.pk}.jpg", ContentFile(extracted), save=False)
            self.state, self.stored_at = MediaState.STORED, timezone.now()
            self.size, self.sha256 = len(extracted), hashlib.sha256(extracted).hexdigest()
            self.save(update_fields=["file", "state", "stored_at", "size", "sha256"])


ALL = (
    UserFactory,
    WorkspaceFactory,
    AccountFactory,
    SessionFactory,
    ContactFactory,
    ChatFactory,
    MessageFactory,
    MediaFactory,
)


def api_key(workspace, scopes=("read", "send", "manage"), **fields) -> str:
    """The text of a new key."""
    _, text = ApiKey.objects.create_key(
        workspace=workspace, scopes=list(scopes), name="test", **fields
    )
    return text


def endpoint(workspace, url="https://hooks.example.com/in", **fields):
    """A webhook endpoint; its secret is `endpoint.secret`."""
    made, secret = webhook_services.create_endpoint(
        workspace=workspace, url=url, actor="test", **fields
    )
    made.secret = secret
    return made


def many_events(workspace, count):
    """A log of that many, with some bytes in each."""
    at = timezone.now()
    Event.objects.bulk_create(
        (
            Event(
                workspace=workspace, seq=n, type="message", occurred_at=at,
                data={"text": f"message {n} " * 10},
            )
            for n in range(1, count + 1)
        ),
        batch_size=5000,
    )  # fmt: skip
