"""An event in one sentence, and as JSON with its parts marked. Pure: an event in, text out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from events import types
from sessions_mgr.states import Status

from .message_words import STEPS
from .statuses import face
from .stored_words import in_words

TEXT_SHOWN = 120  # characters of a message in a summary


def summary(kind: str, data: dict[str, Any]) -> str:
    """What happened, for a person. Falls back to the type where we know nothing better."""
    writer = _WRITERS.get(kind)
    return writer(data) if writer else kind


def _status(data: dict[str, Any]) -> str:
    status = data.get("status", "")
    words = str(face(status).words) if status in Status.values else _("The status changed")
    reason = data.get("reason") or {}
    return f"{words}. {in_words(reason['message'])}" if reason.get("message") else words


def _qr(data: dict[str, Any]) -> str:
    text = _("QR code %(attempt)s was issued") % {"attempt": data.get("attempt", "")}
    return text if data.get("code") else _("%(text)s (expired)") % {"text": text}


def _pairing_code(data: dict[str, Any]) -> str:
    text = _("A pairing code was issued")
    return text if data.get("code") else _("%(text)s (expired)") % {"text": text}


def _message(data: dict[str, Any]) -> str:
    what = (data.get("text") or "").strip() or f"[{data.get('type', 'message')}]"
    if len(what) > TEXT_SHOWN:
        what = what[:TEXT_SHOWN] + "…"
    if data.get("direction") == "out":
        return _("To %(who)s: %(what)s") % {"who": _person(data.get("chat")), "what": what}
    return _("From %(who)s: %(what)s") % {"who": _person(data.get("sender")), "what": what}


def _ack(data: dict[str, Any]) -> str:
    status = data.get("status", "")
    words = STEPS[status].words if status in STEPS else status
    return _("A message is now %(status)s") % {"status": words}


def _reaction(data: dict[str, Any]) -> str:
    who = _person(data.get("sender"))
    if not data.get("emoji"):
        return _("%(who)s took a reaction back") % {"who": who}
    return _("%(who)s reacted with %(emoji)s") % {"who": who, "emoji": data["emoji"]}


def _edited(data: dict[str, Any]) -> str:
    text = str(data.get("text") or "")[:TEXT_SHOWN]
    return _("%(who)s changed a message: %(text)s") % {
        "who": _person(data.get("sender")),
        "text": text,
    }


def _revoked(data: dict[str, Any]) -> str:
    return _("%(who)s deleted a message for everybody") % {"who": _person(data.get("sender"))}


def _vote(data: dict[str, Any]) -> str:
    choice = ", ".join(data.get("options") or []) or _("something we cannot read or nothing")
    return _("%(who)s voted: %(choice)s") % {"who": _person(data.get("sender")), "choice": choice}


def _media(data: dict[str, Any]) -> str:
    media = data.get("media") or {}
    names = {"name": media.get("filename", ""), "state": media.get("state", "")}
    return _("The file %(name)s is now %(state)s") % names


def _group_joined(data: dict[str, Any]) -> str:
    return _("This number is now in the group %(subject)s") % {
        "subject": data.get("subject") or _person(data.get("chat"))
    }


def _participants(data: dict[str, Any]) -> str:
    parts = []
    for name, words in (
        ("joined", _("joined")),
        ("left", _("left")),
        ("promoted", _("became admin")),
        ("demoted", _("is admin no more")),
    ):
        if people := data.get(name):
            parts.append(f"{', '.join(_person(p) for p in people[:5])} {words}")
    return "; ".join(parts) or _("The members of a group changed")


def _group_updated(data: dict[str, Any]) -> str:
    return _("A group changed: %(what)s") % {"what": ", ".join(data.get("settings") or {})}


def _contact(data: dict[str, Any]) -> str:
    return _("%(who)s has a new %(what)s") % {
        "who": _person(data.get("contact")),
        "what": ", ".join(data.get("changed") or []).replace("_", " "),
    }


def _call(data: dict[str, Any]) -> str:
    who = {"who": _person(data.get("sender"))}
    return _("%(who)s calls with video") % who if data.get("video") else _("%(who)s calls") % who


def _undecryptable(data: dict[str, Any]) -> str:
    return _("A message from %(who)s could not be decrypted yet") % {
        "who": _person(data.get("sender"))
    }


def _gap(data: dict[str, Any]) -> str:
    if not data.get("wa_id"):
        return _("A worker was killed; a message of that moment may be missing")
    return _("A message from %(who)s was lost when a worker was killed") % {
        "who": _person(data.get("sender"))
    }


def _presence(data: dict[str, Any]) -> str:
    return _("%(who)s: %(state)s") % {
        "who": _person(data.get("sender") or data.get("chat")),
        "state": data.get("state", ""),
    }


def _restricted(data: dict[str, Any]) -> str:
    return _("WhatsApp restricted this number: %(kind)s") % {
        "kind": str(data.get("kind", "")).replace("_", " ")
    }


def _webhook_disabled(data: dict[str, Any]) -> str:
    return _("The webhook to %(url)s was disabled: %(reason)s") % {
        "url": data.get("url", ""),
        "reason": in_words((data.get("reason") or {}).get("message", "")),
    }


def _webhook_test(data: dict[str, Any]) -> str:
    return _("A test event was sent to a webhook")


def _person(party: Any) -> str:
    """The best name that the event carries."""
    if not isinstance(party, dict):
        return _("somebody")
    for name in ("push_name", "phone_number", "jid", "lid"):
        if party.get(name):
            return str(party[name])
    return _("somebody")


_WRITERS: dict[str, Callable[[dict[str, Any]], str]] = {
    types.SESSION_STATUS: _status,
    types.SESSION_QR: _qr,
    types.SESSION_PAIRING_CODE: _pairing_code,
    types.MESSAGE: _message,
    types.MESSAGE_ACK: _ack,
    types.MESSAGE_REACTION: _reaction,
    types.MESSAGE_EDITED: _edited,
    types.MESSAGE_REVOKED: _revoked,
    types.MESSAGE_POLL_VOTE: _vote,
    types.MESSAGE_MEDIA: _media,
    types.GROUP_JOINED: _group_joined,
    types.GROUP_PARTICIPANTS: _participants,
    types.GROUP_UPDATED: _group_updated,
    types.CONTACT_UPDATED: _contact,
    types.CALL_OFFER: _call,
    types.MESSAGE_UNDECRYPTABLE: _undecryptable,
    types.MESSAGE_GAP: _gap,
    types.CHAT_PRESENCE: _presence,
    types.ACCOUNT_RESTRICTED: _restricted,
    types.WEBHOOK_DISABLED: _webhook_disabled,
    types.WEBHOOK_TEST: _webhook_test,
}

_TOKEN = re.compile(
    r'(?P<key>"(?:\\.|[^"\\])*"(?=: ))|(?P<text>"(?:\\.|[^"\\])*")'
    r"|(?P<value>\b(?:true|false|null|-?\d[\d.eE+-]*)\b)|(?P<plain>[^\"\w]+|\w+)"
)


def marked_json(value: Any) -> SafeString:
    """Indented JSON; keys, texts and values are spans with a class. Everything is escaped."""
    source = json.dumps(value, indent=2, ensure_ascii=False)
    parts = ((match.lastgroup, match.group()) for match in _TOKEN.finditer(source))
    return format_html_join(
        "",
        "{}",
        ((_mark(kind, text),) for kind, text in parts),
    )


def _mark(kind: str | None, text: str) -> str:
    return text if kind == "plain" else format_html('<span class="json-{}">{}</span>', kind, text)
