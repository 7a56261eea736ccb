"""Whose is each row: every model of ours with its way to the workspace. One line per model.

From this table come the row-level security policies (config/policies.py), the export and the purge
of a workspace. A model of ours that is in neither table fails tests/isolation/test_wall.py.
Labels are texts, so that this app knows none of the apps above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.apps import apps
from django.db.models import CASCADE, ForeignKey, Model

OUR_APPS = ("accounts", "events", "sessions_mgr", "messaging", "webhooks")


@dataclass(frozen=True, slots=True)
class Tenant:
    """`path`: foreign keys from the model to Workspace, or its own UUID column `workspace_id`.

    `export`: the name of its file in an export; empty: bookkeeping that means nothing elsewhere.
    `omit`: fields that an export must not carry; binary fields never are.
    """

    path: str
    export: str = ""
    omit: tuple[str, ...] = ()


TENANTS: Mapping[str, Tenant] = {
    "accounts.WhatsAppAccount": Tenant("workspace", "numbers", ("sealed_proxy",)),
    "accounts.AuditEntry": Tenant("workspace", "audit"),
    "accounts.WorkspaceSettings": Tenant("workspace", "settings"),
    "accounts.Quota": Tenant("workspace"),
    "accounts.Usage": Tenant("workspace"),
    "accounts.DailyUsage": Tenant("workspace"),
    "accounts.ApiMinute": Tenant("workspace"),
    "accounts.WorkspacePurge": Tenant("workspace_id"),
    "events.Log": Tenant("workspace"),
    "events.Event": Tenant("workspace", "events"),
    "sessions_mgr.Session": Tenant("account__workspace"),
    "sessions_mgr.StatusChange": Tenant("account__workspace", "timeline"),
    "sessions_mgr.WorkerExit": Tenant("account__workspace", "worker_exits"),
    "sessions_mgr.StorePurge": Tenant("workspace"),
    "sessions_mgr.StoreSnapshot": Tenant("account__workspace"),
    "sessions_mgr.Notice": Tenant("workspace", "notices"),
    "messaging.Message": Tenant("account__workspace", "messages"),
    "messaging.Contact": Tenant("account__workspace", "contacts"),
    "messaging.Chat": Tenant("account__workspace", "chats"),
    "messaging.Media": Tenant("account__workspace", "media", ("locator", "claim")),
    "messaging.Receipt": Tenant("message__account__workspace", "receipts"),
    "messaging.Reaction": Tenant("message__account__workspace", "reactions"),
    "messaging.PollVote": Tenant("message__account__workspace", "votes"),
    "messaging.HeldFact": Tenant("account__workspace"),
    "messaging.Outgoing": Tenant("account__workspace"),
    "messaging.Pacing": Tenant("account__workspace"),
    "messaging.Upload": Tenant("workspace", "uploads"),
    "messaging.Avatar": Tenant("account__workspace", "avatars"),
    "messaging.Enrichment": Tenant("contact__account__workspace"),
    "webhooks.Endpoint": Tenant("workspace", "webhooks"),
    "webhooks.Delivery": Tenant("endpoint__workspace", "deliveries", ("claim",)),
    "webhooks.Attempt": Tenant("delivery__endpoint__workspace", "attempts"),
    "webhooks.Quarter": Tenant("endpoint__workspace"),
    "webhooks.Replay": Tenant("endpoint__workspace"),
}

# Rows that belong to no workspace: seen with EVERYTHING only, so never by a request.
INSTALLATION: Mapping[str, str] = {
    "sessions_mgr.SeenFact": "ids of facts that are stored; ingest's own",
    "sessions_mgr.PastCount": "counts over all tenants of timeline rows that are gone",
    "messaging.UnreadFact": "facts that could not be read; the doctor's and a person's",
}

# Outside of the wall, with the reason. Only what must be read to learn who somebody is.
EXEMPT: Mapping[str, str] = {
    "accounts.User": "a person may be in several workspaces; read to sign in",
    "accounts.Workspace": "read to find a person's workspaces, and with every key",
    "accounts.Membership": "says which workspaces a person may enter",
    "accounts.ApiKey": "read to find the workspace of a key; holds a hash only",
    "accounts.Invitation": "read by the hash of its link, before its holder is anybody",
    "messaging.Tally": "counts over all tenants, told by metrics; every process adds to them",
    "accounts.Ticket": "read to find the workspace of a ticket; holds a hash only",
}


def our_models() -> Iterator[type[Model]]:
    for app in OUR_APPS:
        yield from apps.get_app_config(app).get_models()


def models() -> Iterator[tuple[type[Model], Tenant]]:
    """Every model with tenants' rows."""
    for label, tenant in TENANTS.items():
        yield apps.get_model(label), tenant


def lookup(tenant: Tenant) -> str:
    """The path as a filter on a workspace's id."""
    return tenant.path if tenant.path == "workspace_id" else f"{tenant.path}_id"


def deletion_order() -> list[tuple[type[Model], Tenant]]:
    """Tables so that none comes before one that points at it."""
    known = dict(models())
    ordered: list[tuple[type[Model], Tenant]] = []
    visited: set[type[Model]] = set()

    def visit(model: type[Model]) -> None:
        if model in visited:
            return
        visited.add(model)
        for other in known:
            targets = {
                field.related_model
                for field in other._meta.get_fields()
                if isinstance(field, ForeignKey)
                and field.remote_field.on_delete is CASCADE  # others are set to null
                and other is not model
            }
            if model in targets:
                visit(other)
        ordered.append((model, known[model]))

    for model in known:
        visit(model)
    return ordered
