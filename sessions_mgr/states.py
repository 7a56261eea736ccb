"""What a session can be, and what moves it.

Rule: every status change in the project is a row of TRANSITIONS. Nothing else assigns a status, so
this table is the whole story; docs/states.md is drawn from it. Pure: no database, no clock, no I/O.
"""

from __future__ import annotations

from enum import StrEnum

from django.db.models import TextChoices

from .engines import base


class Status(TextChoices):
    DISCONNECTED = "disconnected"  # nobody wants it connected; nothing runs
    STARTING = "starting"  # a worker is being started or is opening its store
    QR_SCANNING = "qr_scanning"  # a QR code or pairing code waits for the phone
    PAIRING = "pairing"  # scanned; keys are being exchanged, first sync
    CONNECTED = "connected"  # logged in, socket alive
    RECONNECTING = "reconnecting"  # has credentials, expected back by itself
    LOGGED_OUT = "logged_out"  # the link was ended; a person must connect again
    FAILED = "failed"  # gave up; see the reason


class Desired(TextChoices):
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"


class Signal(StrEnum):
    """Everything that can move a status: orders of people, facts of workers, acts of nodes."""

    CONNECT = "connect requested"
    DISCONNECT = "disconnect requested"
    RESTART = "restart requested"
    WORKER_STARTED = "worker started"
    WORKER_LOST = "worker ended unexpectedly"
    GAVE_UP = "gave up"
    CODE = "code issued"
    PAIRED = "paired"
    CONNECTED = "connected"
    LINE_LOST = "line lost"
    LOGGED_OUT = "logged out"
    FAILED = "failed for good"


S = Status
ACTIVE = frozenset({S.STARTING, S.QR_SCANNING, S.PAIRING, S.CONNECTED, S.RECONNECTING})
WAITING_FOR_PHONE = frozenset({S.QR_SCANNING})

_FROM_ANY_ACTIVE = {
    Signal.RESTART: S.STARTING,
    Signal.DISCONNECT: S.DISCONNECTED,
    Signal.LOGGED_OUT: S.LOGGED_OUT,
    Signal.FAILED: S.FAILED,
    Signal.GAVE_UP: S.FAILED,
    Signal.CONNECTED: S.CONNECTED,
}
_AT_REST = {
    Signal.CONNECT: S.STARTING,
    Signal.RESTART: S.STARTING,
    Signal.DISCONNECT: S.DISCONNECTED,
}

TRANSITIONS: dict[Status, dict[Signal, Status]] = {
    S.DISCONNECTED: {Signal.CONNECT: S.STARTING, Signal.RESTART: S.STARTING},
    S.STARTING: {
        **_FROM_ANY_ACTIVE,
        Signal.CODE: S.QR_SCANNING,
        Signal.PAIRED: S.PAIRING,
        Signal.LINE_LOST: S.RECONNECTING,
        Signal.WORKER_STARTED: S.STARTING,
        Signal.WORKER_LOST: S.STARTING,
    },
    S.QR_SCANNING: {
        **_FROM_ANY_ACTIVE,
        Signal.CODE: S.QR_SCANNING,
        Signal.PAIRED: S.PAIRING,
        Signal.WORKER_STARTED: S.STARTING,
        Signal.WORKER_LOST: S.STARTING,
    },
    S.PAIRING: {
        **_FROM_ANY_ACTIVE,
        Signal.LINE_LOST: S.RECONNECTING,
        Signal.WORKER_STARTED: S.RECONNECTING,
        Signal.WORKER_LOST: S.RECONNECTING,
    },
    S.CONNECTED: {
        **_FROM_ANY_ACTIVE,
        Signal.LINE_LOST: S.RECONNECTING,
        Signal.WORKER_STARTED: S.RECONNECTING,
        Signal.WORKER_LOST: S.RECONNECTING,
    },
    S.RECONNECTING: {
        **_FROM_ANY_ACTIVE,
        Signal.CODE: S.QR_SCANNING,  # the credentials turned out to be gone
        Signal.PAIRED: S.PAIRING,
        Signal.LINE_LOST: S.RECONNECTING,
        Signal.WORKER_STARTED: S.RECONNECTING,
        Signal.WORKER_LOST: S.RECONNECTING,
    },
    S.LOGGED_OUT: dict(_AT_REST),
    S.FAILED: dict(_AT_REST),
}

# What a worker's fact means for the status. Facts that are not listed do not touch it.
SIGNALS: dict[type[base.EngineEvent], tuple[Signal, str]] = {
    base.QrIssued: (Signal.CODE, ""),
    base.PairingCodeIssued: (Signal.CODE, ""),
    base.Paired: (Signal.PAIRED, ""),
    base.Connected: (Signal.CONNECTED, ""),
    base.KeepAliveRestored: (Signal.CONNECTED, ""),
    base.ConnectionLost: (Signal.LINE_LOST, "line_lost"),
    base.KeepAliveLost: (Signal.LINE_LOST, "silent"),
    base.LoggedOut: (Signal.LOGGED_OUT, "unlinked_by_phone"),
    base.Unlinked: (Signal.LOGGED_OUT, "unlinked"),
    base.PairingExpired: (Signal.FAILED, "qr_timeout"),
    base.PairingRefused: (Signal.FAILED, "pairing_refused"),
    base.PasskeyRequired: (Signal.FAILED, "passkey_required"),
    base.StreamReplaced: (Signal.FAILED, "replaced"),
    base.TemporarilyBanned: (Signal.FAILED, "banned"),
    base.ClientOutdated: (Signal.FAILED, "client_outdated"),
    base.ConnectRefused: (Signal.FAILED, "connect_refused"),
    base.StoreCorrupt: (Signal.FAILED, "store_corrupt"),
}


def next_status(current: Status, signal: Signal) -> Status | None:
    """Where the signal leads, or None when this status does not listen to it."""
    return TRANSITIONS[current].get(signal)
