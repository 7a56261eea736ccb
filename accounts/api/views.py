"""Keys, the audit log and websocket tickets over REST."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from .. import services, tickets
from ..models import ApiKey, AuditEntry, Scope
from .pagination import NewestFirst, Pages


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    id = serializers.UUIDField(source="public_id", read_only=True)
    name = serializers.CharField(max_length=50)  # the library's own has a default and allows ""
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))
    created_at = serializers.DateTimeField(source="created", read_only=True)

    class Meta:
        model = ApiKey
        fields = ["id", "name", "prefix", "scopes", "created_at", "last_used_at", "revoked"]
        read_only_fields = ["prefix", "last_used_at", "revoked"]

    def validate_scopes(self, value: list[str]) -> list[str]:
        try:
            return services.check_scopes(value)
        except ValidationError as exc:
            raise serializers.ValidationError(exc.messages) from None


class NewApiKeySerializer(ApiKeySerializer):
    key = serializers.CharField(read_only=True, help_text="shown once")

    class Meta(ApiKeySerializer.Meta):
        fields = [*ApiKeySerializer.Meta.fields, "key"]


class KeyPages(Pages):
    ordering = ("created", "id")


@extend_schema_view(list=extend_schema(summary="The workspace's API keys"))
class ApiKeyViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[ApiKey]):
    serializer_class = ApiKeySerializer
    pagination_class = KeyPages
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    scopes = {"GET": Scope.ADMIN, "POST": Scope.ADMIN, "DELETE": Scope.ADMIN}
    queryset = ApiKey.objects.none()

    def get_queryset(self) -> QuerySet[ApiKey]:
        keys = cast(QuerySet[ApiKey], ApiKey.objects.all())
        if getattr(self, "swagger_fake_view", False):
            return keys.none()
        return keys.filter(workspace=_key(self.request).workspace)

    @extend_schema(
        summary="A new key; its text is shown once",
        request=ApiKeySerializer,
        responses={201: NewApiKeySerializer},
    )
    def create(self, request: Request) -> Response:
        wanted = ApiKeySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        maker = _key(request)
        key, text = services.create_api_key(
            workspace=maker.workspace,
            name=wanted.validated_data["name"],
            scopes=wanted.validated_data["scopes"],
            actor=f"key:{maker.prefix}",
        )
        return Response({**ApiKeySerializer(key).data, "key": text}, 201)

    @extend_schema(summary="Revoke a key", responses={204: None})
    def destroy(self, request: Request, id: UUID) -> Response:
        services.revoke_api_key(key=self.get_object(), actor=f"key:{_key(request).prefix}")
        return Response(status=204)


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    detail = serializers.DictField()

    class Meta:
        model = AuditEntry
        fields = ["id", "at", "actor", "action", "target", "detail"]


@extend_schema_view(list=extend_schema(summary="Who did what, newest first"))
class AuditViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[AuditEntry]):
    serializer_class = AuditEntrySerializer
    pagination_class = NewestFirst
    scopes = {"GET": Scope.ADMIN}
    queryset = AuditEntry.objects.none()

    def get_queryset(self) -> QuerySet[AuditEntry]:
        if getattr(self, "swagger_fake_view", False):
            return AuditEntry.objects.none()
        return AuditEntry.objects.filter(workspace=_key(self.request).workspace)


class TicketSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField()
    expires_at = serializers.DateTimeField()


class TicketView(APIView):
    """A ticket opens one websocket, for pages that must not hold a key."""

    scopes = {"POST": Scope.READ}

    @extend_schema(
        summary="A one-time ticket for the websocket",
        request=None,
        responses={201: TicketSerializer},
    )
    def post(self, request: Request) -> Response:
        ticket, expires_at = tickets.issue(_key(request).workspace)
        return Response({"ticket": ticket, "expires_at": expires_at}, 201)


def _key(request: Any) -> ApiKey:
    assert isinstance(request.auth, ApiKey)
    return request.auth
