"""Virtual phones, for tests of your own integration. Only where the server runs with SANDBOX=1.

The answers are plain documents: docs/sandbox.md says what is in them.
"""

from __future__ import annotations

from typing import Any

from .base import Id, Resource, part


class Sandbox(Resource):
    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Any operation below /sandbox, e.g. `call("POST", "/faults", {...})`."""
        answer = self._send(method, f"/sandbox{path}", json=body, query=query)
        return answer.json() if answer.content else None

    def create_phone(self, phone_number: str, **fields: Any) -> dict[str, Any]:
        body = {"phone_number": phone_number, **fields}
        made: dict[str, Any] = self.call("POST", "/phones", body)
        return made

    def scan(self, phone_number: str, *, account_id: Id) -> dict[str, Any]:
        """The phone scans the code that the account shows."""
        body = {"account_id": str(account_id)}
        linked: dict[str, Any] = self.call("POST", f"/phones/{part(phone_number)}/scan", body)
        return linked

    def send(self, phone_number: str, **message: Any) -> dict[str, Any]:
        """A real encrypted message from the phone: to, type, text…"""
        sent: dict[str, Any] = self.call("POST", f"/phones/{part(phone_number)}/messages", message)
        return sent

    def inbox(self, phone_number: str, **query: Any) -> list[dict[str, Any]]:
        """What the phone received, decrypted."""
        page = self.call("GET", f"/phones/{part(phone_number)}/inbox", **query)
        found: list[dict[str, Any]] = page["results"]
        return found
