"""Why a message was not sent: the codes that `error.code` of a message may hold, in one place.

A worker's own codes (docs/worker-protocol.md) pass through. PASSING are those after which nobody
has refused the message: the worker was not there, was busy, or its answer got lost.
"""

from __future__ import annotations

from typing import Any

IN_DOUBT = frozenset({"timeout", "bus_unavailable"})  # it may have been sent all the same
PASSING = IN_DOUBT | {
    "not_connected",
    "not_running",
    "busy",
    "rate_limited",
    "upload_failed",
    "no_such_upload",  # another worker by now; the file is handed over again
}
UPLOAD_FAILED = "upload_failed"

EXPIRED = "expired"
UNKNOWN_OUTCOME = "unknown_outcome"
NOT_ON_WHATSAPP = "not_on_whatsapp"
RATE_LIMITED = "rate_limited"
REACHOUT_TIMELOCK = "reachout_timelock"
SESSION_GONE = "session_gone"
TARGET_NOT_SENT = "target_not_sent"
MEDIA_INVALID = "media_invalid"  # the file is broken, or no file of this type
MEDIA_TOO_LARGE = "media_too_large"
MEDIA_UNREACHABLE = "media_unreachable"  # its URL gave no file
MEDIA_REFUSED = "media_url_refused"  # its URL leads where we do not go
STORAGE_FAILED = "storage_failed"  # the disk or bucket of files does not answer
MEDIA_GONE = "media_gone"  # the upload has expired
MEDIA_QUOTA = "quota_exceeded"  # the workspace may keep no more files
VOICE_NOT_CONVERTED = "voice_not_converted"


class MediaProblem(Exception):
    """This file cannot be sent. `again`: the next try may go better."""

    def __init__(self, code: str, detail: str, *, again: bool = False) -> None:
        super().__init__(detail)
        self.code, self.detail, self.again = code, detail, again

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "detail": self.detail}
