"""The audit log over REST."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets

from .. import audit
from ..models import ApiKey, AuditEntry, Scope
from .pagination import NewestFirst
from .problems import Problem


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    detail = serializers.DictField()

    class Meta:
        model = AuditEntry
        fields = [
            "id",
            "at",
            "actor",
            "action",
            "target",
            "detail",
            "ip",
            "user_agent",
            "request_id",
        ]


FILTERS = [
    OpenApiParameter("actor", str, description="part of who: user:<email>, key:<prefix>, system"),
    OpenApiParameter(
        "action", str, description="an action, or the start of some with its dot: account."
    ),
    OpenApiParameter("target", str, description="part of the target"),
    OpenApiParameter("since", datetime, description="from this time on"),
    OpenApiParameter("until", datetime, description="before this time"),
]


@extend_schema_view(
    list=extend_schema(summary="Who did what, from where, newest first", parameters=FILTERS)
)
class AuditViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[AuditEntry]):
    serializer_class = AuditEntrySerializer
    pagination_class = NewestFirst
    scopes = {"GET": Scope.ADMIN}
    queryset = AuditEntry.objects.none()

    def get_queryset(self) -> QuerySet[AuditEntry]:
        if getattr(self, "swagger_fake_view", False):
            return AuditEntry.objects.none()
        assert isinstance(self.request.auth, ApiKey)
        query: Any = self.request.query_params
        return audit.search(
            AuditEntry.objects.filter(workspace=self.request.auth.workspace),
            actor=query.get("actor", ""),
            action=query.get("action", ""),
            target=query.get("target", ""),
            since=_time("since", query.get("since")),
            until=_time("until", query.get("until")),
        )


def _time(name: str, text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    if at is None:
        raise Problem(
            422, "invalid", f"{name}: use a time such as 2026-01-31T08:00:00Z.", field=name
        )
    return at if timezone.is_aware(at) else timezone.make_aware(at)
