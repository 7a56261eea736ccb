"""How messages are told: what one is in a word or two, how far it came, what to do when it failed.

Pure: documents of messaging.descriptions in, words out. The state is words and a shape, never a
colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from messaging.statuses import Status

PREVIEW = 120  # characters


@dataclass(frozen=True, slots=True)
class Step:
    """How far a message of ours came. `icon` is the shape, `hue` a class of tokens.css."""

    words: Promise
    icon: str
    hue: str
    meaning: Promise


STEPS: dict[str, Step] = {
    Status.QUEUED: Step(
        gettext_lazy("queued"), "queued", "idle", gettext_lazy("It waits for its turn.")
    ),
    Status.SENDING: Step(
        gettext_lazy("sending"), "starting", "busy", gettext_lazy("The worker is sending it.")
    ),
    Status.SENT: Step(gettext_lazy("sent"), "sent", "idle", gettext_lazy("WhatsApp has it.")),
    Status.DELIVERED: Step(
        gettext_lazy("delivered"), "delivered", "idle", gettext_lazy("A phone has it.")
    ),
    Status.READ: Step(gettext_lazy("read"), "read", "good", gettext_lazy("It was read.")),
    Status.PLAYED: Step(gettext_lazy("played"), "read", "good", gettext_lazy("It was played.")),
    Status.FAILED: Step(gettext_lazy("failed"), "failed", "bad", gettext_lazy("It was not sent.")),
    Status.UNKNOWN: Step(
        gettext_lazy("unknown"),
        "unknown",
        "warn",
        gettext_lazy("Nobody can say whether it was sent. It is not sent again by itself."),
    ),
    Status.CANCELLED: Step(
        gettext_lazy("taken back"), "disconnected", "idle", gettext_lazy("It was never sent.")
    ),
}

# What a person can do about a message that failed, by the code of its error.
ADVICE: dict[str, Promise] = {
    "not_on_whatsapp": gettext_lazy("Check the number: nobody uses it on WhatsApp."),
    "invalid_recipient": gettext_lazy("Check the number."),
    "reachout_timelock": gettext_lazy(
        "WhatsApp does not let this number write to people who never wrote to it. "
        "Wait, or let them write first."
    ),
    "rate_limited": gettext_lazy(
        "WhatsApp found this number too fast. Make its pacing slower on the Settings tab."
    ),
    "expired": gettext_lazy("No connection came in time. Connect the number and send it again."),
    "session_gone": gettext_lazy("The number is no longer linked. Connect it and send it again."),
    "not_connected": gettext_lazy("Connect the number and send it again."),
    "not_running": gettext_lazy("Connect the number and send it again."),
    "not_a_member": gettext_lazy("This number is no longer in the group. Ask an admin to add it."),
    "not_allowed": gettext_lazy("Only admins may write in this group."),
    "media_too_large": gettext_lazy("Send a smaller file."),
    "media_invalid": gettext_lazy("Send the file as a document, or another file."),
    "media_rejected": gettext_lazy("Send the file as a document, or another file."),
    "media_gone": gettext_lazy("Attach the file once more."),
    "upload_failed": gettext_lazy("Try again; WhatsApp did not take the file."),
    "voice_not_converted": gettext_lazy(
        "Send an Ogg Opus file, or have ffmpeg installed on the server."
    ),
    "message_too_old": gettext_lazy("WhatsApp allows this for a while only; it is over."),
    "target_not_sent": gettext_lazy("The message that it belongs to was not sent."),
    "unknown_outcome": gettext_lazy("Look at the phone before you send it again."),
    "timeout": gettext_lazy("Look at the phone before you send it again."),
}

KINDS: dict[str, Promise] = {
    "image": gettext_lazy("Picture"),
    "video": gettext_lazy("Video"),
    "audio": gettext_lazy("Sound"),
    "voice": gettext_lazy("Voice message"),
    "document": gettext_lazy("Document"),
    "sticker": gettext_lazy("Sticker"),
    "location": gettext_lazy("Location"),
    "live_location": gettext_lazy("Live location"),
    "contact": gettext_lazy("Contact"),
    "poll": gettext_lazy("Poll"),
    "view_once": gettext_lazy("To be viewed once"),
    "group_invite": gettext_lazy("Invitation to a group"),
    "undecryptable": gettext_lazy("Cannot be decrypted yet"),
    "unsupported": gettext_lazy("A kind of message that is not known here"),
}


def advice(error: dict[str, Any] | None) -> str:
    """What helps; empty where we know nothing better than the error's own sentence."""
    return str(ADVICE.get(str((error or {}).get("code")), ""))


def kind(message_type: str) -> str:
    """The type as a word; empty for a plain text."""
    return str(KINDS.get(message_type, "")) if message_type != "text" else ""


def preview(last: dict[str, Any] | None, *, group: bool = False) -> str:
    """A chat's last message in words, for the list."""
    if last is None:
        return _("No messages yet")
    if last.get("revoked_at"):
        return _("A message was deleted")
    what = told(last)
    if last.get("direction") == "out":
        return _("You: %(what)s") % {"what": what}
    if group and last.get("sender_name"):
        return f"{last['sender_name']}: {what}"
    return what


def told(message: dict[str, Any]) -> str:
    """What a message says, in one line: its text, after the word for its type where it has one."""
    text = " ".join(str(message.get("text") or "").split())
    if len(text) > PREVIEW:
        text = text[:PREVIEW] + "…"
    word = kind(str(message.get("type") or "text"))
    return f"{word}: {text}" if word and text else word or text


def doing(raw: Mapping[str, Any]) -> str:
    """What an entry of a virtual phone did to another message; empty for one that says something
    itself."""
    match raw["type"]:
        case "reaction":
            emoji = (raw.get("reaction") or {}).get("emoji")
            return _("reacted with %(emoji)s") % {"emoji": emoji} if emoji else _("no reaction")
        case "edit":
            return _("changed a message to: %(text)s") % {"text": raw["edit"].get("text", "")}
        case "revoke":
            return _("deleted a message")
        case "poll_vote":
            options = (raw.get("vote") or {}).get("options") or []
            return _("voted: %(what)s") % {"what": ", ".join(options) or _("nothing")}
        case "timer":
            return _("changed how long messages stay")
    return ""


def who(person: dict[str, Any] | None) -> str:
    """The best name of a person in a document."""
    for name in ("push_name", "phone_number", "jid", "lid"):
        if person and person.get(name):
            return str(person[name]).partition("@")[0]
    return _("somebody")
