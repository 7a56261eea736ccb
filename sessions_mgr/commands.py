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
SEND_TIMEOUT = 20.0  # the worker answers after 15 s, with `timeout` when it still sends

# How long to wait for each operation, in seconds: a little longer than the worker itself does
# (sessions_mgr/worker/commands.py), so that the answer is the worker's and not the bus's.
TIMEOUTS = {
    "health": HEALTH_TIMEOUT,
    "pair_phone": PAIRING_TIMEOUT,
    "send": SEND_TIMEOUT,
    "upload_begin": 5.0,
    "upload_chunk": 10.0,
    "upload_end": 5.0,
    "download_begin": 125.0,
    "download_chunk": 10.0,
    "download_end": 5.0,
    "picture": 2.3,
    "check_numbers": 12.0,
    "contact_names": 7.0,
    "presence": 7.0,
    "typing": 7.0,
    "mark_read": 12.0,
    "group_list": 18.0,
    "group_info": 12.0,
    "group_create": 18.0,
    "group_participants": 18.0,
    "group_update": 23.0,
    "group_picture": 18.0,
    "group_invite": 12.0,
    "group_join": 18.0,
    "group_leave": 18.0,
    "group_requests": 12.0,
    "group_decide": 18.0,
}
CHUNK_BYTES = 384 * 1024  # of a file, in one upload_chunk or download_chunk, before base64

# Nothing was done, and it passes by itself: ask again with the same arguments. For `send` with the
# same request_id: it is never sent twice.
PASSING = frozenset(
    {
        "not_connected",
        "not_running",
        "timeout",
        "bus_unavailable",
        "busy",
        "rate_limited",
        "upload_failed",
        "no_such_upload",  # upload again first: a new worker has no files of the old one
    }
)


class CommandFailed(Exception):
    """The worker could not do it. `code` is for programs, `detail` for people.

    `extra` holds what else the worker said: `until` of a time-lock, `wa_id` of an unknown outcome,
    `whatsapp_error` (WhatsApp's own number), `received` of an upload, `running` of a send that is
    not over yet. `silent`: the timeout is ours, the worker itself said nothing.
    """

    def __init__(self, code: str, detail: str, extra: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.extra = extra or {}

    @property
    def passing(self) -> bool:
        return self.code in PASSING


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
        detail = f"The worker did not answer within {timeout:g} s."
        raise CommandFailed("timeout", detail, {"silent": True}) from None
    except BusUnavailable as exc:
        raise CommandFailed("bus_unavailable", f"The message bus is away: {exc}") from None
    if answer.get("ok"):
        result: dict[str, Any] = answer["result"]
        return result
    error = dict(answer.get("error", {}))
    code, detail = error.pop("code", "internal"), error.pop("detail", "no detail")
    raise CommandFailed(code, detail, error)


def order(account: WhatsAppAccount, op: str, **args: Any) -> dict[str, Any]:
    """`ask` with the operation's own timeout, or a shorter one as `timeout` in the arguments."""
    timeout = TIMEOUTS[op]
    if op != "send" and "timeout" in args:
        timeout = min(timeout, float(args["timeout"]) + 0.3)
    return ask(account, op, args, timeout)


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
        "rss_history": live.get("rss_history", []),
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
