"""The conversations of an account: found by either name, moved on by what is said in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from accounts.models import WhatsAppAccount
from sessions_mgr.engines.base import Party

from . import identities
from .identities import PN, Names
from .models import Chat, Direction, Message, Outgoing
from .models.people import NEVER
from .moments import LATEST, moment

LONGEST_NAME = 200  # characters
LONGEST_TIMER = 366 * 86_400  # seconds; WhatsApp's own are 1, 7 and 90 days
TYPES = {"g.us": "group", "broadcast": "broadcast", "newsletter": "newsletter"}


def of(account: WhatsAppAccount, party: Party, *, trusted: bool = True) -> Chat | None:
    """The chat of this party, made or brought up to date. None for a party without a name."""
    wanted = identities.names(identities.in_full(account, party))
    if wanted is None:
        return None
    chat, _changed = identities.settle(
        Chat, account.pk, wanted, merge=_merge, renamed=_keep_order, trusted=trusted
    )
    return chat or _make(account, wanted, party.type)


def known(account: WhatsAppAccount, party: Party) -> Chat | None:
    """The chat as far as we know it; reads and never writes."""
    wanted = identities.names(identities.in_full(account, party))
    return identities.find(Chat, account.pk, wanted) if wanted else None


def by_address(account: WhatsAppAccount, text: str) -> Chat | None:
    """The chat that a person means: a JID, a LID, or a phone number with its +."""
    address = f"{text[1:]}{PN}" if text.startswith("+") else text
    return known(account, Party(jid=address)) if "@" in address else None


def type_of(jid: str) -> str:
    return TYPES.get(jid.rpartition("@")[2], "user")


def describe(chat: Chat | None, party: Mapping[str, Any] | None = None) -> dict[str, str]:
    """As events and the API show a chat inside something else."""
    if chat is not None:
        return {"jid": chat.jid, "lid": chat.lid, "type": chat.type}
    said = party or {}
    return {
        "jid": str(said.get("jid") or ""),
        "lid": str(said.get("lid") or ""),
        "type": str(said.get("type") or "user"),
    }


def as_said(party: Party) -> dict[str, str]:
    """The chat as it is kept in rows."""
    return {
        "jid": identities.plain(party.jid),
        "lid": identities.plain(party.lid),
        "type": party.type,
    }


def shown(account: WhatsAppAccount, party: Party) -> dict[str, str]:
    """The chat of an event, with both names where we know both. Never makes a row."""
    return describe(known(account, party), as_said(party))


def note(chat: Chat, message: Message) -> None:
    """A message of this chat was stored: it may be the last one, and it may be unread."""
    changes: dict[str, Any] = {}
    if chat.last_message_at <= message.timestamp:
        changes = {"last_message": message, "last_message_at": message.timestamp}
    read = chat.read_until is not None and message.timestamp <= chat.read_until
    if message.direction == Direction.IN and not message.history and not read:
        changes["unread"] = F("unread") + 1
    if changes:
        Chat.objects.filter(pk=chat.pk).update(**changes)


def mark_read(chat: Chat, until: datetime) -> None:
    """Everything up to `until` was read, here or on the phone. Never the other way round."""
    moved = Chat.objects.filter(Q(read_until=None) | Q(read_until__lt=until), pk=chat.pk).update(
        read_until=until
    )
    if moved:
        Chat.objects.filter(pk=chat.pk).update(unread=_unread_since(chat, until))


def _unread_since(chat: Chat, at: datetime) -> int:
    return Message.objects.filter(
        chat_row=chat, direction=Direction.IN, history=False, timestamp__gt=at
    ).count()


def rename(chat: Chat, name: str, *, only_if_unnamed: bool = False) -> bool:
    """False when it had that name, or any name where only an unnamed one should get it."""
    name = name[:LONGEST_NAME]
    if not name or chat.name == name or (chat.name and only_if_unnamed):
        return False
    chat.name = name
    chat.save(update_fields=["name"])
    return True


def set_timer(chat: Chat, seconds: Any, at: datetime = NEVER) -> bool:
    """Messages of this chat disappear after so many seconds, since `at`; 0: they stay.

    False when nothing changes: it was so, a newer word is known, or it is no number of seconds.
    """
    if not isinstance(seconds, int) or not 0 <= seconds <= LONGEST_TIMER:
        return False
    moved = (
        Chat.objects.filter(pk=chat.pk, disappearing_at__lte=at)
        .exclude(disappearing_seconds=seconds, disappearing_at=at)
        .update(disappearing_seconds=seconds, disappearing_at=at)
    )
    if moved:
        chat.disappearing_seconds, chat.disappearing_at = seconds, at
    return bool(moved)


def sync(account: WhatsAppAccount, told: Mapping[str, Any]) -> None:
    """What the phone's history says of one chat; what happened since then is newer."""
    jid, lid = str(told.get("jid") or ""), str(told.get("lid") or "")
    chat = of(account, Party(jid=jid, lid=lid, type=type_of(jid)), trusted=False)
    if chat is None:
        return
    changes: dict[str, Any] = {}
    lived = chat.read_until or chat.messages.filter(history=False).exists()
    if isinstance(told.get("unread"), int) and told["unread"] >= 0 and not lived:
        changes["unread"] = min(told["unread"], 1_000_000)
    if isinstance(told.get("last_message_at"), int | float) and chat.last_message_id is None:
        changes["last_message_at"] = moment(told["last_message_at"])
    if isinstance(told.get("archived"), bool):
        changes["archived"] = told["archived"]
    if isinstance(told.get("muted_until"), int | float):
        changes["muted_until"] = _muted(told["muted_until"])
    if changes:
        Chat.objects.filter(pk=chat.pk).update(**changes)
    if isinstance(told.get("expires_since"), int | float):
        set_timer(chat, told.get("expires_in"), moment(told["expires_since"]))
    else:
        set_timer(chat, told.get("expires_in"))
    rename(chat, str(told.get("name") or ""), only_if_unnamed=True)


