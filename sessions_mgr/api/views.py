"""Accounts over REST. A view parses, authorises, calls one service and describes the outcome."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    extend_schema,
    extend_schema_view,
)
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.documented import codes
from accounts.api.keyed import Keyed
from accounts.api.pagination import NewestFirst, Pages
from accounts.api.problems import Problem
from accounts.models import WhatsAppAccount
from events import waiting

from .. import commands, pictures, services
from ..models import Session, StatusChange
from ..states import Status
from .refusals import refusal
from .renderers import QrPng, QrSvg
from .serializers import (
    AccountSerializer,
    DisconnectedSerializer,
    HealthSerializer,
    PairingCodeRequestSerializer,
    PairingCodeSerializer,
    QrSerializer,
    StatusChangeSerializer,
)

MAX_WAIT = 30.0  # seconds of long-poll


def wait_seconds(request: Request) -> float:
    """The `wait` parameter. 422 names it when it is no number from 0 to 30."""
    text = request.query_params.get("wait", "0") or "0"
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= MAX_WAIT:
        raise Problem(422, "invalid", f"wait: use seconds from 0 to {MAX_WAIT:g}.")
    return value


@extend_schema_view(
    list=extend_schema(summary="All numbers of the workspace"),
    create=extend_schema(
        summary="Add a number", responses={201: AccountSerializer, 403: codes("restricted_key")}
    ),
    retrieve=extend_schema(summary="One number"),
    partial_update=extend_schema(summary="Change label, metadata or proxy"),
)
class AccountViewSet(
    Keyed,
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    viewsets.GenericViewSet[WhatsAppAccount],
):
    serializer_class = AccountSerializer
    pagination_class = Pages
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_converter = "uuid"
    queryset = WhatsAppAccount.objects.none()  # for the schema; every read goes by workspace

    def get_queryset(self) -> QuerySet[WhatsAppAccount]:
        if getattr(self, "swagger_fake_view", False):
            return WhatsAppAccount.objects.none()
        return self.key.visible_accounts().present().select_related("session", "workspace")

    def perform_create(self, serializer: Any) -> None:
        if self.key.only is not None:
            raise Problem(
                403, "restricted_key", "This key is restricted to accounts and cannot add one."
            )
        data = serializer.validated_data
        serializer.instance = services.create_account(
            workspace=self.key.workspace,
            label=data["label"],
            actor=self.actor,
            metadata=data.get("metadata"),
            proxy=data.get("proxy", ""),
        )

    def perform_update(self, serializer: Any) -> None:
        services.update_account(
            account=serializer.instance, actor=self.actor, **serializer.validated_data
        )

    def answer(self, account: WhatsAppAccount, status: int = 200, **more: Any) -> Response:
        """The account as it is now."""
        fresh = self.get_queryset().get(pk=account.pk)
        for name, value in more.items():
            setattr(fresh, name, value)
        serializer = DisconnectedSerializer if more else AccountSerializer
        return Response(serializer(fresh).data, status)

    @extend_schema(
        summary="Disconnect, purge the store, and remove the number", responses={204: None}
    )
    def destroy(self, request: Request, pk: UUID) -> Response:
        services.delete_account(account=self.get_object(), actor=self.actor)
        return Response(status=204)

    @extend_schema(
        summary="Have the number connected", request=None, responses={202: AccountSerializer}
    )
    @action(detail=True, methods=["post"])
    def connect(self, request: Request, pk: UUID) -> Response:
        account = self.get_object()
        services.request_connect(account=account, actor=self.actor)
        return self.answer(account, 202)

    @extend_schema(
        summary="Have nothing running; from any state, any number of times",
        request=None,
        responses={200: DisconnectedSerializer},
    )
    @action(detail=True, methods=["post"])
    def disconnect(self, request: Request, pk: UUID) -> Response:
        account = self.get_object()
        _, already = services.request_disconnect(account=account, actor=self.actor)
        return self.answer(account, already_disconnected=already)

    @extend_schema(
        summary="Unlink the device at WhatsApp and purge its credentials",
        request=None,
        responses={200: AccountSerializer},
    )
    @action(detail=True, methods=["post"])
    def logout(self, request: Request, pk: UUID) -> Response:
        account = self.get_object()
        services.request_logout(account=account, actor=self.actor)
        return self.answer(account)

    @extend_schema(
        summary="A new worker with the same credentials",
        request=None,
        responses={202: AccountSerializer},
    )
    @action(detail=True, methods=["post"])
    def restart(self, request: Request, pk: UUID) -> Response:
        account = self.get_object()
        services.request_restart(account=account, actor=self.actor)
        return self.answer(account, 202)

    @extend_schema(
        summary="The code to scan, as JSON, PNG or SVG by Accept",
        parameters=[OpenApiParameter("wait", float, description="long-poll up to 30 seconds")],
        responses={
            (200, "application/json"): QrSerializer,
            (200, "image/png"): OpenApiTypes.BINARY,
            (200, "image/svg+xml"): OpenApiTypes.STR,
            409: codes("no_qr"),
        },
    )
    @action(
        detail=True,
        methods=["get"],
        renderer_classes=[*viewsets.GenericViewSet.renderer_classes, QrPng, QrSvg],
    )
    def qr(self, request: Request, pk: UUID) -> Response:
        account = self.get_object()
        session = self._await_qr(account, wait_seconds(request))
        if not _has_live_code(session):
            raise Problem(
                409,
                "no_qr",
                f"There is no code to scan: the number is {session.status}.",
                account_status=session.status,
                reason=session.reason,
            )
        return Response(
            {
                "code": session.qr_code,
                "svg": pictures.svg(session.qr_code),
                "expires_at": session.qr_expires_at,
                "attempt": session.qr_attempt,
            },
            headers={"Cache-Control": "no-store"},
        )

    def _await_qr(self, account: WhatsAppAccount, wait: float) -> Session:
        """The session once it shows a code, or leaves hope of one, or the wait is over."""
        deadline = time.monotonic() + wait
        with waiting.for_events(account.workspace_id) as news:
            while True:
                session = Session.objects.get(pk=account.pk)
                hopeful = session.status in (Status.STARTING, Status.QR_SCANNING)
                left = deadline - time.monotonic()
                if _has_live_code(session) or not hopeful or left <= 0:
                    return session
                news.wait(left)

    @extend_schema(
        summary="An 8-character code to type on the phone, instead of the QR",
        request=PairingCodeRequestSerializer,
        responses={
            200: PairingCodeSerializer,
            409: codes("not_pairing", "not_connected"),
            422: codes("invalid_phone_number"),
            502: codes("pairing_refused", "worker_failed"),
            503: codes("busy", "bus_unavailable"),
            504: codes("worker_timeout"),
        },
    )
    @action(detail=True, methods=["post"], url_path="pairing-code")
    def pairing_code(self, request: Request, pk: UUID) -> Response:
        account = self.get_object()
        wanted = PairingCodeRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        if account.session.status == Status.STARTING:
            self._await_qr(account, 10.0)
        try:
            made = services.request_pairing_code(
                account=account,
                phone_number=wanted.validated_data["phone_number"],
                actor=self.actor,
            )
        except commands.CommandFailed as exc:
            raise refusal(exc) from None
        return Response(made)

    @extend_schema(
        summary="Every status change, newest first", responses=StatusChangeSerializer(many=True)
    )
    @action(detail=True, methods=["get"], pagination_class=NewestFirst)
    def timeline(self, request: Request, pk: UUID) -> Response:
        changes = StatusChange.objects.filter(account=self.get_object())
        page: Any = self.paginate_queryset(changes)  # type: ignore[arg-type]  # other rows than its own
        return self.get_paginated_response(StatusChangeSerializer(page, many=True).data)

    @extend_schema(
        summary="Process, socket and login as separate facts", responses=HealthSerializer
    )
    @action(detail=True, methods=["get"])
    def health(self, request: Request, pk: UUID) -> Response:
        return Response(commands.health(self.get_object()))


def _has_live_code(session: Session) -> bool:
    return bool(
        session.status == Status.QR_SCANNING
        and session.qr_code
        and session.qr_expires_at
        and session.qr_expires_at > timezone.now()
    )
