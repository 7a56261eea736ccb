"""Rows for tests. Traits say the state: AccountFactory(connected=True)."""

from __future__ import annotations

import factory
from django.utils import timezone

from accounts.models import ApiKey, Membership, Role, User, WhatsAppAccount, Workspace
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