def _muted(seconds: float) -> datetime | None:
    """Null for "not", the far future for WhatsApp's "for ever" (-1)."""
    if seconds < 0:
        return LATEST
    return moment(seconds) if seconds else None


def _make(account: WhatsAppAccount, wanted: Names, type: str) -> Chat:
    try:
        with transaction.atomic():
            return Chat.objects.create(
                account=account, jid=wanted.jid, lid=wanted.lid, type=type[:16]
            )
    except IntegrityError:  # another process saw it at the same time
        found = identities.find(Chat, account.pk, wanted)
        if found is None:
            raise
        return found


def _keep_order(chat: Chat, former: str) -> None:
    """What waits for this chat under its former name is in one queue with what follows."""
    Outgoing.objects.unsettled().filter(account_id=chat.account_id, lane=former).update(
        lane=chat.jid
    )


def _merge(keep: Chat, gone: Chat) -> None:
    """Everything of `gone` is `keep`'s."""
    Message.objects.filter(chat_row=gone).update(chat_row=keep)
    later = gone if gone.last_message_at > keep.last_message_at else keep
    keep.last_message_id, keep.last_message_at = later.last_message_id, later.last_message_at
    keep.unread += gone.unread
    read = [at for at in (keep.read_until, gone.read_until) if at]
    keep.read_until = max(read, default=None)
    keep.name = keep.name or gone.name
    keep.archived = keep.archived and gone.archived
    keep.muted_until = keep.muted_until or gone.muted_until
    if gone.disappearing_at > keep.disappearing_at:
        keep.disappearing_seconds = gone.disappearing_seconds
        keep.disappearing_at = gone.disappearing_at
    keep.save(
        update_fields=[
            "last_message",
            "last_message_at",
            "unread",
            "read_until",
            "name",
            "archived",
            "muted_until",
            "disappearing_seconds",
            "disappearing_at",
        ]
    )
