"""People of an account over REST: what we know of them, their pictures, who is on WhatsApp."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    extend_schema,
)
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.documented import codes
from accounts.api.pagination import Pages
from accounts.api.problems import Problem
from accounts.models import Scope
from accounts.origin import arrival
from sessions_mgr.api.serializers import parse_phone_number

from .. import avatars
from ..models import Contact
from .base import WORKER, AccountView, checked, recipient
from .pictures import AnyPicture, default_type

NUMBERS_AT_ONCE = 50
SEARCH_MOST = 100  # characters
PICTURE_MAX_AGE = 60  # seconds that a client may show it without asking again


class ContactSerializer(serializers.ModelSerializer[Contact]):
    name = serializers.CharField(read_only=True, help_text="the best name that we know")
    avatar_url = serializers.SerializerMethodField()

    class Meta:
        model = Contact
        fields = [
            "jid",
            "lid",
            "phone_number",
            "name",
            "push_name",
            "full_name",
            "first_name",
            "business_name",
            "avatar_url",
            "updated_at",
        ]
        read_only_fields = fields

    def get_avatar_url(self, contact: Contact) -> str:
        return avatars.address(contact.account_id, contact.jid)


class ContactPageSerializer(serializers.Serializer[Any]):
    results = ContactSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class ContactsView(AccountView):
    @extend_schema(
        summary="The people that an account knows",
        description="Everybody who wrote, was written to, or is in a group or the address book.",
        parameters=[
            OpenApiParameter("search", str, description="part of a name, number, JID or LID"),
            OpenApiParameter("limit", int, description="1 to 200, default 50"),
            OpenApiParameter("cursor", str, description="from `next` or `previous`"),
        ],
        responses=ContactPageSerializer,
        operation_id="accounts_contacts_list",
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        pages = Pages()
        contacts = self._found(request.query_params.get("search", "").strip())
        page = pages.paginate_queryset(contacts, request, view=self)
        return pages.get_paginated_response(ContactSerializer(page, many=True).data)

    def _found(self, search: str) -> QuerySet[Contact]:
        contacts = Contact.objects.filter(account=self.account)
        if not search:
            return contacts
        if len(search) > SEARCH_MOST or "\x00" in search:
            raise Problem(422, "invalid", f"search: use at most {SEARCH_MOST} characters.")
        match = Q()
        for field in ("full_name", "business_name", "push_name", "phone_number", "jid", "lid"):
            match |= Q(**{f"{field}__icontains": search})
        return contacts.filter(match)


class ContactView(AccountView):
    @extend_schema(
        summary="One person, by phone number, JID or LID",
        responses={200: ContactSerializer, 404: codes("not_found")},
    )
    def get(self, request: Request, account_id: UUID, jid: str) -> Response:
        wanted = recipient(jid).jid
        contact = Contact.objects.filter(
            Q(jid=wanted) | Q(lid=wanted), account=self.account
        ).first()
        if contact is None:
            raise Problem(404, "not_found", "This account has never heard of that person.")
        return Response(ContactSerializer(contact).data)


class AvatarSerializer(serializers.Serializer[Any]):
    url = serializers.CharField(help_text="the picture itself, with the same credentials")
    id = serializers.CharField(allow_null=True, help_text="WhatsApp's name of this picture")
    source = serializers.ChoiceField(  # type: ignore[assignment]  # the contract's name
        choices=["live", "cache", "default"]
    )
    mime_type = serializers.CharField()
    fetched_at = serializers.DateTimeField(allow_null=True, help_text="when WhatsApp last answered")


class AvatarView(AccountView):
    renderer_classes = [AnyPicture, JSONRenderer]

    @extend_schema(
        summary="The picture of a person, group or community; JSON by Accept",
        description=(
            "Always 200 within 2.5 seconds: asked from WhatsApp (`live`), the last one that we saw "
            "(`cache`), or a drawing of ours (`default`). `Accept: application/json` gives the "
            "description, everything else the picture. `ETag` and `If-None-Match` work."
        ),
        parameters=[
            OpenApiParameter("community", bool, description="1: the JID is a community's"),
            OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER),
        ],
        responses={
            (200, "image/*"): OpenApiTypes.BINARY,
            (200, "application/json"): AvatarSerializer,
            304: None,
        },
        examples=[
            OpenApiExample(
                "cached",
                {
                    "url": "https://wa.example.com/api/v1/accounts/6f1c…/contacts/15550100200@s.whatsapp.net/avatar",
                    "id": "1758213412",
                    "source": "cache",
                    "mime_type": "image/jpeg",
                    "fetched_at": "2026-01-05T10:00:00Z",
                },
                response_only=True,
                media_type="application/json",
            )
        ],
    )
    def get(self, request: Request, account_id: UUID, jid: str) -> HttpResponseBase:
        community = request.query_params.get("community", "").lower() in ("1", "true", "yes")
        found = avatars.find(
            self.account, recipient(jid).jid, community=community, since=arrival(request)
        )
        drawn = default_type(request)
        if isinstance(request.accepted_renderer, JSONRenderer):
            return Response(
                {
                    "url": avatars.address(self.account.pk, found.jid),
                    "id": found.id or None,
                    "source": found.source,
                    "mime_type": found.mime_type or drawn,
                    "fetched_at": found.fetched_at,
                },
                headers={"Cache-Control": "no-store", "Vary": "Accept"},
            )
        return picture(request, found, drawn)


def picture(request: Any, found: avatars.Found, default_type: str) -> HttpResponseBase:
    """The image with its ETag; 304 for whoever has it."""
    data, mime_type = avatars.read(found, default_type=default_type)
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    answer = HttpResponse(
        data,
        content_type=mime_type,
        headers={
            "ETag": etag,
            "Cache-Control": f"private, max-age={PICTURE_MAX_AGE}",
            "Vary": "Accept",
            "Content-Disposition": "inline",
            "X-Avatar-Source": found.source,
        },
    )
    return get_conditional_response(request, etag=etag, response=answer) or answer


class CheckRequest(serializers.Serializer[Any]):
    numbers = serializers.ListField(
        child=serializers.CharField(max_length=40),
        min_length=1,
        max_length=NUMBERS_AT_ONCE,
        help_text="E.164 with their +, at most 50",
    )

    def validate_numbers(self, value: list[str]) -> list[str]:
        return list(dict.fromkeys(parse_phone_number(number) for number in value))


class CheckedNumberSerializer(serializers.Serializer[Any]):
    number = serializers.CharField()
    registered = serializers.BooleanField()
    jid = serializers.CharField(allow_null=True)
    lid = serializers.CharField(allow_null=True)


class CheckSerializer(serializers.Serializer[Any]):
    results = CheckedNumberSerializer(many=True)


class CheckView(AccountView):
    scopes = {"POST": Scope.SEND}

    @extend_schema(
        summary="Which of these numbers are on WhatsApp",
        description="Asks WhatsApp now. Who checks many strangers risks to be blocked.",
        request=CheckRequest,
        responses={200: CheckSerializer, **WORKER},
        examples=[
            OpenApiExample("two", {"numbers": ["+15550100200", "+15550100201"]}, request_only=True),
            OpenApiExample(
                "answer",
                {
                    "results": [
                        {
                            "number": "+15550100200",
                            "registered": True,
                            "jid": "15550100200@s.whatsapp.net",
                            "lid": "90023481@lid",
                        },
                        {"number": "+15550100201", "registered": False, "jid": None, "lid": None},
                    ]
                },
                response_only=True,
            ),
        ],
    )
    def post(self, request: Request, account_id: UUID) -> Response:
        numbers = checked(CheckRequest, request)["numbers"]
        told = self.order("check_numbers", numbers=numbers)["results"]
        by_number = {str(one.get("number")): one for one in told}
        return Response({"results": [_checked(n, by_number.get(n, {})) for n in numbers]})


def _checked(number: str, told: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": number,
        "registered": bool(told.get("registered")),
        "jid": told.get("jid") or None,
        "lid": told.get("lid") or None,
    }
