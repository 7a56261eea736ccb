"""Webhooks and what was delivered to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Unpack

from .. import bodies
from ..models import Delivery, Endpoint, MadeEndpoint, Preview, Replay, Rotated
from .base import Id, Resource, part


class Webhooks(Resource):
    def list(self, *, limit: int | None = None) -> Iterator[Endpoint]:
        return self._walk(Endpoint, "/webhooks", limit=limit)

    def create(self, **fields: Unpack[bodies.NewEndpointRequest]) -> MadeEndpoint:
        """`secret` is in this answer and in no other."""
        return self._post(MadeEndpoint, "/webhooks", fields)

    def get(self, webhook_id: Id) -> Endpoint:
        return self._get(Endpoint, f"/webhooks/{part(webhook_id)}")

    def update(self, webhook_id: Id, **fields: Unpack[bodies.PatchedEndpointRequest]) -> Endpoint:
        return self._patch(Endpoint, f"/webhooks/{part(webhook_id)}", fields)

    def delete(self, webhook_id: Id) -> None:
        self._delete(f"/webhooks/{part(webhook_id)}")

    def rotate_secret(self, webhook_id: Id, **fields: Unpack[bodies.RotationRequest]) -> Rotated:
        """A new secret; the old one signs beside it until the overlap ends."""
        return self._post(Rotated, f"/webhooks/{part(webhook_id)}/rotate-secret", fields)

    def test(self, webhook_id: Id) -> Delivery:
        """Send a test event now, and see how it went."""
        return self._post(Delivery, f"/webhooks/{part(webhook_id)}/test")

    def enable(self, webhook_id: Id) -> Endpoint:
        return self._post(Endpoint, f"/webhooks/{part(webhook_id)}/enable")

    def disable(self, webhook_id: Id) -> Endpoint:
        return self._post(Endpoint, f"/webhooks/{part(webhook_id)}/disable")

    def deliveries(
        self,
        webhook_id: Id,
        *,
        status: Literal["pending", "delivered", "dead"] | None = None,
        type: str | None = None,
        account: Id | None = None,
        limit: int | None = None,
    ) -> Iterator[Delivery]:
        """What was or will be delivered, newest first."""
        path = f"/webhooks/{part(webhook_id)}/deliveries"
        return self._walk(Delivery, path, status=status, type=type, account=account, limit=limit)

    def delivery(self, delivery_id: Id) -> Delivery:
        return self._get(Delivery, f"/deliveries/{part(delivery_id)}")

    def retry(self, delivery_id: Id) -> Delivery:
        """Deliver this one again, now."""
        return self._post(Delivery, f"/deliveries/{part(delivery_id)}/retry")

    def replay(self, webhook_id: Id, **fields: Unpack[bodies.ReplayRequest]) -> Replay:
        """Deliver a range again; `replay_progress` tells how far it is."""
        body = {**fields, "preview": False}
        return self._post(Replay, f"/webhooks/{part(webhook_id)}/replay", body)

    def count_replay(self, webhook_id: Id, **fields: Unpack[bodies.ReplayRequest]) -> int:
        """How many events `replay` would deliver."""
        body = {**fields, "preview": True}
        return self._post(Preview, f"/webhooks/{part(webhook_id)}/replay", body).count

    def replay_progress(self, webhook_id: Id, replay_id: Id) -> Replay:
        return self._get(Replay, f"/webhooks/{part(webhook_id)}/replays/{part(replay_id)}")
