"""Reactions and votes: the present answer of one person to one message. The latest one counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts.models import WhatsAppAccount
from events import types
from events.models import rfc3339
from sessions_mgr.engines import base

from .. import people
from ..descriptions import option_hash
from ..models import Message, PollVote, Reaction
from ..moments import moment
from . import held, targets
from .telling import tell

Answer = base.ReactionReceived | base.PollVoted


def reacted(account: WhatsAppAccount, fact: base.ReactionReceived, at: datetime) -> None:
    message = targets.find(account, fact)
    if not _news(account, message, fact):
        return
    when = moment(fact.timestamp)
    data = targets.event_data(account, message, fact)
    data |= {"emoji": fact.emoji or None, "timestamp": rfc3339(when)}
    tell(account, types.MESSAGE_REACTION, when, data)


def voted(account: WhatsAppAccount, fact: base.PollVoted, at: datetime) -> None:
    message = targets.find(account, fact)
    if not _news(account, message, fact):
        return
    when = moment(fact.timestamp)
    data = targets.event_data(account, message, fact)
    data |= {
        "options": _options(message, fact.option_hashes),
        "option_hashes": fact.option_hashes,
        "readable": fact.readable,
        "timestamp": rfc3339(when),
    }
    tell(account, types.MESSAGE_POLL_VOTE, when, data)


def _news(account: WhatsAppAccount, message: Message | None, fact: Answer) -> bool:
    if message is None:
        return held.hold(account, fact.target_wa_id, _key(fact), fact)
    return answer(account, message, fact)


def _key(fact: Answer) -> str:
    """A vote comes twice: as it arrived, and decrypted."""
    open_ = isinstance(fact, base.PollVoted) and fact.readable
    return f"{fact.kind}:{fact.wa_id}{':open' if open_ else ''}"


def _options(message: Message | None, hashes: list[str]) -> list[str]:
    """The texts that were chosen, as far as we know the poll."""
    poll = message.content.get("poll") if message else None
    options = poll.get("options") if isinstance(poll, dict) else None
    texts = {option_hash(o): o for o in options or [] if isinstance(o, str)}
    return [texts[digest] for digest in hashes if digest in texts]


@held.applies(base.ReactionReceived)
@held.applies(base.PollVoted)
def answer(account: WhatsAppAccount, message: Message, fact: Answer) -> bool:
    """Let the answer count. False when it is known, older than what counts, or out of place."""
    if not targets.in_this_chat(account, message, fact):
        return False
    person = people.of(account, fact.sender)
    if person is None:
        return False
    rows: Any = Reaction.objects if isinstance(fact, base.ReactionReceived) else PollVote.objects
    values = {"wa_id": fact.wa_id[:120], "at": moment(fact.timestamp)}
    if isinstance(fact, base.ReactionReceived):
        values["emoji"] = fact.emoji[:80]
    else:
        values |= {"option_hashes": fact.option_hashes, "readable": fact.readable}
    row, created = rows.get_or_create(message=message, person=person, defaults=values)
    if created:
        return True
    opened = values.get("readable") and not getattr(row, "readable", True)
    known = row.wa_id == values["wa_id"] and not opened  # a vote comes sealed first, then opened
    if known or row.at > values["at"]:
        return False
    return bool(rows.filter(pk=row.pk, at__lte=values["at"]).update(**values))
