"""The line and its ends: pairing, login, bans. Pure: neonize's events in, facts out.

A ban comes as a duration (goneonize/utils/encoder.go).
"""

from __future__ import annotations

import time
from typing import Any

from . import base
from .neonize_parties import device_jid_text, phone_number


def pair_status(event: Any) -> base.EngineEvent:
    if event.Status == event.PStatus.Value("SUCCESS"):
        return base.Paired(
            jid=device_jid_text(event.ID),
            phone_number=phone_number(event.ID),
            platform=event.Platform,
        )
    return base.PairingRefused(detail=event.Error)


def connected(device: Any) -> base.Connected:
    """From the answer of get_me: the event itself says nothing."""
    return base.Connected(
        jid=device_jid_text(device.JID),
        lid=device_jid_text(device.LID),
        phone_number=phone_number(device.JID),
        push_name=device.PushName,
    )


def logged_out(event: Any) -> base.EngineEvent:
    when = "at login" if event.OnConnect else "while connected"
    return base.LoggedOut(detail=f"{_reason(event)} {when}".strip())


def temporary_ban(event: Any) -> base.EngineEvent:
    code = ""
    if event.HasField("Code"):
        code = event.TempBanReason.Name(event.Code).lower()
    expires_at = time.time() + event.Expire if event.Expire > 0 else None
    return base.TemporarilyBanned(code=code, expires_at=expires_at)


def connect_failure(event: Any) -> base.EngineEvent:
    return base.ConnectRefused(code=_reason(event), detail=event.Message)


def _reason(event: Any) -> str:
    if not event.HasField("Reason"):
        return "unknown"
    enum = event.DESCRIPTOR.fields_by_name["Reason"].enum_type
    return str(enum.values_by_number[event.Reason].name).lower()


def stream_error(event: Any) -> base.EngineEvent:
    return base.ConnectionLost(detail=f"stream error {event.Code}")
