"""The workspace of a key: its name, its settings, what it may use and what it used."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from .. import lifecycle, preferences, quotas, services
from ..models import Scope, Workspace
from ..names import is_readable
from ..tenant_models import WorkspaceSettings
from .documented import codes
from .keyed import Keyed
from .problems import Problem

MOST = 2_147_483_647  # a column's


class WorkspaceSettingsSerializer(serializers.ModelSerializer[WorkspaceSettings]):
    event_retention_days = serializers.IntegerField(
        allow_null=True, required=False, max_value=MOST, help_text="null: the installation's"
    )
    message_retention_days = serializers.IntegerField(
        allow_null=True, required=False, max_value=MOST, help_text="null: messages are kept"
    )
    media_retention_days = serializers.IntegerField(
        allow_null=True, required=False, max_value=MOST, help_text="null: the installation's"
    )
    fetch_avatars = serializers.BooleanField(
        allow_null=True, required=False, help_text="false: WhatsApp is never asked for pictures"
    )
    pacing_min_gap_ms = serializers.IntegerField(
        required=False, max_value=MOST, help_text="between two messages of a new number"
    )
    pacing_new_chats_per_hour = serializers.IntegerField(
        required=False, max_value=MOST, help_text="of a new number; 0: no limit"
    )
    notice_email = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=254,
        help_text="who is told when a number is logged out or fails; empty: nobody",
    )
    notice_language = serializers.ChoiceField(
        choices=settings.LANGUAGES, required=False, help_text="of what is mailed to `notice_email`"
    )

    class Meta:
        model = WorkspaceSettings
        fields = list(preferences.NAMES)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            preferences.check(attrs)
        except ValidationError as exc:
            raise serializers.ValidationError(exc.message_dict) from None
        return attrs


class UsageLineSerializer(serializers.Serializer[Any]):
    limit = serializers.IntegerField(allow_null=True, help_text="null: no limit")
    used = serializers.IntegerField()


class UsageSerializer(serializers.Serializer[Any]):
    numbers = UsageLineSerializer()
    messages_per_day = UsageLineSerializer(help_text="of this day, UTC")
    media_bytes = UsageLineSerializer()
    api_requests_per_minute = UsageLineSerializer(
        help_text="of this minute; counted where there is a limit"
    )


class WorkspaceSerializer(serializers.ModelSerializer[Workspace]):
    settings = WorkspaceSettingsSerializer()
    usage = UsageSerializer(read_only=True)

    class Meta:
        model = Workspace
        fields = ["id", "name", "created_at", "settings", "usage"]


class WorkspaceChangeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120, required=False)
    settings = WorkspaceSettingsSerializer(required=False)

    def validate_name(self, value: str) -> str:
        if not is_readable(value):
            raise serializers.ValidationError("Use printable characters only.")
        return value


class WorkspaceView(Keyed, APIView):
    scopes = {"GET": Scope.READ, "PATCH": Scope.ADMIN}

    @extend_schema(
        summary="The workspace of this key, its settings and its usage",
        responses=WorkspaceSerializer,
    )
    def get(self, request: Request) -> Response:
        return Response(_shown(self.key.workspace))

    @extend_schema(
        summary="Change its name or its settings; what is left out stays",
        request=WorkspaceChangeSerializer,
        responses={
            200: WorkspaceSerializer,
            409: codes("name_taken"),
        },
    )
    def patch(self, request: Request) -> Response:
        workspace = self.key.workspace
        wanted = WorkspaceChangeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        changes = wanted.validated_data
        try:
            with transaction.atomic():
                if "name" in changes:
                    lifecycle.rename(workspace=workspace, name=changes["name"], actor=self.actor)
                if chosen := changes.get("settings"):
                    preferences.change(workspace=workspace, actor=self.actor, **chosen)
        except services.NameTaken:
            raise Problem(
                409, "name_taken", "name: another workspace has this name; use another one."
            ) from None
        return Response(_shown(workspace))


def _shown(workspace: Workspace) -> dict[str, Any]:
    return {
        "id": str(workspace.pk),
        "name": workspace.name,
        "created_at": serializers.DateTimeField().to_representation(workspace.created_at),
        "settings": WorkspaceSettingsSerializer(preferences.row(workspace.pk)).data,
        "usage": quotas.usage(workspace),
    }
