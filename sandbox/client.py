"""A typed, synchronous client for the control API. Every call has a deadline."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from sandbox.announcement import NETWORK_FILE
from sandbox.group_client import GroupCalls

DEADLINE_SECONDS = 10.0
PAIRING_SECONDS = 30.0
BULK_SECONDS = 120.0

Document = dict[str, Any]


class SandboxError(Exception):
    """The sandbox refused or failed. `code` is stable; `status` is 0 when it did not answer."""

    def __init__(self, status: int, code: str, detail: str, field: str | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field


class SandboxNetwork(GroupCalls):
    """A running sandbox. Every method raises SandboxError. Close it, or use it with `with`."""

    def __init__(self, control_url: str, control_token: str) -> None:
        self._http = httpx.Client(
            base_url=control_url,
            headers={"Authorization": f"Bearer {control_token}"},
            timeout=DEADLINE_SECONDS,
            trust_env=False,
        )

    @classmethod
    def from_directory(cls, directory: Path) -> Self:
        """The sandbox that runs in this directory. Raises SandboxError (not_running)."""
        try:
            document = json.loads((directory / NETWORK_FILE).read_text())
        except FileNotFoundError as error:
            detail = f"no sandbox runs in {directory}"
            raise SandboxError(0, "not_running", detail) from error
        return cls(document["control_url"], document["control_token"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection to the control port."""
        self._http.close()

    # --- the network

    def health(self) -> Document:
        """Whether the sandbox answers."""
        return self._call("GET", "/health")

    def network(self) -> Document:
        """What a client needs to reach the network."""
        return self._call("GET", "/network")

    def state(self) -> Document:
        """Devices, queues, prekeys and open pairings."""
        return self._call("GET", "/state")

    def stanzas(self, after: int = 0) -> list[Document]:
        """The stanzas seen lately, by name."""
        return self._results("/stanzas", after=after)

    # --- phones

    def create_phone(
        self, phone_number: str, name: str = "", *, requires_passkey: bool = False
    ) -> Document:
        """A new virtual phone."""
        body: Document = {"phone_number": phone_number, "requires_passkey": requires_passkey}
        return self._call("POST", "/phones", body | ({"name": name} if name else {}))

    def phones(self) -> list[Document]:
        """All phones."""
        return self._results("/phones")

    def phone(self, number: str) -> Document:
        """One phone."""
        return self._call("GET", _path(number))

    def scan(self, number: str, qr: str) -> Document:
        """The phone scans a QR code; the address of the linked device."""
        return self._call("POST", _path(number, "scan"), {"qr": qr}, PAIRING_SECONDS)

    def pair(self, number: str, code: str) -> Document:
        """The phone types an 8-character code; the address of the linked device."""
        return self._call("POST", _path(number, "pair"), {"code": code}, PAIRING_SECONDS)

    def send_text(
        self, number: str, to: str, text: str, *, count: int = 1, rate: float | None = None
    ) -> list[str]:
        """The phone sends a text (`{n}` is the index of each of `count`); the message ids."""
        body = {"to": to, "type": "text", "text": text, "count": count, "rate": rate}
        answer = self._call("POST", _path(number, "messages"), body, BULK_SECONDS)
        ids: list[str] = answer["ids"]
        return ids

    def send(self, number: str, message: Mapping[str, Any]) -> Document:
        """The phone sends what the body describes."""
        return self._call("POST", _path(number, "messages"), message, BULK_SECONDS)

    def send_one(self, number: str, to: str, kind: str, **members: Any) -> str:
        """The phone sends one message of this type; its WhatsApp id."""
        wa_id: str = self.send(number, {"to": to, "type": kind, **members})["ids"][0]
        return wa_id

    def inbox(
        self, number: str, after: int = 0, *, before: int | None = None, newest_first: bool = False
    ) -> list[Document]:
        """What the phone received, decrypted; `after` and `before` are ids of entries."""
        query: dict[str, int | str] = {"after": after}
        query |= {} if before is None else {"before": before}
        query |= {"order": "newest"} if newest_first else {}
        return self._results(_path(number, "inbox"), **query)

    def inbox_media(self, number: str, message: int | str) -> bytes:
        """The decrypted file of a message, by the id of its entry or its WhatsApp id."""
        return self._bytes(_path(number, f"inbox/{message}/media"))

    def history(self, number: str) -> list[Document]:
        """The chats of the history that the phone was given."""
        chats: list[Document] = self._call("GET", _path(number, "history"))["chats"]
        return chats

    def set_history(self, number: str, chats: list[Document]) -> list[Document]:
        """Give the phone a history for its future companions; see docs/sandbox.md."""
        body = {"chats": chats}
        kept: list[Document] = self._call("POST", _path(number, "history"), body)["chats"]
        return kept

    def sync_history(self, number: str, jid: str | None = None) -> dict[str, list[str]]:
        """The phone hands its history to its companions (or one) now; message ids by device."""
        body = {"jid": jid}
        sent: dict[str, list[str]] = self._call("POST", _path(number, "history/sync"), body)["sent"]
        return sent

    def receipts(self, number: str, after: int = 0) -> list[Document]:
        """The receipts that the phone got."""
        return self._results(_path(number, "receipts"), after=after)

    def read(self, number: str, wa_id: str, *, played: bool = False) -> Document:
        """The phone reads (or plays) a message that it received."""
        return self._call("POST", _path(number, "read"), {"wa_id": wa_id, "played": played})

    def presence(self, number: str) -> list[Document]:
        """What the phone was told about others' presence and typing."""
        return self._results(_path(number, "presence"))

    def announce_presence(self, number: str, state: str, to: str | None = None) -> Document:
        """The phone is available, unavailable, composing or paused (the last two: to somebody)."""
        return self._call("POST", _path(number, "presence"), {"state": state, "to": to})

    def offline(self, number: str) -> Document:
        """The phone goes offline."""
        return self._call("POST", _path(number, "offline"))

    def online(self, number: str) -> Document:
        """The phone comes back."""
        return self._call("POST", _path(number, "online"))

    def set_picture(self, number: str, base64: str | None) -> Document:
        """Set or (None) remove the profile picture."""
        return self._call("POST", _path(number, "picture"), {"base64": base64})

    def unlink(self, number: str, jid: str | None = None) -> list[str]:
        """The phone unlinks one device, or all; their addresses."""
        unlinked: list[str] = self._call("POST", _path(number, "unlink"), {"jid": jid})["unlinked"]
        return unlinked

    # --- faults

    def fault(self, kind: str, **parameters: Any) -> Document:
        """Provoke or arm a fault; see docs/sandbox.md for the parameters."""
        return self._call("POST", "/faults", {"kind": kind, **parameters})

    def faults(self) -> list[Document]:
        """The armed faults."""
        return self._results("/faults")

    def clear_faults(self) -> Document:
        """Disarm all faults."""
        return self._call("DELETE", "/faults")

    # --- HTTP

    def _results(self, path: str, **query: int | str) -> list[Document]:
        answer = self._call("GET", f"{path}?{httpx.QueryParams(query)}" if query else path)
        results: list[Document] = answer["results"]
        return results

    def _bytes(self, path: str) -> bytes:
        return self._request("GET", path, None, DEADLINE_SECONDS).content

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        deadline: float = DEADLINE_SECONDS,
    ) -> Document:
        document: Document = self._request(method, path, body, deadline).json()
        return document

    def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None, deadline: float
    ) -> httpx.Response:
        try:
            response = self._http.request(method, path, json=body, timeout=deadline)
        except httpx.HTTPError as error:
            raise SandboxError(0, "unreachable", f"the sandbox does not answer: {error}") from error
        if response.is_error:
            document = response.json()
            raise SandboxError(
                response.status_code, document["code"], document["detail"], document.get("field")
            )
        return response


def _path(number: str, action: str = "") -> str:
    path = f"/phones/{quote(number, safe='')}"
    return f"{path}/{action}" if action else path
