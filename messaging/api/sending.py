"""Sending over REST: messages, uploads, and how fast an account sends."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import audit
from accounts.api.bodies import JsonBody, announced, with_file
from accounts.api.documented import codes
from accounts.api.problems import Problem
from accounts.models import ApiKey, Scope

from ..descriptions import describe
from ..models import Message, Pacing, Upload
from ..outbox import orders, pacing, rates, requests, uploads
from ..outbox.errors import MEDIA_TOO_LARGE, MediaProblem
from ..outbox.fields import Invalid
from .base import account_of
from .shapes import MessageShape

HOUR_MS = 3_600_000
TO = "+15550100200"
SENDS: dict[str, dict[str, Any]] = {
    "text": {"to": TO, "type": "text", "text": "Your parcel is here"},
    "image": {
        "to": TO,
        "type": "image",
        "media": {"url": "https://shop.example.com/parcel.jpg"},
        "caption": "At your door",
    },
    "document": {
        "to": TO,
        "type": "document",
        "media": {"upload_id": "e41b8a06-7c2d-49f3-a5b8-30d6c9e2f147"},
        "filename": "offer.pdf",
    },
    "location": {
        "to": TO,
        "type": "location",
        "location": {"latitude": 52.5163, "longitude": 13.3777, "name": "The gate"},
    },
    "poll": {
        "to": "120363041234567890@g.us",
        "type": "poll",
        "poll": {"name": "Lunch?", "options": ["Soup", "Salad"], "selectable": 1},
    },
    "reaction": {
        "type": "reaction",
        "message_id": "0d5c7f3e-91b2-4f6d-8a0e-2b9c4d1e7f55",
        "emoji": "👍",
    },
}
REFUSED = (
    "invalid",
    "invalid_recipient",
    "idempotency_key_reused",
    "unknown_message",
    "target_not_sent",
    "message_revoked",
    "message_too_old",
    "not_editable",
    "not_ours",
    "unknown_upload",
    "media_invalid",
    "media_url_refused",
    "voice_not_converted",
)


class SendSerializer(serializers.Serializer[Any]):
    """For the schema. outbox/requests.py decides, type by type."""

    to = serializers.CharField(
        required=False,
        help_text="phone number (+4915112345678), JID, group JID, or chat:<id>; may be left out "
        "for reaction, edit and revoke",
    )
    type = serializers.ChoiceField(choices=[(name, name) for name in requests.TYPES])
    text = serializers.CharField(required=False)
    reply_to = serializers.CharField(required=False, help_text="our id or WhatsApp's")
    mentions = serializers.ListField(child=serializers.CharField(), required=False)
    media = serializers.JSONField(required=False, help_text="one of {url}, {base64}, {upload_id}")
    caption = serializers.CharField(required=False)
    filename = serializers.CharField(required=False)
    location = serializers.JSONField(
        required=False, help_text="{latitude, longitude, name?, address?}"
    )
    contacts = serializers.JSONField(
        required=False, help_text="[{name, phone_number}] or [{name, vcard}]"
    )
    poll = serializers.JSONField(required=False, help_text="{name, options, selectable?}")
    message_id = serializers.CharField(required=False, help_text="reaction, edit, revoke")
    emoji = serializers.CharField(required=False, allow_blank=True)
    expires_in = serializers.IntegerField(
        required=False,
        help_text=f"seconds to wait for a connection, {requests.EXPIRES_DEFAULT} if not said",
    )


class UploadSerializer(serializers.ModelSerializer[Upload]):
    class Meta:
        model = Upload
        fields = ["id", "filename", "mime_type", "size", "sha256", "created_at", "expires_at"]


class PacingSerializer(serializers.ModelSerializer[Pacing]):
    min_gap_ms = serializers.IntegerField(
        min_value=0, max_value=HOUR_MS, help_text="between the starts of two messages"
    )
    new_chats_per_hour = serializers.IntegerField(
        min_value=0, max_value=10_000, help_text="first messages to somebody; 0: no limit"
    )
    typing_ms_per_character = serializers.IntegerField(min_value=0, max_value=1_000)
    typing_max_ms = serializers.IntegerField(min_value=0, max_value=pacing.TYPING_MOST_MS)

    class Meta:
        model = Pacing
        fields = [
            "min_gap_ms",
            "new_chats_per_hour",
            "typing",
            "typing_ms_per_character",
            "typing_max_ms",
            "paused_until",
            "updated_at",
        ]
        read_only_fields = ["paused_until", "updated_at"]


def refusal(exc: Invalid) -> Problem:
    """The problem that names the field; files that are too large are 413."""
    status = 413 if exc.code == MEDIA_TOO_LARGE else 422
    return Problem(status, exc.code, str(exc), errors={exc.field: [exc.detail]})


class SendMixin(APIView):
    """POST of /accounts/{id}/messages, for the view that also lists them."""

    scopes = {"POST": Scope.SEND}
    parser_classes = [with_file(requests.INLINE_MOST)]

    @extend_schema(
        summary="Send a message",
        description=(
            "202: it is kept, and will be sent in the order of its chat; `message.ack` events tell "
            "how it goes on. 200: this Idempotency-Key was seen before; here is its message. "
            "Which members a type has is in docs/messages.md."
        ),
        request=SendSerializer,
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="The same key and body give the same message, sent once.",
            )
        ],
        examples=[OpenApiExample(name, body, request_only=True) for name, body in SENDS.items()],
        responses={
            202: MessageShape,
            200: MessageShape,
            413: codes("too_large", "media_too_large"),
            422: codes(*REFUSED),
            503: codes("storage_failed"),
        },
    )
    def post(self, request: Request, account_id: UUID) -> Response:
        account = getattr(self, "account", None) or account_of(request, account_id)
        assert isinstance(request.auth, ApiKey)
        try:
            key = requests.idempotency_key(request.headers.get("Idempotency-Key"))
            order = requests.parse(request.data)
            message, created = orders.enqueue(
                account=account, order=order, by=audit.program(request.auth), key=key
            )
        except Invalid as exc:
            raise refusal(exc) from None
        except orders.KeyReused:
            raise Problem(
                422,
                "idempotency_key_reused",
                "This Idempotency-Key was used for another message; take a new one.",
            ) from None
        return Response(describe(message, fresh=created), 202 if created else 200)


class CancelView(APIView):
    """POST /messages/{id}/cancel."""

    scopes = {"POST": Scope.SEND}

    @extend_schema(
        summary="Take back a message that is still queued",
        request=None,
        responses={200: MessageShape, 409: codes("not_queued")},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        assert isinstance(request.auth, ApiKey)
        message = Message.objects.visible_to(request.auth).filter(pk=pk).first()
        if message is None:
            raise Http404
        try:
            return Response(describe(orders.cancel(message=message)))
        except orders.NotQueued as exc:
            raise Problem(
                409, "not_queued", f"The message is {exc.status}; only queued ones are taken back."
            ) from None


class UploadsView(APIView):
    """POST /uploads: a file first, any number of messages with it afterwards."""

    scopes = {"POST": Scope.SEND}
    parser_classes = [MultiPartParser, JsonBody]

    @extend_schema(
        summary="Upload a file to send",
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            }
        },
        responses={
            201: UploadSerializer,
            413: codes("too_large", "media_too_large"),
            422: codes("invalid", "media_invalid"),
            503: codes("storage_failed"),
        },
    )
    def post(self, request: Request) -> Response:
        assert isinstance(request.auth, ApiKey)
        most = settings.MEDIA_MAX_BYTES
        if announced(request.META.get("CONTENT_LENGTH") or "") > most + 65_536:
            raise Problem(413, MEDIA_TOO_LARGE, f"Send at most {most:,} bytes.")
        file = request.FILES.get("file") if "multipart" in (request.content_type or "") else None
        if not isinstance(file, UploadedFile):
            raise refusal(Invalid("file", "send it as multipart/form-data in the field `file`"))
        try:
            upload = uploads.keep(workspace=request.auth.workspace, file=file, most=most)
        except MediaProblem as exc:
            raise refusal(Invalid("file", exc.detail, code=exc.code)) from None
        return Response(UploadSerializer(upload).data, 201)


class PacingView(APIView):
    """GET and PATCH /accounts/{id}/pacing."""

    @extend_schema(summary="How fast the account sends", responses=PacingSerializer)
    def get(self, request: Request, account_id: UUID) -> Response:
        account = account_of(request, account_id)
        row = Pacing.objects.filter(pk=account.pk).first() or Pacing(account=account)
        return Response(PacingSerializer(row).data)

    @extend_schema(
        summary="Change how fast the account sends",
        request=PacingSerializer,
        responses=PacingSerializer,
    )
    def patch(self, request: Request, account_id: UUID) -> Response:
        account = account_of(request, account_id)
        assert isinstance(request.auth, ApiKey)
        row, _ = Pacing.objects.get_or_create(account=account)
        wanted = PacingSerializer(row, data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        row = rates.change(
            account=account,
            actor=audit.program(request.auth),
            at=timezone.now(),
            **wanted.validated_data,
        )
        return Response(PacingSerializer(row).data)
