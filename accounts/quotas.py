"""What a workspace may use up. The only place that decides, atomic however many ask at once.

Each function either takes what was asked for, or raises QuotaExceeded and takes nothing.

    check_numbers   in the transaction that adds the number
    take_message    before a message is queued, in the transaction that queues it
    check_media     in the transaction that keeps the file; give_back_media when it goes again
    check_room      before bytes are fetched: takes nothing, so that none are fetched in vain
    check_rate      once per request (api/throttling.py)
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import TypedDict
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Case, Count, F, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy

from . import services, wall
from .models import WhatsAppAccount, Workspace
from .tenant_models import ApiMinute, DailyUsage, Quota, Usage

NUMBERS = "numbers"
MESSAGES = "messages_per_day"
MEDIA = "media_bytes"
RATE = "api_requests_per_minute"

_SENTENCES = {
    NUMBERS: gettext_lazy("This workspace may have %(limit)s numbers and has %(used)s."),
    MESSAGES: gettext_lazy(
        "This workspace may send %(limit)s messages a day (UTC) and has sent %(used)s."
    ),
    MEDIA: gettext_lazy("This workspace may keep %(limit)s bytes of files and has %(used)s."),
    RATE: gettext_lazy("This workspace may make %(limit)s API requests a minute."),
}
_RAISE = gettext_lazy("An administrator of the installation can raise it.")


class QuotaExceeded(Exception):
    """The workspace has used up what it may. `status` and `as_problem` are for HTTP."""

    def __init__(self, quota: str, *, limit: int, used: int, retry_after: int | None = None):
        said = str(_SENTENCES[quota]) % {"limit": limit, "used": used}
        super().__init__(f"{said} {_RAISE}")
        self.quota, self.limit, self.used, self.retry_after = quota, limit, used, retry_after

    @property
    def status(self) -> int:
        """429 where waiting helps, 403 where it does not."""
        return 429 if self.retry_after is not None else 403

    def as_problem(self) -> dict[str, str | int]:
        """Members of the problem beside code=quota_exceeded."""
        return {"quota": self.quota, "limit": self.limit, "used": self.used}


NAMES = (NUMBERS, MESSAGES, MEDIA, RATE)


class Line(TypedDict):
    limit: int | None
    used: int


def limits(workspace_id: UUID) -> Quota:
    """The limits of a workspace; one without a row has none."""
    found = Quota.objects.filter(workspace_id=workspace_id).first()
    return found or Quota(workspace_id=workspace_id)


@transaction.atomic
def set_limits(*, workspace: Workspace, actor: str, **wanted: int | None) -> list[str]:
    """Names of NAMES with numbers; None: no limit. Returns the names that changed.

    Less than what is used takes nothing away; it only lets no more in.
    """
    with wall.inside(workspace.pk):
        Quota.objects.get_or_create(workspace=workspace)
        quota = Quota.objects.select_for_update().get(workspace=workspace)
        changed = {name: v for name, v in wanted.items() if getattr(quota, name) != v}
        if changed:
            for name, value in changed.items():
                setattr(quota, name, value)
            quota.save(update_fields=[*changed, "updated_at"])
            services.record(
                workspace=workspace,
                actor=actor,
                action="workspace.quota_changed",
                target=workspace.name,
                limits=changed,
            )
    return sorted(changed)


def check_numbers(workspace: Workspace) -> None:
    """Call it in the transaction that adds the number: until its end nobody else can add one."""
    limit = limits(workspace.pk).numbers
    if limit is None:
        return
    with transaction.atomic():
        # The row lock makes count-then-insert one step. SQLite has one writer anyway.
        Workspace.objects.select_for_update().get(pk=workspace.pk)
        used = WhatsAppAccount.objects.present().filter(workspace=workspace).count()
    if used >= limit:
        raise QuotaExceeded(NUMBERS, limit=limit, used=used)


def take_message(workspace: Workspace, count: int = 1) -> None:
    """Count `count` messages of today. A transaction that is rolled back gives them back."""
    limit = limits(workspace.pk).messages_per_day
    today = timezone.now().astimezone(UTC).date()
    table = connection.ops.quote_name(DailyUsage._meta.db_table)
    values = [
        DailyUsage._meta.get_field("workspace").get_db_prep_value(workspace.pk, connection),
        connection.ops.adapt_datefield_value(today),
    ]
    if limit is not None and count > limit:  # the first row of a day is not compared below
        raise _too_many(workspace, limit, today)
    # One statement decides and counts: the row's lock is all that concurrent senders share.
    fits = "" if limit is None else f" WHERE {table}.messages + %s <= %s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (workspace_id, day, messages) VALUES (%s, %s, %s)"  # noqa: S608  our own table
            " ON CONFLICT (workspace_id, day) DO UPDATE"
            f" SET messages = {table}.messages + excluded.messages{fits}",
            [*values, count, *([] if limit is None else [count, limit])],
        )
        taken = cursor.rowcount == 1
    if not taken:
        assert limit is not None
        raise _too_many(workspace, limit, today)


def _too_many(workspace: Workspace, limit: int, today: date) -> QuotaExceeded:
    used = sent_on(workspace.pk, today)
    return QuotaExceeded(MESSAGES, limit=limit, used=used, retry_after=_till_midnight())


def check_media(workspace: Workspace, size: int) -> None:
    """Count `size` more bytes of files that the workspace keeps."""
    limit = limits(workspace.pk).media_bytes
    Usage.objects.get_or_create(workspace=workspace)
    fits = Usage.objects.filter(workspace=workspace)
    if limit is not None:
        fits = fits.filter(media_bytes__lte=limit - size) if size <= limit else fits.none()
    if not fits.update(media_bytes=F("media_bytes") + size):
        assert limit is not None
        raise QuotaExceeded(MEDIA, limit=limit, used=media_of(workspace.pk))


def check_room(workspace_id: UUID, size: int) -> None:
    """Whether `size` more bytes would fit now; QuotaExceeded says no. Takes nothing."""
    limit = limits(workspace_id).media_bytes
    if limit is None:
        return
    used = media_of(workspace_id)
    if used + size > limit:
        raise QuotaExceeded(MEDIA, limit=limit, used=used)


def give_back_media(workspace_id: UUID, size: int) -> None:
    """Files of `size` bytes are gone. Never below zero."""
    Usage.objects.filter(workspace_id=workspace_id).update(
        media_bytes=Case(
            When(media_bytes__gte=size, then=F("media_bytes") - size), default=Value(0)
        )
    )


def recount_media(workspace_id: UUID, size: int) -> None:
    """The truth, from whoever has the files: `size` bytes are kept."""
    Usage.objects.update_or_create(workspace_id=workspace_id, defaults={"media_bytes": size})


def check_rate(workspace: Workspace) -> None:
    """One API request more in this minute, over all keys and all web processes."""
    limit = limits(workspace.pk).api_requests_per_minute
    if limit is None:
        return
    now = timezone.now()
    if not limit or not _one_more_request(workspace.pk, _minute(now), limit):
        raise QuotaExceeded(RATE, limit=limit, used=limit, retry_after=60 - now.second)


def _one_more_request(workspace_id: UUID, minute: int, limit: int) -> bool:
    """One statement decides and counts. False when the limit of that minute is reached.

    A minute that another process already sees to be over counts for the one that it sees.
    """
    table = connection.ops.quote_name(ApiMinute._meta.db_table)
    key = ApiMinute._meta.get_field("workspace").get_db_prep_value(workspace_id, connection)
    is_newer = f"excluded.minute > {table}.minute"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (workspace_id, minute, requests) VALUES (%s, %s, 1)"  # noqa: S608  our own table
            " ON CONFLICT (workspace_id) DO UPDATE SET"
            f" requests = CASE WHEN {is_newer} THEN 1 ELSE {table}.requests + 1 END,"
            f" minute = CASE WHEN {is_newer} THEN excluded.minute ELSE {table}.minute END"
            f" WHERE {is_newer} OR {table}.requests < %s",
            [key, minute, limit],
        )
        return bool(cursor.rowcount == 1)


def _minute(at: datetime) -> int:
    return int(at.timestamp()) // 60


def usage(workspace: Workspace) -> dict[str, Line]:
    """Each quota with its limit and what is used of it."""
    quota = limits(workspace.pk)
    today = timezone.now().astimezone(UTC).date()
    return {
        NUMBERS: {
            "limit": quota.numbers,
            "used": WhatsAppAccount.objects.present().filter(workspace=workspace).count(),
        },
        MESSAGES: {"limit": quota.messages_per_day, "used": sent_on(workspace.pk, today)},
        MEDIA: {"limit": quota.media_bytes, "used": media_of(workspace.pk)},
        RATE: {"limit": quota.api_requests_per_minute, "used": _rate_now(workspace)},
    }


def used_by(workspace_ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """What each of many workspaces uses of NUMBERS, MESSAGES and MEDIA, in three queries."""
    today = timezone.now().astimezone(UTC).date()
    numbers = WhatsAppAccount.objects.present().filter(workspace__in=workspace_ids).order_by()
    sent = DailyUsage.objects.filter(workspace__in=workspace_ids, day=today)
    kept = Usage.objects.filter(workspace__in=workspace_ids)
    found = {pk: dict.fromkeys((NUMBERS, MESSAGES, MEDIA), 0) for pk in workspace_ids}
    for name, rows in (
        (NUMBERS, numbers.values("workspace").annotate(many=Count("pk"))),
        (MESSAGES, sent.values("workspace", many=F("messages"))),
        (MEDIA, kept.values("workspace", many=F("media_bytes"))),
    ):
        for row in rows:
            found[row["workspace"]][name] = row["many"]
    return found


def sent_on(workspace_id: UUID, day: date) -> int:
    rows = DailyUsage.objects.filter(workspace_id=workspace_id, day=day)
    return rows.values_list("messages", flat=True).first() or 0


def media_of(workspace_id: UUID) -> int:
    rows = Usage.objects.filter(workspace_id=workspace_id)
    return rows.values_list("media_bytes", flat=True).first() or 0


def _rate_now(workspace: Workspace) -> int:
    rows = ApiMinute.objects.filter(workspace=workspace, minute__gte=_minute(timezone.now()))
    return rows.values_list("requests", flat=True).first() or 0


def _till_midnight() -> int:
    now = timezone.now().astimezone(UTC)
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    return int((midnight - now).total_seconds()) + 1
