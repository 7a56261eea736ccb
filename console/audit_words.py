"""The audit log in words: what was done, and the names of whoever and whatever the rows name by id.

The codes stay what programs filter by; the page shows them beside the words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.shortcuts import resolve_url
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import ApiKey, AuditEntry, WhatsAppAccount, Workspace
from webhooks.models import Endpoint

from .actors import Actors

WORDS: dict[str, Promise] = {
    "account.changed": gettext_lazy("Number changed"),
    "account.connect": gettext_lazy("Number told to connect"),
    "account.created": gettext_lazy("Number added"),
    "account.deleted": gettext_lazy("Number deleted"),
    "account.disconnect": gettext_lazy("Number told to disconnect"),
    "account.logout": gettext_lazy("Number logged out"),
    "account.pacing": gettext_lazy("Pacing changed"),
    "account.pairing_code": gettext_lazy("Pairing code asked for"),
    "account.restart": gettext_lazy("Number restarted"),
    "account.store_restored": gettext_lazy("Credentials restored"),
    "api_key.changed": gettext_lazy("API key changed"),
    "api_key.created": gettext_lazy("API key made"),
    "api_key.revoked": gettext_lazy("API key revoked"),
    "api_key.rotated": gettext_lazy("API key rotated"),
    "audit.exported": gettext_lazy("Audit log exported"),
    "group.changed": gettext_lazy("Group changed"),
    "group.created": gettext_lazy("Group made"),
    "group.joined": gettext_lazy("Group joined"),
    "group.left": gettext_lazy("Group left"),
    "group.link_reset": gettext_lazy("New invite link of a group"),
    "group.members_changed": gettext_lazy("Members of a group changed"),
    "group.picture_changed": gettext_lazy("Picture of a group changed"),
    "group.requests_decided": gettext_lazy("Requests to join a group decided"),
    "invitation.created": gettext_lazy("Invitation made"),
    "invitation.revoked": gettext_lazy("Invitation withdrawn"),
    "member.joined": gettext_lazy("Member joined"),
    "member.left": gettext_lazy("Member left"),
    "member.removed": gettext_lazy("Member removed"),
    "member.role_changed": gettext_lazy("Role changed"),
    "person.changed": gettext_lazy("Person changed"),
    "person.code_failed": gettext_lazy("Wrong code of the second factor"),
    "person.created": gettext_lazy("Person added"),
    "person.factor_added": gettext_lazy("Second factor switched on"),
    "person.factor_removed": gettext_lazy("Second factor switched off"),
    "person.login_ended": gettext_lazy("A login ended"),
    "person.logins_ended": gettext_lazy("All other logins ended"),
    "person.made_administrator": gettext_lazy("Made an administrator"),
    "person.password_changed": gettext_lazy("Password changed"),
    "person.password_link_made": gettext_lazy("Link for a new password made"),
    "person.password_reset": gettext_lazy("Password reset"),
    "person.recovery_code_used": gettext_lazy("Recovery code used"),
    "person.recovery_codes_renewed": gettext_lazy("New recovery codes made"),
    "person.renamed": gettext_lazy("Name changed"),
    "person.sign_in_failed": gettext_lazy("Sign-in failed"),
    "person.signed_in": gettext_lazy("Signed in"),
    "person.signed_out": gettext_lazy("Signed out"),
    "webhook.created": gettext_lazy("Webhook added"),
    "webhook.deleted": gettext_lazy("Webhook deleted"),
    "webhook.delivery_retried": gettext_lazy("Delivery tried again"),
    "webhook.disabled": gettext_lazy("Webhook disabled"),
    "webhook.enabled": gettext_lazy("Webhook enabled"),
    "webhook.replayed": gettext_lazy("Events replayed"),
    "webhook.secret_rotated": gettext_lazy("New secret of a webhook"),
    "webhook.tested": gettext_lazy("Test event sent"),
    "webhook.updated": gettext_lazy("Webhook changed"),
    "workspace.created": gettext_lazy("Workspace made"),
    "workspace.deleted": gettext_lazy("Workspace deleted"),
    "workspace.exported": gettext_lazy("Workspace exported"),
    "workspace.purged": gettext_lazy("Workspace removed"),
    "workspace.quota_changed": gettext_lazy("Quotas changed"),
    "workspace.renamed": gettext_lazy("Workspace renamed"),
    "workspace.resumed": gettext_lazy("Workspace resumed"),
    "workspace.settings_changed": gettext_lazy("Settings changed"),
    "workspace.suspended": gettext_lazy("Workspace suspended"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """One row as people read it."""

    what: str
    target: str
    url: str  # the target's page, where it still is
    who: str


class Names:
    """What the ids in some rows of a workspace's log are called; one query for each kind."""

    def __init__(self, workspace: Workspace, rows: Iterable[AuditEntry]) -> None:
        rows = list(rows)
        self._workspace = workspace
        ids = {row.target for row in rows if _is_id(row.target)}
        accounts = WhatsAppAccount.objects.filter(workspace=workspace, pk__in=ids)
        self._accounts = {str(account.pk): account for account in accounts}
        hooks = Endpoint.objects.filter(workspace=workspace, pk__in=ids)
        self._hooks = {str(hook.pk): hook for hook in hooks}
        keys = {row.target for row in rows}
        self._actors = Actors(workspace, (row.actor for row in rows), more_keys=keys)

    def told(self, row: AuditEntry) -> Told:
        target, url = self._target(row)
        return Told(_what(row), target, url, self._actors.who(row.actor))

    def _target(self, row: AuditEntry) -> tuple[str, str]:
        if account := self._accounts.get(row.target):
            gone = account.deleted_at is not None
            return account.label, "" if gone else self._url("number", account.pk)
        if hook := self._hooks.get(row.target):
            gone = hook.deleted_at is not None
            return hook.description or hook.url, "" if gone else self._url("webhook", hook.pk)
        if name := self._actors.keys.get(row.target):
            return name, ""
        if row.action.startswith("invitation."):
            return row.detail.get("email") or _("for whoever has the link"), ""
        return row.detail.get("url") or row.detail.get("subject") or row.target, ""

    def _url(self, page: str, pk: UUID) -> str:
        return resolve_url(f"console:{page}", self._workspace.pk, pk)


def named(workspace: Workspace, part: str) -> list[str]:
    """Targets and actors of the log that are called so: ids of numbers and webhooks, keys."""
    if not part:
        return []
    accounts = WhatsAppAccount.objects.filter(workspace=workspace, label__icontains=part)
    hooks = Endpoint.objects.filter(workspace=workspace)
    keys = ApiKey.objects.filter(workspace=workspace, name__icontains=part)
    return [
        *map(str, accounts.values_list("pk", flat=True)),
        *map(str, hooks.filter(url__icontains=part).values_list("pk", flat=True)),
        *map(str, hooks.filter(description__icontains=part).values_list("pk", flat=True)),
        *keys.values_list("prefix", flat=True),
    ]


def _what(row: AuditEntry) -> str:
    if row.action == "person.factor_added" and row.detail.get("factor") == "recovery_codes":
        return str(WORDS["person.recovery_codes_renewed"])  # they come with the second factor
    return str(WORDS.get(row.action, row.action))


def _is_id(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False
