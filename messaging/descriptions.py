"""What a message looks like, in events and in the API. The one place that makes the document.

docs/messages.md says what each field means. What engines put into `content` is not trusted to have
the shape it should have: what cannot be shown is left out, and never an error.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Q

from accounts.models import WhatsAppAccount
from events.models import rfc3339
from sessions_mgr.engines.base import Party

from . import chats, identities, people
from .models import Contact, Media, Message, PollVote, Reaction, Receipt

CHUNK = 500  # names looked up by one query
# Keys of `content` that are shown as they are.
PLAIN = ("location", "contacts", "group_invite")
FLAGS = ("forwarded", "view_once", "gif")
# Types whose messages never have a file. Most messages are texts: that saves a query each.
FILELESS = frozenset({"text", "location", "live_location", "poll", "reaction", "edit", "revoke"})


@dataclass(slots=True)
class Known:
    """What other rows say of the messages that are described, read in a few queries."""

    media: dict[UUID, Media] = field(default_factory=dict)
    reactions: dict[UUID, list[Reaction]] = field(default_factory=lambda: defaultdict(list))
    votes: dict[UUID, list[PollVote]] = field(default_factory=lambda: defaultdict(list))
    receipts: dict[UUID, list[Receipt]] = field(default_factory=lambda: defaultdict(list))
    quoted: dict[tuple[UUID, str], Message] = field(default_factory=dict)
    people: dict[tuple[UUID, str], Contact] = field(default_factory=dict)
    us: dict[tuple[UUID, str], dict[str, str]] = field(default_factory=dict)


def describe(message: Message, *, fresh: bool = False) -> dict[str, Any]:
    """The document of one message. `fresh`: just stored, so that nobody can have reacted yet."""
    return describe_all([message], fresh=fresh)[0]


def describe_all(messages: Iterable[Message], *, fresh: bool = False) -> list[dict[str, Any]]:
    """The documents of many, in a fixed number of queries. Take messages from `.whole()`."""
    messages = list(messages)
    known = _look_up(messages, fresh=fresh)
    return [_document(message, known) for message in messages]


def _document(message: Message, known: Known) -> dict[str, Any]:
    content = message.content
    return {
        "id": str(message.pk),
        "account_id": str(message.account_id),
        "wa_id": message.wa_id,
        "direction": message.direction,
        "chat": chats.describe(message.chat_row, message.chat),
        "sender": people.describe(message.sender_contact, message.sender),
        "type": message.type,
        "text": message.text,
        "media": media(known.media.get(message.pk)),
        "quoted": _quoted(message, known),
        "mentions": [_person(message, jid, known) for jid in _strings(content.get("mentions"))],
        "timestamp": rfc3339(message.timestamp),
        "raw_type": message.raw_type,
        "status": message.status,
        "error": message.error,
        "edited_at": rfc3339(message.edited_at) if message.edited_at else None,
        "revoked_at": rfc3339(message.revoked_at) if message.revoked_at else None,
        "history": message.history,
        "sent_by": message.sent_by or None,
        "expires_in": content.get("expires_in") or None,
        **{name: content.get(name) or None for name in PLAIN},
        **{name: bool(content.get(name)) for name in FLAGS},
        "poll": _poll(message, known),
        "reactions": [
            {
                "emoji": reaction.emoji,
                "sender": people.describe(reaction.person),
                "timestamp": rfc3339(reaction.at),
            }
            for reaction in known.reactions.get(message.pk, ())
        ],
        "receipts": _receipts(known.receipts.get(message.pk, ())),
    }


def media(file: Media | None) -> dict[str, Any] | None:
    """The document of a message's file; `url` answers 409 until `state` is stored."""
    if file is None:
        return None
    url = f"/api/v1/media/{file.pk}"
    return {
        "id": str(file.pk),
        "mime_type": file.mime_type,
        "filename": file.filename,
        "size": file.size or None,
        "sha256": file.sha256 or None,
        "url": url,
        "width": file.width,
        "height": file.height,
        "duration": file.duration,
        "waveform": file.waveform or None,
        "animated": file.animated,
        "thumbnail_url": f"{url}?thumbnail=1" if file.thumbnail_size else None,
        "state": file.state,
        "error": file.error,
    }


def _quoted(message: Message, known: Known) -> dict[str, Any] | None:
    """What this one answers: by our own row where we have it, else as the sender quoted it."""
    quote = message.content.get("quoted")
    if not isinstance(quote, dict) or not quote.get("wa_id"):
        return None
    wa_id = str(quote["wa_id"])
    original = known.quoted.get((message.account_id, wa_id))
    if original is None:
        return {
            "message_id": None,
            "wa_id": wa_id,
            "sender": _person(message, str(quote.get("sender_jid") or ""), known),
            "type": None,
            "text": str(quote.get("text") or ""),
        }
    return {
        "message_id": str(original.pk),
        "wa_id": wa_id,
        "sender": people.describe(original.sender_contact, original.sender),
        "type": original.type,
        "text": original.text,
    }


