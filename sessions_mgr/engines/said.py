"""Facts about what people say and do. See base.py for units and forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .facts import EngineEvent, MediaRef, Party


@dataclass(frozen=True, slots=True)
class MessageReceived(EngineEvent, kind="message_received"):
    """A message of anybody, also of our own other devices (`from_me`).

    `content` holds what the type needs and the fields below have no place for, absent keys meaning
    "not said": quoted {wa_id, sender_jid, text}, mentions [jid], forwarded (bool), view_once
    (bool), expires_in (seconds of a disappearing message), expires_since (when the chat got that
    timer), location {latitude, longitude, name, address, url, live, accuracy}, contacts [{name,
    vcard}], poll {name, options [str], selectable (int, 0: any)}, group_invite {jid, code, name,
    expires_at}, gif (bool).
    """

    wa_id: str
    chat: Party
    sender: Party
    from_me: bool
    timestamp: float
    type: str  # one of MESSAGE_TYPES; unsupported comes with the raw type
    text: str = ""  # also the caption of a file
    raw_type: str = ""
    media: MediaRef | None = None
    content: dict[str, Any] = field(default_factory=dict)
    history: bool = False  # from a history sync, not said just now


MESSAGE_TYPES = frozenset(
    {
        "text",
        "image",
        "video",
        "audio",
        "voice",
        "document",
        "sticker",
        "location",
        "live_location",
        "contact",
        "poll",
        "view_once",  # the notice that one came; only the phone may show it
        "group_invite",
        "unsupported",
    }
)


@dataclass(frozen=True, slots=True)
class ReactionReceived(EngineEvent, kind="reaction_received"):
    """Somebody reacted to a message; an empty emoji takes the reaction back."""

    wa_id: str
    chat: Party
    sender: Party
    from_me: bool
    timestamp: float
    target_wa_id: str
    emoji: str = ""


@dataclass(frozen=True, slots=True)
class MessageEdited(EngineEvent, kind="message_edited"):
    wa_id: str
    chat: Party
    sender: Party
    from_me: bool
    timestamp: float
    target_wa_id: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class MessageRevoked(EngineEvent, kind="message_revoked"):
    """Deleted for everybody, by its author or by an admin of the group."""

    wa_id: str
    chat: Party
    sender: Party  # who deleted it
    from_me: bool
    timestamp: float
    target_wa_id: str


@dataclass(frozen=True, slots=True)
class PollVoted(EngineEvent, kind="poll_voted"):
    """The whole present choice of one person; `readable` is False when it stayed encrypted.

    May come twice under one id: unreadable at once, then readable when it could be decrypted."""

    wa_id: str
    chat: Party
    sender: Party
    from_me: bool
    timestamp: float
    target_wa_id: str
    option_hashes: list[str] = field(default_factory=list)  # hex SHA-256 of the options' texts
    readable: bool = True


@dataclass(frozen=True, slots=True)
class SendSettled(EngineEvent, kind="send_settled"):
    """What became of an order to send. Also answered to the order, which may get lost.

    `error` is {code, detail, until?} of a message that was not sent; either it or `wa_id` is there.
    """

    request_id: str  # the core's id of the message
    timestamp: float
    wa_id: str = ""
    error: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallOffered(EngineEvent, kind="call_offered"):
    call_id: str
    chat: Party
    sender: Party
    timestamp: float
    video: bool = False
    group: bool = False


@dataclass(frozen=True, slots=True)
class GroupJoined(EngineEvent, kind="group_joined"):
    """We are a member now: we made the group, were added, or followed an invitation."""

    chat: Party
    timestamp: float
    subject: str = ""
    participants: list[Party] = field(default_factory=list)
    reason: str = ""
    expires_in: int | None = None  # seconds until messages disappear, 0: never; None: not said


@dataclass(frozen=True, slots=True)
class GroupChanged(EngineEvent, kind="group_changed"):
    """Members came, went, or changed their role, or a setting changed. Absent means unchanged.

    `settings` may hold subject, description, announce (bool), locked (bool), expires_in (seconds),
    approval (bool), deleted (bool), invite_link.
    """

    chat: Party
    sender: Party  # who did it; an empty jid when WhatsApp does not say
    timestamp: float
    joined: list[Party] = field(default_factory=list)
    left: list[Party] = field(default_factory=list)
    promoted: list[Party] = field(default_factory=list)
    demoted: list[Party] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContactSeen(EngineEvent, kind="contact_seen"):
    """A name became known: `people` as WhatsApp calls them now. `names` by jid: {full, first,
    business}, from the phone's address book."""

    people: list[Party]
    names: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PictureChanged(EngineEvent, kind="picture_changed"):
    """A person's or group's picture is another one now, or `removed`. The id is the new picture's,
    or empty when the engine does not say."""

    chat: Party
    timestamp: float
    picture_id: str = ""
    removed: bool = False


@dataclass(frozen=True, slots=True)
class ChatsSynced(EngineEvent, kind="chats_synced"):
    """What the phone's history says of chats: [{jid, lid, name, unread, archived, muted_until,
    expires_in (seconds, 0: messages stay), expires_since (time)}]."""

    chats: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Restricted(EngineEvent, kind="restricted"):
    """WhatsApp limits this account and leaves it connected: reachout_timelock (error 463) …"""

    code: str
    until: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptReceived(EngineEvent, kind="receipt_received"):
    wa_ids: list[str]
    status: str  # delivered, read, played
    chat: Party
    sender: Party
    timestamp: float


# `Undecryptable.detail` of a message that arrived a second time and cannot be read twice. If it was
# stored the first time, all is well; if not, it was lost in a crash, and this says which one.
SEEN_BEFORE = "seen_before"


@dataclass(frozen=True, slots=True)
class Undecryptable(EngineEvent, kind="undecryptable"):
    """A message arrived that could not be read (yet)."""

    wa_id: str
    chat: Party
    sender: Party
    timestamp: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LifeCutShort(EngineEvent, kind="life_cut_short"):
    """The worker before this one was killed. What WhatsApp had handed to it and what was not on
    disk yet is lost; nobody can name it, so the time is told."""

    last_alive_at: float


@dataclass(frozen=True, slots=True)
class EngineCrashed(EngineEvent, kind="engine_crashed"):
    """The worker before this one died in the middle of an operation that the engine is known to die
    of: `op` with `subject`, begun at `at`. It may have been a kill from outside, all the same."""

    op: str
    subject: str
    at: float


@dataclass(frozen=True, slots=True)
class PresenceSeen(EngineEvent, kind="presence_seen"):
    """Typing, recording, online, offline."""

    chat: Party
    sender: Party
    state: str  # typing, recording, paused, available, unavailable
