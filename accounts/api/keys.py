"""API keys over REST: made, rotated and revoked by keys with the scope admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from .. import services
from ..models import ApiKey, Scope
from ..names import is_readable
from .documented import codes
from .keyed import Keyed
from .pagination import Pages
from .problems import Problem

NO_STORE = {"Cache-Control": "no-store"}


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    id = serializers.UUIDField(source="public_id", read_only=True)
    name = serializers.CharField(max_length=50)  # the library's own has a default and allows ""
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))
    accounts = serializers.ListField(
        child=serializers.UUIDField(),
        allow_null=True,
        required=False,
        help_text="the only accounts that exist for this key; null: all of the workspace",
    )
    expires_at = serializers.DateTimeField(
        source="expiry_date", allow_null=True, required=False, help_text="null: never"
    )
    created_at = serializers.DateTimeField(source="created", read_only=True)
    old_secret_until = serializers.DateTimeField(
        source="old_until", read_only=True, allow_null=True, help_text="after a rotation"
    )

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "name",
            "prefix",
            "scopes",
            "accounts",
            "expires_at",
            "created_at",
            "created_by",
            "last_used_at",
            "rotated_at",
            "old_secret_until",
            "revoked",
        ]
        read_only_fields = ["prefix", "created_by", "last_used_at", "rotated_at", "revoked"]

    def validate_scopes(self, value: list[str]) -> list[str]:
        try:
            return services.check_scopes(value)
        except ValidationError as exc:
            raise serializers.ValidationError(exc.messages) from None

    def validate_expires_at(self, value: Any) -> Any:
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError("Use a time in the future, or null for never.")
        return value

    def validate_name(self, value: str) -> str:
        if not is_readable(value):
            raise serializers.ValidationError("Use printable characters only.")
        return value


class NewApiKeySerializer(ApiKeySerializer):
    key = serializers.CharField(read_only=True, help_text="shown once")

    class Meta(ApiKeySerializer.Meta):
        fields = [*ApiKeySerializer.Meta.fields, "key"]


class KeyChangeSerializer(ApiKeySerializer):
    class Meta(ApiKeySerializer.Meta):
        fields = ["name", "scopes", "accounts"]
        read_only_fields: list[str] = []


class KeyRotationSerializer(serializers.Serializer[Any]):
    overlap_hours = serializers.FloatField(
        min_value=0,
        max_value=24,
        default=24,
        help_text="how long the old secret works beside the new one; 0: not at all",
    )


class KeyPages(Pages):
    ordering = ("created", "id")


@extend_schema_view(list=extend_schema(summary="The workspace's API keys"))
class ApiKeyViewSet(Keyed, mixins.ListModelMixin, viewsets.GenericViewSet[ApiKey]):
    serializer_class = ApiKeySerializer
    pagination_class = KeyPages
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    scopes = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), Scope.ADMIN)
    queryset = ApiKey.objects.none()

    def get_queryset(self) -> QuerySet[ApiKey]:
        keys = cast(QuerySet[ApiKey], ApiKey.objects.all())
        if getattr(self, "swagger_fake_view", False):
            return keys.none()
        return keys.filter(workspace=self.key.workspace)

    @extend_schema(
        summary="A new key; its text is shown once",
        request=ApiKeySerializer,
        responses={201: NewApiKeySerializer},
    )
    def create(self, request: Request) -> Response:
        wanted = ApiKeySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        known = wanted.validated_data
        try:
            key, text = services.create_api_key(
                workspace=self.key.workspace,
                name=known["name"],
                scopes=known["scopes"],
                accounts=known.get("accounts"),
                expires_at=known.get("expiry_date"),
                actor=self.actor,
            )
        except ValidationError as exc:
            raise serializers.ValidationError({"accounts": exc.messages}) from None
        return Response({**ApiKeySerializer(key).data, "key": text}, 201, headers=NO_STORE)

    @extend_schema(
        summary="Change a key's name, scopes or accounts; its secret stays",
        request=KeyChangeSerializer,
        responses={
            200: ApiKeySerializer,
            409: codes("not_changeable"),
        },
    )
    def partial_update(self, request: Request, id: UUID) -> Response:
        key = self.get_object()
        wanted = KeyChangeSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        try:
            services.change_api_key(key=key, actor=self.actor, **wanted.validated_data)
        except services.NotChangeable as exc:
            raise Problem(409, "not_changeable", str(exc.__doc__)) from None
        except ValidationError as exc:
            raise serializers.ValidationError({"accounts": exc.messages}) from None
        return Response(ApiKeySerializer(key).data)

    @extend_schema(summary="Revoke a key", responses={204: None})
    def destroy(self, request: Request, id: UUID) -> Response:
        services.revoke_api_key(key=self.get_object(), actor=self.actor)
        return Response(status=204)

    @extend_schema(
        summary="A new secret, shown once; the old one works beside it for a while",
        request=KeyRotationSerializer,
        responses={
            200: NewApiKeySerializer,
            409: codes("not_rotatable"),
        },
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, id: UUID) -> Response:
        key = self.get_object()
        wanted = KeyRotationSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        overlap = timedelta(hours=wanted.validated_data["overlap_hours"])
        try:
            text = services.rotate_api_key(key=key, actor=self.actor, overlap=overlap)
        except services.NotRotatable as exc:
            raise Problem(409, "not_rotatable", str(exc.__doc__)) from None
        return Response({**ApiKeySerializer(key).data, "key": text}, headers=NO_STORE)