def _person(message: Message, jid: str, known: Known) -> dict[str, str]:
    jid = identities.plain(jid)
    said = {"jid": jid, "lid": jid if jid.endswith(identities.LID) else ""}
    name = (message.account_id, jid)
    return people.describe(known.people.get(name), known.us.get(name, said))


def _poll(message: Message, known: Known) -> dict[str, Any] | None:
    """The question with a count per option; `unreadable` voters chose what we cannot decrypt."""
    poll = message.content.get("poll")
    if not isinstance(poll, dict):
        return None
    votes = known.votes.get(message.pk, [])
    chosen = [digest for vote in votes if vote.readable for digest in vote.option_hashes]
    return {
        "name": str(poll.get("name") or ""),
        "selectable": poll.get("selectable") or 0,
        "options": [
            {"text": option, "votes": chosen.count(option_hash(option))}
            for option in _strings(poll.get("options"))
        ],
        "voters": sum(1 for vote in votes if vote.option_hashes or not vote.readable),
        "unreadable": sum(1 for vote in votes if not vote.readable),
    }


def option_hash(option: str) -> str:
    """As votes name an option: hex SHA-256 of its text."""
    return hashlib.sha256(option.encode()).hexdigest()


def _receipts(receipts: Sequence[Receipt]) -> dict[str, int] | None:
    """In groups: how many persons have it, read it, played it. Who read it has it, too."""
    if not receipts:
        return None
    counts = {"delivered": 0, "read": 0, "played": 0}
    for receipt in receipts:
        for name in counts:
            counts[name] += 1
            if name == receipt.status:
                break
    return counts


def _strings(value: Any) -> list[str]:
    return [part for part in value if isinstance(part, str)] if isinstance(value, list) else []


# Reading what the documents need -----------------------------------------------------------------


def _look_up(messages: list[Message], *, fresh: bool) -> Known:
    known = Known()
    ids = [message.pk for message in messages]
    with_files = [message.pk for message in messages if message.type not in FILELESS]
    if with_files:
        files = Media.objects.filter(message_id__in=with_files).defer("thumbnail", "locator")
        known.media = {file.message_id: file for file in files}
    _look_up_quoted(messages, known)
    _look_up_people(messages, known)
    if fresh:
        return known
    reactions = Reaction.objects.filter(message_id__in=ids).exclude(emoji="")
    for reaction in reactions.select_related("person").order_by("at", "id"):
        known.reactions[reaction.message_id].append(reaction)
    polls = [message.pk for message in messages if message.type == "poll"]
    if polls:
        for vote in PollVote.objects.filter(message_id__in=polls):
            known.votes[vote.message_id].append(vote)
    sent = [m.pk for m in messages if m.direction == "out" and m.chat.get("type") != "user"]
    if sent:
        for receipt in Receipt.objects.filter(message_id__in=sent):
            known.receipts[receipt.message_id].append(receipt)
    return known


def _look_up_quoted(messages: list[Message], known: Known) -> None:
    for account_id, wa_ids in _by_account(messages, _quoted_ids):
        found = Message.objects.filter(account_id=account_id, wa_id__in=wa_ids)
        for original in found.select_related("sender_contact"):
            known.quoted[account_id, str(original.wa_id)] = original


def _look_up_people(messages: list[Message], known: Known) -> None:
    for account_id, jids in _by_account(messages, _named_people):
        match: Q = identities.known_by(jids)
        for person in Contact.objects.filter(match, account_id=account_id):
            for name in (person.jid, person.lid):
                known.people[account_id, name] = person
        if any((account_id, jid) not in known.people for jid in jids):
            _look_up_us(account_id, known)


def _look_up_us(account_id: UUID, known: Known) -> None:
    """A number is no contact of its own, but others mention and quote it."""
    us = WhatsAppAccount.objects.filter(pk=account_id).first()
    if us is not None:
        party = Party(us.jid or "", us.lid or "", us.phone_number or "", us.push_name)
        said = people.as_said(party)
        known.us |= {(account_id, said[name]): said for name in ("jid", "lid") if said[name]}


def _by_account(messages: list[Message], of: Any) -> Iterable[tuple[UUID, list[str]]]:
    """(account, names) in portions that one query can take; nothing for nobody."""
    names: dict[UUID, set[str]] = defaultdict(set)
    for message in messages:
        names[message.account_id].update(of(message))
    for account_id, wanted in names.items():
        ordered = sorted(wanted)
        for start in range(0, len(ordered), CHUNK):
            yield account_id, ordered[start : start + CHUNK]


def _quoted_ids(message: Message) -> list[str]:
    quote = message.content.get("quoted")
    wa_id = quote.get("wa_id") if isinstance(quote, dict) else None
    return [wa_id] if isinstance(wa_id, str) and wa_id else []


def _named_people(message: Message) -> list[str]:
    quote = message.content.get("quoted")
    jids = _strings(message.content.get("mentions"))
    if isinstance(quote, dict):
        jids = [*jids, *_strings([quote.get("sender_jid")])]
    return [identities.plain(jid) for jid in jids if jid]
