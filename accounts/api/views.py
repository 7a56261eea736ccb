"""Websocket tickets over REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from .. import tickets
from ..models import Scope
from .keyed import Keyed


class TicketSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField()
    expires_at = serializers.DateTimeField()


class TicketView(Keyed, APIView):
    """A ticket opens one websocket, for pages that must not hold a key."""

    scopes = {"POST": Scope.READ}

    @extend_schema(
        summary="A one-time ticket for the websocket",
        request=None,
        responses={201: TicketSerializer},
    )
    def post(self, request: Request) -> Response:
        ticket, expires_at = tickets.issue(self.key.workspace, key=self.key)
        return Response({"ticket": ticket, "expires_at": expires_at}, 201)
