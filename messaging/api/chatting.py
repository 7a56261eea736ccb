"""Presence, typing and read marks over REST: what WhatsApp shows of somebody who is there."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.documented import codes
from accounts.api.problems import Problem
from accounts.models import Scope

from .. import chats, readmarks
from ..models import Message
from .base import WORKER, AccountView, checked, recipient


class PresenceSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=["available", "unavailable"])


class PresenceView(AccountView):
    scopes = {"POST": Scope.SEND}

    @extend_schema(
        summary="Show the number as online or not",
        description=(
            "Online numbers get typing notices of others, and the phone itself stops ringing for "
            "new messages. Lasts until the connection ends."
        ),
        request=PresenceSerializer,
        responses={
            200: PresenceSerializer,
            **WORKER,
            409: codes("not_connected", "session_gone", "no_push_name"),
        },
        examples=[OpenApiExample("online", {"state": "available"})],
    )
    def post(self, request: Request, account_id: UUID) -> Response:
        state = checked(PresenceSerializer, request)["state"]
        self.order("presence", state=state)
        return Response({"state": state})


class TypingSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=["typing", "recording", "paused"])


class TypingView(AccountView):
    scopes = {"POST": Scope.SEND}

    @extend_schema(
        summary="Show “typing…” or “recording…” in a chat",
        description="WhatsApp takes it back by itself after about 25 seconds, or with `paused`.",
        request=TypingSerializer,
        responses={200: TypingSerializer, **WORKER},
        examples=[OpenApiExample("typing", {"state": "typing"})],
    )
    def post(self, request: Request, account_id: UUID, jid: str) -> Response:
        state = checked(TypingSerializer, request)["state"]
        self.order("typing", to=recipient(jid).jid, state=state)
        return Response({"state": state})


class ReadMarkRequest(serializers.Serializer[Any]):
    message_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="the last message that was read; default: all"
    )


class ReadMarkSerializer(serializers.Serializer[Any]):
    chat = serializers.CharField(help_text="JID")
    marked = serializers.IntegerField(help_text="messages whose senders were told")
    unread = serializers.IntegerField()
    read_until = serializers.DateTimeField(allow_null=True)


class ReadView(AccountView):
    scopes = {"POST": Scope.SEND}

    @extend_schema(
        summary="Mark a chat as read, up to its newest or a given message",
        description=(
            "Sends the read receipts (the blue ticks) and sets the count of unread messages. "
            "Again is harmless."
        ),
        request=ReadMarkRequest,
        responses={
            200: ReadMarkSerializer,
            **WORKER,
        },
        examples=[
            OpenApiExample("all", {}, request_only=True),
            OpenApiExample(
                "answer",
                {
                    "chat": "15550100200@s.whatsapp.net",
                    "marked": 3,
                    "unread": 0,
                    "read_until": "2026-01-05T10:00:00Z",
                },
                response_only=True,
            ),
        ],
    )
    def post(self, request: Request, account_id: UUID, jid: str) -> Response:
        wanted = checked(ReadMarkRequest, request).get("message_id")
        chat = chats.by_address(self.account, recipient(jid).jid)
        if chat is None:
            raise Problem(404, "not_found", "This account has no such chat.")
        message = None
        if wanted is not None:
            message = Message.objects.filter(chat_row=chat, pk=wanted).first()
            if message is None:
                raise Problem(404, "not_found", "There is no such message in this chat.")
        marked = readmarks.mark_read(account=self.account, chat=chat, upto=message)
        return Response(
            {
                "chat": chat.jid,
                "marked": marked,
                "unread": chat.unread,
                "read_until": chat.read_until,
            }
        )
