"""Ask the worker of an account to do something now: request/reply with a deadline.

No worker answers "no responders" at once; that is a CommandFailed too, never a hang.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from accounts.models import WhatsAppAccount
from events.models import rfc3339

from .bus import carriers, streams
from .bus.client import BusUnavailable, NoResponders
from .models import Session
from .states import Status

HEALTH_TIMEOUT = 1.0  # seconds
PAIRING_TIMEOUT = 10.0
SEND_TIMEOUT = 20.0


class CommandFailed(Exception):
    """The worker could not do it. `code` is for programs, `detail` for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def ask(account: WhatsAppAccount, op: str, args: dict[str, Any], timeout: float) -> dict[str, Any]:
    """The worker's result for one command."""
    subject = streams.command_subject(account.pk)
    try:
        answer = carriers.current().request(subject, {"op": op, "args": args}, timeout)
    except NoResponders:
        raise CommandFailed(
            "not_running", "No worker runs for this account; connect it first."
        ) from None
    except TimeoutError:
        raise CommandFailed("timeout", f"The worker did not answer within {timeout:g} s.") from None
    except BusUnavailable as exc:
        raise CommandFailed("bus_unavailable", f"The message bus is away: {exc}") from None
    if answer.get("ok"):
        result: dict[str, Any] = answer["result"]
        return result
    error = answer.get("error", {})
    raise CommandFailed(error.get("code", "internal"), error.get("detail", "no detail"))


def health(account: WhatsAppAccount) -> dict[str, Any]:
    """Separate facts about the running side; a missing worker is a fact too, not an error."""
    session = Session.objects.get(pk=account.pk)
    try:
        live = ask(account, "health", {}, HEALTH_TIMEOUT)
        alive = True
    except CommandFailed as exc:
        # A worker that is there and does not answer is alive as a process, as far as we can tell.
        live, alive = {}, exc.code == "timeout"
    return {
        "process_alive": alive,
        "socket_alive": bool(live.get("socket_alive", False)),
        "logged_in": bool(live.get("logged_in", False)),
        "last_seen_at": _time(live.get("last_seen_at")),
        "rss_bytes": live.get("rss_bytes"),
        "restarts": session.restarts,
        "worker_pid": live.get("pid"),
        "node": live.get("node") or session.node or None,
        "engine": live.get("engine"),
        "capabilities": live.get("capabilities", {}),
        "epoch": session.epoch,
    }


def _time(seconds: float | None) -> str | None:
    return rfc3339(datetime.fromtimestamp(seconds, UTC)) if seconds else None


def pair_phone(*, account: WhatsAppAccount, phone_number: str) -> dict[str, Any]:
    """{code, expires_at}: the 8-character code that the phone with this number can type."""
    status = Session.objects.values_list("status", flat=True).get(pk=account.pk)
    if status != Status.QR_SCANNING:
        raise CommandFailed(
            "not_pairing",
            f"A pairing code can be made while the account waits for a phone; it is {status}.",
        )
    made = ask(account, "pair_phone", {"phone_number": phone_number}, PAIRING_TIMEOUT)
    return {"code": made["code"], "expires_at": _time(made["expires_at"])}
