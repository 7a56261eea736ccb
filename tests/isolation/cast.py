"""Two tenants: one that owns something of everything, and one that must see nothing of it.

Everything that the victim owns carries MARK in its texts, so that a leak is found wherever it
appears. `PARAMETERS` says for each parameter of a route whose object belongs there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.core import serializers
from django.test import Client
from django.utils import timezone

from accounts.models import ApiKey, Role, Scope, Workspace
from accounts.services import create_api_key
from events import services as event_log
from tests.factories import UserFactory, WorkspaceFactory, endpoint
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
    account = connected_account(workspace=workspace, label=f"{mark} number", metadata={"m": mark})
    hook = endpoint(workspace, f"https://hooks.example.com/{mark}", description=mark)
    event = event_log.append(
        workspace_id=workspace.pk, account_id=account.pk, type="message", data={"text": mark}
    )
    delivery = Delivery.objects.get(endpoint=hook, event=event)
    replay = replays.start(endpoint=hook, wanted=replays.Criteria(), actor="test")
    made.ids = {
        "workspace": str(workspace.pk),
        "account": str(account.pk),
        "key": str(key.public_id),
        "webhook": str(hook.pk),
        "event": event.pk,
        "delivery": str(delivery.pk),
        "replay": str(replay.pk),
        "phone": number,
    }
    return made


# What each parameter stands for. A route whose parameter is not here fails the walk.
PARAMETERS: dict[str, str] = {
    "api/v1/accounts/<pk>": "account",
    "api/v1/api-keys/<id>": "key",
    "api/v1/webhooks/<pk>": "webhook",
    "api/v1/webhooks/<pk>/replays/<replay_id>": "replay",
    "api/v1/deliveries/<pk>": "delivery",
    "workspaces/<workspace_id>": "workspace",
    "workspaces/<workspace_id>/numbers/<account_id>": "account",
    "workspaces/<workspace_id>/events/<event_id>": "event",
    "workspaces/<workspace_id>/webhooks/<webhook_id>": "webhook",
    "workspaces/<workspace_id>/webhooks/<webhook_id>/deliveries/<delivery_id>": "delivery",
    "workspaces/<workspace_id>/keys/<key_id>": "key",
    "administration/workspaces/<workspace_id>": "workspace",
    "workspaces/<workspace_id>/sandbox/<phone_number>": "phone",
    "workspaces/<workspace_id>/sandbox/<phone_number>/<verb>": "verb",
}
# Values that belong to nobody.
COMMON = {"verb": "offline"}

# Below these, an object of somebody else is what the first parameter names.
OBJECTS = ("api/v1/", "workspaces/", "administration/")
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
    "ws/v1/events",
    "administration/workspaces/",
    "",
}
# The same for everybody, with the reason.
SHARED = {
    "api/schema": "the description of the API",
    "api/docs": "the description of the API",
    "health/live": "a fact about the process",
    "health/ready": "facts about the installation",
    "metrics": "counts over all tenants; no label names one",
    "sign-in": "for everybody",
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
    names = [value for kind, value in tenant.ids.items() if kind != "phone"] + [tenant.mark]
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
