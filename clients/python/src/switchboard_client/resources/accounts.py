"""WhatsApp numbers: connecting them, and how they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Unpack

from .. import bodies
from ..models import Account, Disconnected, Health, Pacing, PairingCode, Qr, StatusChange
from .base import Id, Resource, part


class Accounts(Resource):
    def list(self, *, limit: int | None = None) -> Iterator[Account]:
        """All numbers of the workspace. `limit` is how many a page has."""
        return self._walk(Account, "/accounts", limit=limit)

    def create(self, **fields: Unpack[bodies.AccountRequest]) -> Account:
        return self._post(Account, "/accounts", fields)

    def get(self, account_id: Id) -> Account:
        return self._get(Account, f"/accounts/{part(account_id)}")

    def update(self, account_id: Id, **fields: Unpack[bodies.PatchedAccountRequest]) -> Account:
        return self._patch(Account, f"/accounts/{part(account_id)}", fields)

    def delete(self, account_id: Id) -> None:
        """Disconnect, purge the credentials, and remove the number."""
        self._delete(f"/accounts/{part(account_id)}")

    def connect(self, account_id: Id) -> Account:
        """Have the number connected. Again is harmless."""
        return self._post(Account, f"/accounts/{part(account_id)}/connect")

    def disconnect(self, account_id: Id) -> Disconnected:
        """Have nothing running. The credentials stay."""
        return self._post(Disconnected, f"/accounts/{part(account_id)}/disconnect")

    def logout(self, account_id: Id) -> Account:
        """Unlink the device at WhatsApp and purge its credentials."""
        return self._post(Account, f"/accounts/{part(account_id)}/logout")

    def restart(self, account_id: Id) -> Account:
        return self._post(Account, f"/accounts/{part(account_id)}/restart")

    def qr(self, account_id: Id, *, wait: float | None = None) -> Qr:
        """The code to scan. Conflict with the code no_qr when there is none within `wait` s."""
        return self._get(Qr, f"/accounts/{part(account_id)}/qr", wait=wait)

    def qr_image(
        self,
        account_id: Id,
        *,
        media_type: Literal["image/png", "image/svg+xml"] = "image/png",
        wait: float | None = None,
    ) -> bytes:
        return self._send(
            "GET",
            f"/accounts/{part(account_id)}/qr",
            query={"wait": wait},
            headers={"Accept": media_type},
            extra_time=wait or 0.0,
        ).content

    def pairing_code(self, account_id: Id, *, phone_number: str) -> PairingCode:
        """An 8-character code that the phone with this number can type instead of scanning."""
        body = {"phone_number": phone_number}
        return self._post(PairingCode, f"/accounts/{part(account_id)}/pairing-code", body)

    def health(self, account_id: Id) -> Health:
        return self._get(Health, f"/accounts/{part(account_id)}/health")

    def timeline(self, account_id: Id, *, limit: int | None = None) -> Iterator[StatusChange]:
        """Every status change, newest first."""
        return self._walk(StatusChange, f"/accounts/{part(account_id)}/timeline", limit=limit)

    def pacing(self, account_id: Id) -> Pacing:
        return self._get(Pacing, f"/accounts/{part(account_id)}/pacing")

    def set_pacing(self, account_id: Id, **fields: Unpack[bodies.PatchedPacingRequest]) -> Pacing:
        return self._patch(Pacing, f"/accounts/{part(account_id)}/pacing", fields)
