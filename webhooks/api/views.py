"""Webhooks over REST. A view parses, authorises, calls one service and describes the outcome."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.documented import codes
from accounts.api.keyed import Keyed
from accounts.api.pagination import Pages
from accounts.api.problems import Problem
from events import types as event_types

from .. import replays, services, trials
from ..models import Attempt, Delivery, Endpoint, Replay, Status
from .serializers import (
    DeliverySerializer,
    EndpointSerializer,
    MadeEndpointSerializer,
    NewEndpointSerializer,
    PreviewSerializer,
    ReplayRequestSerializer,
    ReplaySerializer,
    RotatedSerializer,
    RotationSerializer,
)


class NewestDeliveries(Pages):
    ordering = ("-seq", "-id")


def with_attempts(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    return deliveries.prefetch_related(
        Prefetch("attempts", queryset=Attempt.objects.order_by("-at", "-pk"))
    )


@extend_schema_view(
    list=extend_schema(summary="The webhooks of the workspace"),
    retrieve=extend_schema(summary="One webhook, and how it is doing"),
    partial_update=extend_schema(
        summary="Change a webhook", request=EndpointSerializer, responses=EndpointSerializer
    ),
)
class WebhookViewSet(
    Keyed,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    viewsets.GenericViewSet[Endpoint],
):
    serializer_class = EndpointSerializer
    pagination_class = Pages
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_converter = "uuid"
    queryset = Endpoint.objects.none()  # for the schema; every read goes by workspace

    def get_queryset(self) -> QuerySet[Endpoint]:
        if getattr(self, "swagger_fake_view", False):
            return Endpoint.objects.none()
        mine = Endpoint.objects.present().reachable(self.key.workspace, self.key.only)
        return mine.select_related("workspace")

    @extend_schema(
        summary="A new webhook; its secret is shown once",
        request=NewEndpointSerializer,
        responses={201: MadeEndpointSerializer, 409: codes("too_many_webhooks")},
    )
    def create(self, request: Request) -> Response:
        wanted = NewEndpointSerializer(data=request.data, context=self.get_serializer_context())
        wanted.is_valid(raise_exception=True)
        try:
            endpoint, secret = services.create_endpoint(
                workspace=self.key.workspace, actor=self.actor, **wanted.validated_data
            )
        except services.TooMany as exc:
            raise Problem(
                409, "too_many_webhooks", f"A workspace has at most {exc} webhooks."
            ) from None
        return Response({**self._shown(endpoint), "secret": secret}, 201, headers=NO_STORE)

    def perform_update(self, serializer: Any) -> None:
        services.update_endpoint(
            endpoint=serializer.instance, actor=self.actor, **serializer.validated_data
        )

    @extend_schema(summary="Remove a webhook; nothing more is sent", responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        services.delete_endpoint(endpoint=self.get_object(), actor=self.actor)
        return Response(status=204)

    def _shown(self, endpoint: Endpoint) -> dict[str, Any]:
        shown: dict[str, Any] = EndpointSerializer(endpoint).data
        return shown

    @extend_schema(
        summary="A new secret, shown once; the old one signs beside it for a day",
        request=RotationSerializer,
        responses={200: RotatedSerializer},
    )
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: UUID) -> Response:
        endpoint = self.get_object()
        wanted = RotationSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        secret = services.rotate_secret(
            endpoint=endpoint,
            actor=self.actor,
            secret=wanted.validated_data.get("secret", ""),
            overlap=timedelta(hours=wanted.validated_data["overlap_hours"]),
        )
        until = self._shown(endpoint)["previous_secret_until"]
        return Response({"secret": secret, "previous_secret_until": until}, headers=NO_STORE)

    @extend_schema(
        summary="Send a test event now, whatever the state, and tell how it went",
        request=None,
        responses={200: DeliverySerializer},
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: UUID) -> Response:
        delivery = trials.send_test(endpoint=self.get_object(), actor=self.actor)
        return Response(DeliverySerializer(delivery).data)

    @extend_schema(
        summary="Deliver again, also what waited", request=None, responses=EndpointSerializer
    )
    @action(detail=True, methods=["post"])
    def enable(self, request: Request, pk: UUID) -> Response:
        endpoint = self.get_object()
        services.enable(endpoint=endpoint, actor=self.actor)
        return Response(self._shown(endpoint))

    @extend_schema(
        summary="Send nothing until it is enabled again", request=None, responses=EndpointSerializer
    )
    @action(detail=True, methods=["post"])
    def disable(self, request: Request, pk: UUID) -> Response:
        endpoint = self.get_object()
        services.disable(
            endpoint=endpoint,
            code="manual",
            message="Disabled over the API.",
            actor=self.actor,
        )
        return Response(self._shown(endpoint))

    @extend_schema(
        summary="What was or will be delivered, newest first, with every attempt",
        parameters=[
            OpenApiParameter("status", str, enum=Status.values),
            OpenApiParameter("type", str, description="only this type of event"),
            OpenApiParameter("account", UUID, description="only this account's events"),
        ],
        responses=DeliverySerializer(many=True),
    )
    @action(detail=True, methods=["get"], pagination_class=NewestDeliveries)
    def deliveries(self, request: Request, pk: UUID) -> Response:
        found = with_attempts(Delivery.objects.filter(endpoint=self.get_object()))
        query = request.query_params
        if status := query.get("status"):
            found = found.filter(status=_one_of("status", status, Status.values))
        if kind := query.get("type"):
            found = found.filter(type=_one_of("type", kind, sorted(event_types.ALL)))
        if account := query.get("account"):
            found = found.filter(lane=_uuid("account", account))
        page: Any = self.paginate_queryset(found)  # type: ignore[arg-type]  # other rows than the view's own
        return self.get_paginated_response(DeliverySerializer(page, many=True).data)

    @extend_schema(
        summary="Deliver a range again; with preview only count it",
        request=ReplayRequestSerializer,
        responses={
            200: PreviewSerializer,
            202: OpenApiResponse(ReplaySerializer, description="accepted; ask for its progress"),
        },
    )
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: UUID) -> Response:
        endpoint = self.get_object()
        wanted = ReplayRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = {k: v for k, v in wanted.validated_data.items() if v is not None}
        only_count = fields.pop("preview")
        criteria = replays.Criteria(**{**fields, "types": tuple(fields.get("types", ()))})
        if only_count:
            return Response({"count": replays.preview(endpoint, criteria)})
        made = replays.start(endpoint=endpoint, wanted=criteria, actor=self.actor)
        return Response(ReplaySerializer(made).data, 202)

    @extend_schema(summary="How far a replay is", responses=ReplaySerializer)
    @action(detail=True, methods=["get"], url_path="replays/<uuid:replay_id>")
    def replay_progress(self, request: Request, pk: UUID, replay_id: UUID) -> Response:
        replay = get_object_or_404(Replay, endpoint=self.get_object(), pk=replay_id)
        return Response(ReplaySerializer(replay).data)


@extend_schema_view(retrieve=extend_schema(summary="One delivery with every attempt"))
class DeliveryViewSet(Keyed, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Delivery]):
    serializer_class = DeliverySerializer
    lookup_value_converter = "uuid"
    queryset = Delivery.objects.none()

    def get_queryset(self) -> QuerySet[Delivery]:
        if getattr(self, "swagger_fake_view", False):
            return Delivery.objects.none()
        mine = Endpoint.objects.present().reachable(self.key.workspace, self.key.only)
        return with_attempts(
            Delivery.objects.filter(endpoint__in=mine).select_related("endpoint__workspace")
        )

    @extend_schema(
        summary="Deliver this one again, now", request=None, responses={202: DeliverySerializer}
    )
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: UUID) -> Response:
        delivery = self.get_object()
        services.retry(delivery=delivery, actor=self.actor)
        return Response(DeliverySerializer(delivery).data, 202)


NO_STORE = {"Cache-Control": "no-store"}


def _one_of(name: str, text: str, allowed: list[str]) -> str:
    if text not in allowed:
        raise Problem(422, "invalid", f"{name}: use {', '.join(allowed)}.", field=name)
    return text


def _uuid(name: str, text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise Problem(422, "invalid", f"{name}: use the id of an account.", field=name) from None
