"""How a status is told: words, a shape, a hue, and the one button that helps. Pure.

Rule: a person reads the state here, never from colour alone. The texts say what is true now and
what follows; the reason's own sentence (sessions_mgr/reasons.py) comes next to them.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from sessions_mgr.states import ACTIVE, Status


@dataclass(frozen=True, slots=True)
class Look:
    """What _status.html draws: `icon` is the shape (templates/console/icons), `hue` a class of
    static/css/tokens.css."""

    words: str | Promise
    icon: str
    hue: str


@dataclass(frozen=True, slots=True)
class Face:
    """The Look of a status, and what it means."""

    status: Status
    words: Promise
    icon: str
    hue: str
    meaning: Promise


FACES: dict[Status, Face] = {
    face.status: face
    for face in (
        Face(
            Status.CONNECTED,
            _("Connected"),
            "connected",
            "good",
            _("Messages come in and go out."),
        ),
        Face(
            Status.STARTING,
            _("Starting"),
            "starting",
            "busy",
            _("A process is being started for this number."),
        ),
        Face(
            Status.QR_SCANNING,
            _("Waiting for the phone"),
            "scan",
            "busy",
            _("A code is ready. Scan it with the phone."),
        ),
        Face(
            Status.PAIRING,
            _("Pairing"),
            "pairing",
            "busy",
            _("The phone has scanned the code; keys are being exchanged."),
        ),
        Face(
            Status.RECONNECTING,
            _("Reconnecting"),
            "reconnecting",
            "warn",
            _("The line is down. It is expected back by itself."),
        ),
        Face(
            Status.LOGGED_OUT,
            _("Logged out"),
            "logged-out",
            "bad",
            _("The link to the phone has ended. It takes a new code."),
        ),
        Face(
            Status.FAILED,
            _("Failed"),
            "failed",
            "bad",
            _("We stopped trying. It takes a person to go on."),
        ),
        Face(
            Status.DISCONNECTED,
            _("Disconnected"),
            "disconnected",
            "idle",
            _("Nobody asked for a connection; nothing runs."),
        ),
    )
}


def face(status: str) -> Face:
    return FACES[Status(status)]


@dataclass(frozen=True, slots=True)
class Button:
    """A form with one button. `url` is the name of a POST endpoint of the number."""

    url: str
    words: Promise


CONNECT = Button("console:number-connect", _("Connect"))
CONNECT_AGAIN = Button("console:number-connect", _("Connect again"))
NEW_CODE = Button("console:number-connect", _("New code"))
DISCONNECT = Button("console:number-disconnect", _("Disconnect"))
CANCEL = Button("console:number-disconnect", _("Cancel"))
RESTART = Button("console:number-restart", _("Restart"))
TRY_NOW = Button("console:number-restart", _("Try now"))


def main_button(status: str, reason_code: str) -> Button | None:
    """What helps in this state, or None while it is under way by itself."""
    match Status(status):
        case Status.DISCONNECTED:
            return CONNECT
        case Status.LOGGED_OUT:
            return NEW_CODE
        case Status.FAILED:
            return NEW_CODE if reason_code in ("qr_timeout", "pairing_refused") else CONNECT_AGAIN
        case Status.RECONNECTING:
            return TRY_NOW
    return None


def other_buttons(status: str) -> list[Button]:
    """What else a person may want, quietly."""
    match Status(status):
        case Status.CONNECTED:
            return [RESTART, DISCONNECT]
        case Status.RECONNECTING | Status.FAILED | Status.LOGGED_OUT:
            return [DISCONNECT]
        case Status.DISCONNECTED:
            return []
    return [CANCEL]


# What the list can be narrowed to: a word for the person, the statuses behind it.
GROUPS: dict[str, tuple[Promise, frozenset[Status]]] = {
    "connected": (_("Connected"), frozenset({Status.CONNECTED})),
    "busy": (
        _("On the way"),
        ACTIVE - {Status.CONNECTED, Status.RECONNECTING},
    ),
    "reconnecting": (_("Reconnecting"), frozenset({Status.RECONNECTING})),
    "attention": (_("Needs you"), frozenset({Status.FAILED, Status.LOGGED_OUT})),
    "disconnected": (_("Disconnected"), frozenset({Status.DISCONNECTED})),
}
GROUP_HUES = {
    "connected": "good",
    "busy": "busy",
    "reconnecting": "warn",
    "attention": "bad",
    "disconnected": "idle",
}
GROUP_ICONS = {
    "connected": "connected",
    "busy": "starting",
    "reconnecting": "reconnecting",
    "attention": "failed",
    "disconnected": "disconnected",
}
