"""How a workspace wants to be treated: its settings, and the installation's where it has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from . import services
from .models import Workspace
from .tenant_models import WorkspaceSettings

LONGEST = 3650  # days
NAMES = (
    "event_retention_days",
    "message_retention_days",
    "media_retention_days",
    "fetch_avatars",
    "pacing_min_gap_ms",
    "pacing_new_chats_per_hour",
    "notice_email",
    "notice_language",
)


@dataclass(frozen=True, slots=True)
class Preferences:
    """What counts now."""

    event_retention_days: int
    message_retention_days: int | None  # None: messages are kept
    media_retention_days: int
    fetch_avatars: bool
    pacing_min_gap_ms: int
    pacing_new_chats_per_hour: int
    notice_email: str
    notice_language: str


def row(workspace_id: UUID) -> WorkspaceSettings:
    """What was chosen; an unsaved row when nothing was."""
    found = WorkspaceSettings.objects.filter(workspace_id=workspace_id).first()
    return found or WorkspaceSettings(workspace_id=workspace_id)


def of(workspace_id: UUID) -> Preferences:
    chosen = row(workspace_id)
    events, media = settings.EVENT_RETENTION_DAYS, settings.MEDIA_RETENTION_DAYS
    return Preferences(
        # Never longer than the installation keeps them: the disk is not the workspace's.
        event_retention_days=min(chosen.event_retention_days or events, events),
        message_retention_days=chosen.message_retention_days,
        media_retention_days=min(chosen.media_retention_days or media, media),
        fetch_avatars=settings.AVATAR_FETCH_ENABLED and chosen.fetch_avatars is not False,
        pacing_min_gap_ms=chosen.pacing_min_gap_ms,
        pacing_new_chats_per_hour=chosen.pacing_new_chats_per_hour,
        notice_email=chosen.notice_email,
        notice_language=chosen.notice_language,
    )


def media_days() -> dict[UUID, int]:
    """Workspaces that keep files for fewer days than the installation, and how many."""
    rows = WorkspaceSettings.objects.filter(media_retention_days__lt=settings.MEDIA_RETENTION_DAYS)
    return {row.workspace_id: row.media_retention_days or 0 for row in rows}


def check(changes: dict[str, Any]) -> None:
    """ValidationError by field, with what would be right."""
    wrong: dict[str, str] = {}
    longest = {
        "event_retention_days": settings.EVENT_RETENTION_DAYS,
        "message_retention_days": LONGEST,
        "media_retention_days": settings.MEDIA_RETENTION_DAYS,
    }
    for name, most in longest.items():
        days = changes.get(name)
        if days is not None and not 1 <= days <= most:
            wrong[name] = _(
                "Use days from 1 to %(most)d, or nothing for the installation's own."
            ) % {"most": most}
    if not 0 <= (changes.get("pacing_min_gap_ms") or 0) <= 600_000:
        wrong["pacing_min_gap_ms"] = _("Use milliseconds from 0 to 600000.")
    if not 0 <= (changes.get("pacing_new_chats_per_hour") or 0) <= 10_000:
        wrong["pacing_new_chats_per_hour"] = _("Use a number from 0 (no limit) to 10000.")
    if changes.get("notice_email"):
        try:
            validate_email(changes["notice_email"])
        except ValidationError:
            wrong["notice_email"] = _("Use an e-mail address, or nothing for no mail.")
    languages = [code for code, _name in settings.LANGUAGES]
    if changes.get("notice_language", languages[0]) not in languages:
        wrong["notice_language"] = _("Use one of %(known)s.") % {"known": ", ".join(languages)}
    if unknown := changes.keys() - set(NAMES):
        wrong[min(unknown)] = f"There is no such setting; use {', '.join(NAMES)}."
    if wrong:
        raise ValidationError(wrong)


@transaction.atomic
def change(*, workspace: Workspace, actor: str, **changes: Any) -> list[str]:
    """Write what differs. Returns the names that changed. ValidationError names the wrong field."""
    check(changes)
    WorkspaceSettings.objects.get_or_create(workspace=workspace)
    chosen = WorkspaceSettings.objects.select_for_update().get(workspace=workspace)
    changed = [name for name, value in changes.items() if getattr(chosen, name) != value]
    if not changed:
        return []
    for name in changed:
        setattr(chosen, name, changes[name])
    chosen.save(update_fields=[*changed, "updated_at"])
    services.record(
        workspace=workspace,
        actor=actor,
        action="workspace.settings_changed",
        target=workspace.name,
        fields=sorted(changed),
    )
    return changed
