"""The event log by cursor."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.documented import codes
from accounts.api.problems import Problem
from accounts.models import ApiKey

from .. import services, types, waiting
from ..filters import FilterError, parse_account, parse_cursor, parse_types

MAX_LIMIT = 500
MAX_WAIT = 30.0  # seconds


class EventSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    seq = serializers.IntegerField()
    type = serializers.ChoiceField(choices=sorted(types.ALL))
    account_id = serializers.UUIDField(allow_null=True)
    occurred_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    data = serializers.DictField()  # type: ignore[assignment]  # the contract names it so


class EventPageSerializer(serializers.Serializer[Any]):
    results = EventSerializer(many=True)
    next_after = serializers.IntegerField()


class EventsView(APIView):
    @extend_schema(
        summary="Events after a cursor, oldest first",
        parameters=[
            OpenApiParameter("after", int, description="the last seq you have; 0 for all"),
            OpenApiParameter("limit", int, description=f"1 to {MAX_LIMIT}, default 100"),
            OpenApiParameter("types", str, description="comma separated"),
            OpenApiParameter("account", UUID, description="only this account's events"),
            OpenApiParameter("wait", float, description="long-poll up to 30 seconds"),
        ],
        responses={
            200: EventPageSerializer,
            404: codes("not_found"),
            410: codes("cursor_expired"),
        },
    )
    def get(self, request: Request) -> Response:
        assert isinstance(request.auth, ApiKey)
        workspace_id = request.auth.workspace_id
        query = request.query_params
        try:
            after = parse_cursor(query.get("after"))
            limit = _number(query.get("limit"), "limit", 100, 1, MAX_LIMIT)
            wait = _number(query.get("wait"), "wait", 0, 0, MAX_WAIT)
            event_types = parse_types(query.get("types"))
            account_id = parse_account(query.get("account"))
        except FilterError as exc:
            raise Problem(422, "invalid", str(exc), field=exc.field) from None
        if account_id and not request.auth.visible_accounts().filter(pk=account_id).exists():
            raise Problem(404, "not_found", "account: there is no such account in this workspace.")
        if after > services.head(workspace_id):
            raise Problem(422, "invalid", "after: this cursor lies in the future.", field="after")
        deadline = time.monotonic() + wait
        with waiting.for_events(workspace_id) as news:
            while True:
                try:
                    found, cursor = services.read(
                        workspace_id=workspace_id,
                        after=after,
                        limit=int(limit),
                        event_types=event_types,
                        account_ids=[account_id] if account_id else request.auth.only,
                    )
                except services.CursorExpired as exc:
                    raise Problem(
                        410,
                        "cursor_expired",
                        f"Events before {exc.oldest} are no longer kept.",
                        oldest=exc.oldest,
                    ) from None
                left = deadline - time.monotonic()
                if found or left <= 0:
                    break
                after = cursor
                news.wait(left)
        return Response({"results": [e.envelope() for e in found], "next_after": cursor})


def _number(text: str | None, name: str, default: float, low: float, high: float) -> float:
    if text in (None, ""):
        return default
    try:
        value = float(text or "")
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise FilterError(name, f"use a number from {low:g} to {high:g}")
    return value
