"""What the refusal of a worker is over HTTP, the same at every address."""

from __future__ import annotations

from accounts.api.problems import Problem

from ..commands import CommandFailed

REFUSALS = {
    "not_connected": (409, "not_connected"),
    "not_running": (409, "not_connected"),
    "not_pairing": (409, "not_pairing"),
    "session_gone": (409, "session_gone"),
    "no_push_name": (409, "no_push_name"),
    "already_done": (409, "already_done"),
    "resource_limit": (409, "resource_limit"),
    "timeout": (504, "worker_timeout"),
    "bus_unavailable": (503, "bus_unavailable"),
    "busy": (503, "busy"),
    "invalid_request": (422, "invalid"),
    "invalid_recipient": (422, "invalid_recipient"),
    "invalid_phone_number": (422, "invalid_phone_number"),
    "not_acceptable": (422, "not_acceptable"),
    "not_on_whatsapp": (422, "not_on_whatsapp"),
    "media_rejected": (422, "media_rejected"),
    "media_too_large": (413, "media_too_large"),
    "not_found": (404, "not_found"),
    "not_a_member": (403, "not_a_member"),
    "not_allowed": (403, "not_allowed"),
    "rate_limited": (429, "rate_limited"),
    "reachout_timelock": (429, "reachout_timelock"),
    "unknown_op": (501, "not_supported"),
    "unsupported_by_engine": (501, "not_supported"),
    "internal": (502, "internal"),
    "pairing_refused": (502, "pairing_refused"),
    "send_failed": (502, "send_failed"),
}
OTHERWISE = (502, "worker_failed")  # with the worker's own code as `worker_code`


def refusal(exc: CommandFailed) -> Problem:
    status, code = REFUSALS.get(exc.code, OTHERWISE)
    extra = {"until": exc.extra["until"]} if exc.extra.get("until") else {}
    if exc.code not in REFUSALS:
        extra["worker_code"] = exc.code
    return Problem(status, code, exc.detail, **extra)
