"""What a dispatcher reads and writes. Each function is one transaction; time comes in as `at`.

Rules: one dispatcher holds an account (Pacing.hold); only the first message of a lane may go; the
row says `sending` and names the epoch before a worker is asked (`begin`); whatever is written later
is written only while the message is waiting. A dispatcher that lost its hold without knowing does
no harm: the worker knows every request id.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Min, Q

from accounts.models import WhatsAppAccount
from events import services as event_log
from sessions_mgr.commands import CommandFailed
from sessions_mgr.models import Session
from sessions_mgr.states import Status as SessionStatus

from ..models import Chat, Message, Outgoing, Pacing
from ..models.people import NEVER
from ..statuses import Status
from . import errors, pacing, settling

LEASE = timedelta(seconds=30)
HEADS = 200  # lanes of one account looked at in one turn
EXPIRE_AT_ONCE = 200
DOUBT_GRACE = timedelta(seconds=60)  # a send that is being asked for may still be answered
FIRST_DELAY = 1.0  # seconds until the second try
LONGEST_DELAY = 60.0


@dataclass(frozen=True, slots=True)
class Begun:
    """The worker may be asked now. `first_epoch` is 0 when it never was."""

    epoch: int
    first_epoch: int


@dataclass(frozen=True, slots=True)
class Later:
    """Not yet: the rules of the account, or its connection, say wait."""

    until: datetime


def accounts_to_serve(at: datetime) -> list[UUID]:
    """Connected accounts with something that is due."""
    return list(
        Pacing.objects.filter(
            account__deleted_at=None,
            account__session__status=SessionStatus.CONNECTED,
            account__outgoing__finished_at=None,
            account__outgoing__not_before__lte=at,
        )
        .distinct()
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def hold(account_id: UUID, holder: str, at: datetime) -> bool:
    held = Pacing(account_id=account_id)
    return held.hold(holder, at=at, until=at + LEASE)


def release(holder: str) -> None:
    Pacing.objects.filter(holder=holder).update(holder="", held_until=None)


def heads(account_id: UUID, *, at: datetime, busy: Mapping[str, UUID], room: int) -> list[Outgoing]:
    """The first message of each lane that is due and free, longest waiting first.

    `busy` names the message under way in each lane: the lane may have another name by now.
    """
    firsts = (
        Outgoing.objects.waiting()
        .filter(account_id=account_id)
        .exclude(lane__in=busy.keys())
        .values("lane")
        .annotate(first=Min("id"))
        .order_by("first")
        .values_list("first", flat=True)[:HEADS]
    )
    ready = (
        Outgoing.objects.waiting()
        .filter(pk__in=list(firsts), not_before__lte=at)
        .exclude(message_id__in=busy.values())
        .filter(Q(message__media=None) | ~Q(message__media__state="pending"))
        .select_related("message__account", "message__chat_row", "message__media")
        .order_by("id")
    )
    return list(ready[:room])


def reserve(outgoing: Outgoing, at: datetime) -> Later | None:
    """Take this message's place under the account's rules. None when it may go now."""
    if outgoing.started_at is not None:
        return None
    row = Pacing.objects.get(pk=outgoing.account_id)
    if not (row.min_gap_ms or row.new_chats_per_hour or row.paused_until):
        return None  # nothing holds it back, so nothing need be noted
    return _reserve(outgoing, at)


@transaction.atomic
def _reserve(outgoing: Outgoing, at: datetime) -> Later | None:
    row = Pacing.objects.select_for_update().get(pk=outgoing.account_id)
    start = pacing.earliest_start(
        rules_of(row), _standing(row, at), now=at, new_chat=outgoing.new_chat
    )
    if start > at:
        outgoing.change(not_before=start)
        return Later(start)
    Pacing.objects.filter(pk=row.pk).update(last_started_at=at)
    outgoing.change(started_at=at)
    return None


def rules_of(row: Pacing) -> pacing.Rules:
    return pacing.Rules(
        min_gap_ms=row.min_gap_ms,
        new_chats_per_hour=row.new_chats_per_hour,
        typing=row.typing,
        typing_ms_per_character=row.typing_ms_per_character,
        typing_max_ms=row.typing_max_ms,
    )


def rules(account_id: UUID) -> pacing.Rules:
    return rules_of(Pacing.objects.get(pk=account_id))


def _standing(row: Pacing, at: datetime) -> pacing.Standing:
    new_chats: tuple[datetime, ...] = ()
    if row.new_chats_per_hour:
        starts = Outgoing.objects.filter(
            account_id=row.pk, new_chat=True, started_at__gt=at - pacing.NEW_CHAT_WINDOW
        )
        times = starts.order_by("started_at").values_list("started_at", flat=True)
        new_chats = tuple(started for started in times if started is not None)
    return pacing.Standing(row.last_started_at, new_chats, row.paused_until)


@transaction.atomic
def begin(outgoing: Outgoing, at: datetime) -> Begun | None:
    """Commit that the worker is asked from now on. None when it must not be (any more).

    From here until a definite answer the message is in doubt, also for whoever comes after a crash.
    """
    event_log.take_turns(accounts=outgoing.account_id)
    message = (
        Message.objects.select_for_update(of=("self",))
        .select_related("account")
        .get(pk=outgoing.message_id)
    )
    if message.status not in (Status.QUEUED, Status.SENDING):
        return None
    session = Session.objects.filter(pk=outgoing.account_id, status=SessionStatus.CONNECTED).first()
    if session is None:
        return None
    first = Outgoing.objects.values_list("first_epoch", flat=True).get(pk=outgoing.pk)
    changed = outgoing.change(
        first_epoch=first or session.epoch,
        in_doubt=True,
        started_at=outgoing.started_at or at,
        attempts=outgoing.attempts + 1,
    )
    if not changed:
        return None
    settling.sending(message, at)
    return Begun(epoch=session.epoch, first_epoch=first)


def postpone(
    outgoing: Outgoing,
    *,
    at: datetime,
    code: str,
    detail: str,
    doubt: bool,
    not_before: datetime | None = None,
) -> datetime:
    """Try again later, each time after a longer wait. When that is."""
    wait = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(max(outgoing.attempts - 1, 0), 10))
    again = max(at + timedelta(seconds=wait), not_before or at)
    outgoing.change(
        not_before=again,
        attempts=outgoing.attempts,
        trouble={"code": code, "detail": detail},
        in_doubt=doubt,
    )
    return again


def wait_a_moment(outgoing: Outgoing, *, at: datetime, code: str, detail: str) -> None:
    """As `postpone`, before the worker was asked to send: nothing is in doubt by it."""
    outgoing.attempts += 1
    outgoing.change(
        not_before=at + timedelta(seconds=min(LONGEST_DELAY, 2 ** min(outgoing.attempts, 10))),
        attempts=outgoing.attempts,
        trouble={"code": code, "detail": detail},
    )


def expire(at: datetime, *, busy: Collection[UUID] = ()) -> int:
    """End what nobody may wait for any longer. `busy`: messages being sent right now. How many."""
    late = (
        Outgoing.objects.waiting()
        .filter(expires_at__lte=at)
        .exclude(message_id__in=busy)
        .select_related("message")
        .order_by("expires_at")
    )
    count = 0
    for outgoing in late[:EXPIRE_AT_ONCE]:
        if outgoing.in_doubt:
            if outgoing.expires_at + DOUBT_GRACE <= at:
                count += settling.unknown(
                    outgoing.message_id,
                    detail="WhatsApp may have it: an answer was lost, and time has run out.",
                    at=at,
                )
            continue
        trouble = outgoing.trouble or {}
        limited = trouble.get("code") == errors.RATE_LIMITED
        why = trouble.get("detail") or "The account was not connected."
        count += settling.failed(
            outgoing.message_id,
            error={
                "code": errors.RATE_LIMITED if limited else errors.EXPIRED,
                "detail": f"Not sent in time. {why}",
            },
            at=at,
        )
    return count


def give_up_on_gone_sessions(at: datetime) -> int:
    """Messages of accounts whose link was ended fail: whoever pairs next may be another number."""
    gone = (
        Outgoing.objects.waiting()
        .filter(Q(account__session__status=SessionStatus.LOGGED_OUT) | ~Q(account__deleted_at=None))
        .select_related("message")
    )
    count = 0
    for outgoing in gone[:EXPIRE_AT_ONCE]:
        detail = "The number is no longer linked; connect it again."
        if outgoing.in_doubt:
            count += settling.unknown(outgoing.message_id, detail=detail, at=at)
        else:
            error = {"code": errors.SESSION_GONE, "detail": detail}
            count += settling.failed(outgoing.message_id, error=error, at=at)
    return count


def account(account_id: UUID) -> WhatsAppAccount:
    return WhatsAppAccount.objects.select_related("workspace").get(pk=account_id)


def chat_of(message: Message, outgoing: Outgoing) -> Chat | None:
    return (
        message.chat_row
        or Chat.objects.filter(account_id=message.account_id, jid=outgoing.lane).first()
    )


def reference(message_id: str) -> Message | None:
    """The message that another one quotes or changes."""
    return Message.objects.filter(pk=message_id).first() if message_id else None


def note_quoted(message: Message, quoted: Message) -> None:
    """The quoted message had no wa_id when this one was queued; now it has."""
    known = message.content.get("quoted") or {}
    if known.get("wa_id") != quoted.wa_id:
        message.content = {**message.content, "quoted": {**known, "wa_id": quoted.wa_id}}
        message.save(update_fields=["content"])


def note_timer(message: Message, chat: Chat | None, *, first: bool) -> None:
    """What is sent has the timer that its chat had at the first try: that may have gone out."""
    if not first or chat is None:
        return
    timer = ("expires_in", "expires_since")
    content = {name: said for name, said in message.content.items() if name not in timer}
    if chat.disappearing_seconds:
        content["expires_in"] = chat.disappearing_seconds
        if chat.disappearing_at != NEVER:
            content["expires_since"] = int(chat.disappearing_at.timestamp())
    if content != message.content:
        message.content = content
        message.save(update_fields=["content"])


def error_of(exc: CommandFailed) -> dict[str, Any]:
    """A worker's refusal as a message keeps it: {code, detail, until?}."""
    until = exc.extra.get("until")
    return {"code": exc.code, "detail": exc.detail} | ({"until": until} if until else {})
