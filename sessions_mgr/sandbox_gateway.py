"""The product's side of the sandbox network: its control API, with deadlines and typed errors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
from django.conf import settings

TIMEOUT = httpx.Timeout(20.0, connect=2.0)  # seconds; a scan takes a second or two


class SandboxError(Exception):
    """The sandbox refused, or is not there. `status` is the HTTP status to answer with; `field`
    names the member of the request that is to blame, where one is."""

    def __init__(self, status: int, code: str, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field


@dataclass(frozen=True, slots=True)
class File:
    """What a virtual phone decrypted; the MIME type is the sender's claim."""

    data: bytes
    mime_type: str


def network() -> dict[str, Any]:
    """What the running sandbox wrote down about itself."""
    try:
        found: dict[str, Any] = json.loads((settings.SANDBOX_DIR / "network.json").read_text())
    except (OSError, ValueError):
        raise SandboxError(503, "sandbox_down", "The sandbox network is not running.") from None
    return found


def call(
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    query: dict[str, str] | None = None,
) -> Any:
    """One request to the control API; the decoded answer."""
    answer = _request(method, path, body, query)
    return answer.json() if answer.content else {}


def _request(
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    query: dict[str, str] | None = None,
) -> httpx.Response:
    where = network()
    try:
        answer = httpx.request(
            method,
            where["control_url"].rstrip("/") + path,
            json=body,
            params=query,
            headers={"Authorization": f"Bearer {where['control_token']}"},
            timeout=TIMEOUT,
            trust_env=False,
        )
    except httpx.HTTPError as exc:
        raise SandboxError(
            503, "sandbox_down", f"The sandbox network does not answer: {exc}"
        ) from None
    if answer.is_error:
        data = answer.json() if answer.content else {}
        raise SandboxError(
            answer.status_code,
            data.get("code", "sandbox_error"),
            data.get("detail", "no detail"),
            data.get("field", ""),
        )
    return answer


def is_up() -> bool:
    try:
        call("GET", "/health")
    except SandboxError:
        return False
    return True


def phones() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call("GET", "/phones")["results"]
    return found


def create_phone(phone_number: str, name: str = "", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = call(
        "POST", "/phones", {"phone_number": phone_number, "name": name or phone_number, **more}
    )
    return made


def scan(number: str, qr_text: str) -> dict[str, Any]:
    linked: dict[str, Any] = call("POST", f"/phones/{number}/scan", {"qr": qr_text})
    return linked


def pair(number: str, code: str) -> dict[str, Any]:
    linked: dict[str, Any] = call("POST", f"/phones/{number}/pair", {"code": code})
    return linked


def send(number: str, message: dict[str, Any]) -> dict[str, Any]:
    sent: dict[str, Any] = call("POST", f"/phones/{number}/messages", message)
    return sent


def send_text(number: str, to: str, text: str) -> dict[str, Any]:
    return send(number, {"to": to, "type": "text", "text": text})


def inbox(number: str, **query: str) -> list[dict[str, Any]]:
    """The query may hold after, before, limit and order (oldest, newest)."""
    found: list[dict[str, Any]] = call("GET", f"/phones/{number}/inbox", query=query)["results"]
    return found


def inbox_media(number: str, entry: str) -> File:
    """The file of a message, by the id of its inbox entry or its WhatsApp id."""
    answer = _request("GET", f"/phones/{number}/inbox/{entry}/media")
    return File(answer.content, answer.headers["content-type"])


def receipts(number: str, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call("GET", f"/phones/{number}/receipts", query=query)["results"]
    return found


def read(number: str, wa_id: str, *, played: bool) -> dict[str, Any]:
    done: dict[str, Any] = call(
        "POST", f"/phones/{number}/read", {"wa_id": wa_id, "played": played}
    )
    return done


def history(number: str) -> dict[str, Any]:
    found: dict[str, Any] = call("GET", f"/phones/{number}/history")
    return found


def set_history(number: str, wanted: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = call("POST", f"/phones/{number}/history", wanted)
    return kept


def sync_history(number: str, jid: str | None = None) -> dict[str, Any]:
    sent: dict[str, Any] = call(
        "POST", f"/phones/{number}/history/sync", {"jid": jid} if jid else {}
    )
    return sent


def unlink(number: str, jid: str | None = None) -> None:
    call("POST", f"/phones/{number}/unlink", {"jid": jid} if jid else {})


def set_online(number: str, online: bool) -> None:
    call("POST", f"/phones/{number}/{'online' if online else 'offline'}", {})


def set_picture(number: str, base64_data: str | None) -> None:
    call("POST", f"/phones/{number}/picture", {"base64": base64_data})


def arm_fault(fault: dict[str, Any]) -> dict[str, Any]:
    armed: dict[str, Any] = call("POST", "/faults", fault)
    return armed
