"""Two tenants: one that owns something of everything, and one that must see nothing of it.

Everything that the victim owns carries MARK in its texts, so that a leak is found wherever it
appears. `PARAMETERS` says for each parameter of a route whose object belongs there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.apps import apps
from django.core import serializers
from django.test import Client
from django.utils import timezone

from accounts import invitations
from accounts.models import ApiKey, Role, Scope, Workspace
from accounts.services import create_api_key
from events import services as event_log
from messaging.models import Upload
from tests.factories import (
    AccountFactory,
    ChatFactory,
    MediaFactory,
    MessageFactory,
    UserFactory,
    WorkspaceFactory,
    endpoint,
)
from tests.life import connected_account
from webhooks import replays
from webhooks.models import Delivery

MARK = "marmalade-7f3a"
OUR_APPS = ("accounts", "events", "sessions_mgr", "messaging", "webhooks")


@dataclass
class Tenant:
    """A workspace with one of everything. `ids` names each object by what it is."""

    mark: str
    workspace: Workspace
    ids: dict[str, str] = field(default_factory=dict)
    key: str = ""
    browser: Client = field(default_factory=Client)


def tenant(mark: str, number: str) -> Tenant:
    workspace = WorkspaceFactory(name=f"{mark} workspace")
    made = Tenant(mark, workspace)
    owner = UserFactory(email=f"{mark}@example.test")
    workspace.memberships.create(user=owner, role=Role.OWNER)
    key, made.key = create_api_key(
        workspace=workspace, scopes=[s.value for s in Scope], name=f"{mark} key", actor="test"
    )
    made.browser.force_login(owner)
    made.browser.get("/you/")  # from now on the login has a row of its own
    invitation, _ = invitations.create(
        workspace=workspace,
        role=Role.VIEWER,
        by=Role.OWNER,
        actor="test",
        email=f"{mark}@guest.test",
    )
    account = connected_account(workspace=workspace, label=f"{mark} number", metadata={"m": mark})
    hook = endpoint(workspace, f"https://hooks.example.com/{mark}", description=mark)
    event = event_log.append(
        workspace_id=workspace.pk, account_id=account.pk, type="message", data={"text": mark}
    )
    delivery = Delivery.objects.get(endpoint=hook, event=event)
    # Its id is long, so that it is not found by chance in other texts.
    chat = ChatFactory(account=account, name=f"{mark} chat", pk=account.pk.int % 10**15 + 10**15)
    group = ChatFactory(account=account, name=f"{mark} group", group=True)
    message = MessageFactory(account=account, chat_row=chat, text=f"{mark} said")
    queued = MessageFactory(account=account, chat_row=chat, outgoing=True, status="queued")
    contact = message.sender_contact
    contact.push_name = f"{mark} person"
    contact.save(update_fields=["push_name"])
    file = MediaFactory(message=message, filename=f"{mark}.jpg", stored=mark.encode())
    upload = Upload.objects.create(
        workspace=workspace, filename=f"{mark}.bin", size=1, expires_at=timezone.now()
    )
    replay = replays.start(endpoint=hook, wanted=replays.Criteria(), actor="test")
    made.ids = {
        "workspace": str(workspace.pk),
        "account": str(account.pk),
        "key": str(key.public_id),
        "webhook": str(hook.pk),
        "event": event.pk,
        "delivery": str(delivery.pk),
        "replay": str(replay.pk),
        "message": str(message.pk),
        "queued": str(queued.pk),
        "media": str(file.pk),
        "upload": str(upload.pk),
        "chat": chat.jid,
        "chat_row": str(chat.pk),
        "group": group.jid,
        "contact": contact.jid,
        "user": str(owner.pk),
        "invitation": str(invitation.pk),
        "login": str(UserSession.objects.get(user=owner).pk),
        "phone": number,
    }
    return made


def one_more_of_each(tenant: Tenant) -> None:
    """So that each list of the tenant has a second page."""
    workspace, mark = tenant.workspace, tenant.mark
    account = AccountFactory(workspace=workspace, label=f"{mark} second number")
    create_api_key(workspace=workspace, scopes=["read"], name=f"{mark} second key", actor="test")
    invitations.create(workspace=workspace, role=Role.VIEWER, by=Role.OWNER, actor="test")
    endpoint(workspace, f"https://hooks.example.com/{mark}/2", description=mark)
    event_log.append(
        workspace_id=workspace.pk, account_id=account.pk, type="message", data={"text": mark}
    )


CONVERSATION = "workspaces/<workspace_id>/numbers/<account_id>/conversations/<chat_id>"
# What each parameter stands for. A route whose parameter is not here fails the walk.
PARAMETERS: dict[str, str] = {
    "api/v1/accounts/<pk>": "account",
    "api/v1/api-keys/<id>": "key",
    "api/v1/webhooks/<pk>": "webhook",
    "api/v1/webhooks/<pk>/replays/<replay_id>": "replay",
    "api/v1/deliveries/<pk>": "delivery",
    "api/v1/accounts/<account_id>": "account",
    "api/v1/accounts/<account_id>/chats/<jid>": "chat",
    "api/v1/accounts/<account_id>/contacts/<jid>": "contact",
    "api/v1/accounts/<account_id>/groups/<jid>": "group",
    "api/v1/messages/<pk>": "message",
    "api/v1/members/<id>": "user",
    "api/v1/invitations/<pk>": "invitation",
    "you/sessions/<login_id>": "login",
    "workspaces/<workspace_id>/members/<user_id>": "user",
    "workspaces/<workspace_id>/invitations/<invitation_id>": "invitation",
    "api/v1/media/<media_id>": "media",
    "workspaces/<workspace_id>": "workspace",
    "workspaces/<workspace_id>/media/<media_id>": "media",
    "workspaces/<workspace_id>/numbers/<account_id>": "account",
    CONVERSATION: "chat_row",
    f"{CONVERSATION}/messages/<message_id>": "message",
    "workspaces/<workspace_id>/events/<event_id>": "event",
    "workspaces/<workspace_id>/webhooks/<webhook_id>": "webhook",
    "workspaces/<workspace_id>/webhooks/<webhook_id>/deliveries/<delivery_id>": "delivery",
    "workspaces/<workspace_id>/keys/<key_id>": "key",
    "administration/workspaces/<workspace_id>": "workspace",
    "workspaces/<workspace_id>/sandbox/<phone_number>": "phone",
    "workspaces/<workspace_id>/sandbox/<phone_number>/<verb>": "verb",
    "workspaces/<workspace_id>/sandbox/<phone_number>/media/<entry>": "entry",
}
# Values that belong to nobody.
COMMON = {"verb": "offline", "entry": "1"}
# Addresses at WhatsApp, which anybody may write to; not objects of a tenant.
ADDRESSES = {"phone", "chat", "contact", "group", "login"}

# Below these, an object of somebody else is what the first parameter names.
OBJECTS = ("api/v1/", "workspaces/", "administration/", "you/")
# Lists and the like: they answer with what belongs to the asking tenant.
OWN = {
    "api/v1/accounts",
    "api/v1/api-keys",
    "api/v1/webhooks",
    "api/v1/audit",
    "api/v1/workspace",
    "api/v1/ws-tickets",
    "api/v1/events",
    "api/v1/events/stream",
    "api/v1/uploads",
    "api/v1/members",
    "api/v1/invitations",
    "you/",
    "you/password",
    "you/password/set",
    "you/sessions",
    "you/sessions/end-all",
    "you/sessions/end-others",
    "you/two-factor",
    "you/two-factor/codes",
    "you/two-factor/codes.txt",
    "you/two-factor/codes/new",
    "you/two-factor/off",
    "you/two-factor/on",
    "ws/v1/events",
    "administration/workspaces/",
    "",
}
# The same for everybody, with the reason.
SHARED = {
    "api/schema": "the description of the API",
    "api/docs": "the description of the API",
    "api/problems": "the description of the API",
    "health/live": "a fact about the process",
    "health/ready": "facts about the installation",
    "metrics": "counts over all tenants; no label names one",
    "language": "for everybody",
    "sign-in": "for everybody",
    "sign-in/": "for everybody",
    "password/": "for everybody; a link's text is the secret",
    "^password/reset/": "for everybody; a link's text is the secret",
    "join/": "for whoever has the link",
    "installation/": "installation administrators only: tests/integration/test_people_audit.py",
    "administration/installation/": "administrators only: tests/integration/test_installation.py",
    "sign-out": "ends the caller's own session",
    "api/v1/sandbox/": "the test network is one for all, and exists only where SANDBOX=1",
}


def rule_of(pattern: str) -> str:
    """own, shared or object; a route without a rule raises KeyError."""
    if pattern in OWN:
        return "own"
    for prefix in SHARED:
        if pattern == prefix or (prefix.endswith("/") and pattern.startswith(prefix)):
            return "shared"
    if "<" in pattern and pattern.startswith(OBJECTS):
        return "object"
    raise KeyError(f"the route {pattern!r} has no rule: say in tests/isolation/cast.py whose it is")


def values(route: Any, pick: Callable[[int, str], Tenant]) -> dict[str, str]:
    """A value for each parameter of the route; `pick(position, kind)` says of which tenant."""
    found = {}
    for position, parameter in enumerate(route.parameters):
        kind = PARAMETERS[parameter]
        found[parameter] = COMMON.get(kind) or pick(position, kind).ids[kind]
    return found


def rows_of(tenant: Tenant) -> dict[str, str]:
    """Every row that names one of the tenant's objects, as text: to see that nothing changed."""
    names = [value for kind, value in tenant.ids.items() if kind not in ADDRESSES] + [tenant.mark]
    found = {}
    for app in OUR_APPS:
        for model in apps.get_app_config(app).get_models():
            for row in model._base_manager.all():
                text = serializers.serialize("json", [row])
                if any(name in text for name in names):
                    found[f"{model._meta.label} {row.pk}"] = text
    return found


def expired_key(tenant: Tenant) -> str:
    key, text = create_api_key(
        workspace=tenant.workspace, scopes=["admin"], name="old", actor="test"
    )
    ApiKey.objects.filter(pk=key.pk).update(expiry_date=timezone.now() - timedelta(seconds=1))
    return text
