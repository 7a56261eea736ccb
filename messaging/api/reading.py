"""Messages and conversations over REST, as we have stored them. Nothing here asks WhatsApp."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.documented import codes
from accounts.api.pagination import Pages
from accounts.api.problems import Problem
from accounts.models import ApiKey, Scope

from .. import chats, threads
from ..descriptions import describe, describe_all
from ..models import Chat, Direction, Message
from ..models.messages import NEWEST_FIRST, MessageQuerySet
from ..statuses import Status
from .base import AccountView
from .sending import SendMixin
from .shapes import ChatPageShape, MessagePageShape, MessageShape

LONGEST_TYPE = 24  # characters

PAGING = [
    OpenApiParameter("limit", int, description="1 to 200, default 50"),
    OpenApiParameter("cursor", str, description="from `next` or `previous`"),
]
FILTERS = [
    OpenApiParameter("direction", str, enum=Direction.values),
    OpenApiParameter(
        "after", str, description="a time (RFC 3339) or a message's id: only what is later"
    ),
    OpenApiParameter("type", str, description="text, image, … ; several comma separated"),
    OpenApiParameter("status", str, description="several comma separated"),
]


class NewestMessages(Pages):
    ordering = NEWEST_FIRST


class NewestChats(Pages):
    ordering = ("-last_message_at", "-id")


class AccountMessagesView(SendMixin, AccountView):
    scopes = {"GET": Scope.READ, "POST": Scope.SEND}

    @extend_schema(
        summary="Messages of a number, newest first",
        parameters=[
            *FILTERS,
            OpenApiParameter("chat", str, description="JID, LID or +phone number"),
            *PAGING,
        ],
        responses=MessagePageShape,
        operation_id="accounts_messages_list",
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        messages = filtered(threads.messages_of(self.account), request)
        if address := request.query_params.get("chat"):
            chat = _by_address(self, address)
            messages = messages.filter(chat_row=chat) if chat else messages.none()
        return _page(self, request, messages)


class ChatsView(AccountView):
    @extend_schema(
        summary="Conversations, the one that moved last first",
        parameters=[
            OpenApiParameter("unread", bool, description="true: only those with unread messages"),
            OpenApiParameter("archived", bool, description="true or false; default: all"),
            *PAGING,
        ],
        responses=ChatPageShape,
        operation_id="accounts_chats_list",
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        found: QuerySet[Chat] = threads.chats_of(self.account)
        if (unread := _flag(request, "unread")) is not None:
            found = found.filter(unread__gt=0) if unread else found.filter(unread=0)
        if (archived := _flag(request, "archived")) is not None:
            found = found.filter(archived=archived)
        pages = NewestChats()
        page = pages.paginate_queryset(found, request, view=self)
        return pages.get_paginated_response(threads.describe_chats(self.account, page or []))


class ChatMessagesView(AccountView):
    @extend_schema(
        summary="What was said in a conversation, newest first",
        parameters=[*FILTERS, *PAGING],
        responses={
            200: MessagePageShape,
            404: codes("not_found"),
        },
        operation_id="accounts_chats_messages_list",
    )
    def get(self, request: Request, account_id: UUID, jid: str) -> Response:
        chat = _by_address(self, jid)
        if chat is None:
            raise Problem(404, "not_found", "There is no such chat in this account.")
        return _page(self, request, filtered(threads.messages_in(chat), request))


class MessageView(APIView):
    @extend_schema(summary="One message", responses=MessageShape)
    def get(self, request: Request, pk: UUID) -> Response:
        assert isinstance(request.auth, ApiKey)
        message = Message.objects.visible_to(request.auth).whole().filter(pk=pk).first()
        if message is None:
            raise Problem(404, "not_found", "There is no such message in this workspace.")
        return Response(describe(message))


def filtered(messages: MessageQuerySet, request: Request) -> MessageQuerySet:
    """By the query's direction, after, type and status. 422 names a wrong one."""
    query = request.query_params
    if direction := query.get("direction"):
        if direction not in Direction.values:
            raise Problem(422, "invalid", "direction: use in or out.")
        messages = messages.filter(direction=direction)
    if wanted := _list(query.get("status")):
        for status in wanted:
            if status not in Status.values:
                raise Problem(422, "invalid", f"status: use {', '.join(Status.values)}.")
        messages = messages.filter(status__in=wanted)
    if wanted := _list(query.get("type")):
        if any(len(name) > LONGEST_TYPE or not name.isidentifier() for name in wanted):
            raise Problem(422, "invalid", "type: use types such as text or image.")
        messages = messages.filter(type__in=wanted)
    if after := query.get("after"):
        messages = _after(messages, after)
    return messages


def _after(messages: MessageQuerySet, text: str) -> MessageQuerySet:
    try:
        pk = UUID(text)
    except ValueError:
        return messages.filter(timestamp__gt=_time(text))
    message = messages.filter(pk=pk).first()
    if message is None:
        raise Problem(422, "invalid", "after: there is no such message in this list.")
    return messages.after(message)


def _time(text: str) -> datetime:
    try:
        at = parse_datetime(text.replace(" ", "+"))  # a + that was not encoded
    except ValueError:
        at = None
    if at is None:
        raise Problem(422, "invalid", "after: use a time (RFC 3339) or the id of a message.")
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _list(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _flag(request: Request, name: str) -> bool | None:
    text = request.query_params.get(name, "")
    if text.lower() not in ("", "true", "false", "1", "0"):
        raise Problem(422, "invalid", f"{name}: use true or false.")
    return text.lower() in ("true", "1") if text else None


def _by_address(view: AccountView, text: str) -> Chat | None:
    if len(text) > 120 or "\x00" in text:
        return None
    return chats.by_address(view.account, text.replace(" ", "+"))


def _page(view: Any, request: Request, messages: MessageQuerySet) -> Response:
    pages = NewestMessages()
    page = pages.paginate_queryset(messages, request, view=view)
    return pages.get_paginated_response(describe_all(page or []))
