"""Test mode over REST: virtual phones and faults. Exists only with SANDBOX=1."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.bodies import with_file
from accounts.api.problems import Problem
from accounts.models import ApiKey, WhatsAppAccount

from .. import commands, sandbox_gateway
from ..models import Session
from ..sandbox_gateway import SandboxError
from .refusals import refusal
from .serializers import parse_phone_number

NODE_FAULTS = ("panic_worker",)
NETWORK_FAULTS = (
    "drop",
    "stream_error",
    "slow",
    "no_avatar",
    "avatar_timeout",
    "mute",
    "refuse_connections",
    "failure",
    "passkey",
    "reject_send_463",
    "media_gone",
    "media_slow",
    "media_corrupt",
)


class SandboxView(APIView):
    """Hides the whole tree unless the sandbox is on, and turns its errors into problems."""

    parser_classes = [with_file(settings.MEDIA_MAX_BYTES)]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not settings.SANDBOX:
            raise Http404
        super().initial(request, *args, **kwargs)
        if "number" in kwargs:
            self.number = number_of(kwargs["number"])

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, SandboxError):
            field = {"field": exc.field} if exc.field else {}
            exc = Problem(exc.status, exc.code, exc.detail, **field)
        return super().handle_exception(exc)

    def account(self, request: Request, account_id: Any) -> WhatsAppAccount:
        """The account of this workspace, or 404; 422 when the id is none."""
        assert isinstance(request.auth, ApiKey)
        try:
            wanted = UUID(str(account_id))
        except ValueError:
            raise Problem(422, "invalid", "account_id: use the id of an account.") from None
        found = request.auth.visible_accounts().present().filter(pk=wanted).first()
        if found is None:
            raise Problem(404, "not_found", "There is no such account in this workspace.")
        return found


def number_of(text: Any) -> str:
    try:
        return parse_phone_number(str(text))
    except serializers.ValidationError as exc:
        raise Problem(422, "invalid", f"phone_number: {exc.detail[0]}") from None  # type: ignore[index]  # a list of one


class PhoneRequest(serializers.Serializer[Any]):
    phone_number = serializers.CharField(max_length=20)
    name = serializers.CharField(max_length=60, required=False, allow_blank=True)
    requires_passkey = serializers.BooleanField(required=False, default=False)

    def validate_phone_number(self, value: str) -> str:
        return parse_phone_number(value)


class ScanRequest(serializers.Serializer[Any]):
    qr = serializers.CharField(required=False, max_length=2000)
    account_id = serializers.UUIDField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs.get("qr")) == bool(attrs.get("account_id")):
            raise serializers.ValidationError("Send either qr or account_id.")
        return attrs


class ReadRequest(serializers.Serializer[Any]):
    wa_id = serializers.CharField(max_length=100)
    played = serializers.BooleanField(required=False, default=False)


class PairRequest(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=20)


def _checked(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    checked = serializer(data=request.data)
    checked.is_valid(raise_exception=True)
    data: dict[str, Any] = checked.validated_data
    return data


def _query(request: Request, *names: str) -> dict[str, str]:
    """These parts of the query, where they are given; the sandbox checks them."""
    return {name: request.query_params[name] for name in names if name in request.query_params}


def _object(request: Request) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise Problem(422, "invalid", "Send a JSON object.")
    return dict(request.data)


OBJECT = OpenApiTypes.OBJECT
AFTER = OpenApiParameter("after", int, description="entries with a greater id")
BEFORE = OpenApiParameter("before", int, description="entries with a smaller id")
LIMIT = OpenApiParameter("limit", int, description="at most so many, 1 to 1000")
ORDER = OpenApiParameter("order", str, enum=["oldest", "newest"], description="which first")


class PhonesView(SandboxView):
    @extend_schema(summary="All virtual phones", responses={200: OBJECT})
    def get(self, request: Request) -> Response:
        return Response({"results": sandbox_gateway.phones()})

    @extend_schema(summary="A new virtual phone", request=PhoneRequest, responses={201: OBJECT})
    def post(self, request: Request) -> Response:
        return Response(sandbox_gateway.create_phone(**_checked(PhoneRequest, request)), 201)


class ScanView(SandboxView):
    @extend_schema(
        summary="The virtual phone scans a code", request=ScanRequest, responses={200: OBJECT}
    )
    def post(self, request: Request, number: str) -> Response:
        wanted = _checked(ScanRequest, request)
        code = wanted.get("qr") or self._code_of(request, wanted["account_id"])
        return Response(sandbox_gateway.scan(self.number, code))

    def _code_of(self, request: Request, account_id: UUID) -> str:
        session = Session.objects.get(pk=self.account(request, account_id).pk)
        if not session.qr_code:
            raise Problem(
                409, "no_qr", f"There is no code to scan: the number is {session.status}."
            )
        return session.qr_code


class PairView(SandboxView):
    @extend_schema(
        summary="The virtual phone types a pairing code",
        request=PairRequest,
        responses={200: OBJECT},
    )
    def post(self, request: Request, number: str) -> Response:
        return Response(sandbox_gateway.pair(self.number, _checked(PairRequest, request)["code"]))


class MessagesView(SandboxView):
    @extend_schema(
        summary="A real encrypted message from the virtual phone",
        request=OBJECT,
        responses={202: OBJECT},
    )
    def post(self, request: Request, number: str) -> Response:
        if not isinstance(request.data, dict):
            raise Problem(422, "invalid", "Send a JSON object with to, type and text.")
        return Response(sandbox_gateway.send(self.number, request.data), 202)


class InboxView(SandboxView):
    @extend_schema(
        summary="What the virtual phone received, decrypted",
        parameters=[AFTER, BEFORE, LIMIT, ORDER],
        responses={200: OBJECT},
    )
    def get(self, request: Request, number: str) -> Response:
        query = _query(request, "after", "before", "limit", "order")
        return Response({"results": sandbox_gateway.inbox(self.number, **query)})


class InboxMediaView(SandboxView):
    @extend_schema(
        summary="The decrypted file of a message that the virtual phone received",
        responses={200: OpenApiTypes.BINARY},
    )
    def get(self, request: Request, number: str, entry: str) -> HttpResponse:
        file = sandbox_gateway.inbox_media(self.number, entry)
        return HttpResponse(
            file.data,
            content_type=file.mime_type,
            headers={"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"},
        )


class ReceiptsView(SandboxView):
    @extend_schema(
        summary="The receipts that the virtual phone got",
        parameters=[AFTER, LIMIT],
        responses={200: OBJECT},
    )
    def get(self, request: Request, number: str) -> Response:
        query = _query(request, "after", "limit")
        return Response({"results": sandbox_gateway.receipts(self.number, **query)})


class ReadView(SandboxView):
    @extend_schema(
        summary="The virtual phone reads or plays a message",
        request=ReadRequest,
        responses={200: OBJECT},
    )
    def post(self, request: Request, number: str) -> Response:
        return Response(sandbox_gateway.read(self.number, **_checked(ReadRequest, request)))


class HistoryView(SandboxView):
    @extend_schema(summary="The history that the virtual phone has", responses={200: OBJECT})
    def get(self, request: Request, number: str) -> Response:
        return Response(sandbox_gateway.history(self.number))

    @extend_schema(
        summary="Give the virtual phone a history for its future companions",
        request=OBJECT,
        responses={200: OBJECT},
    )
    def post(self, request: Request, number: str) -> Response:
        return Response(sandbox_gateway.set_history(self.number, _object(request)))


class HistorySyncView(SandboxView):
    @extend_schema(
        summary="The virtual phone hands its history to its linked devices now",
        request=OBJECT,
        responses={202: OBJECT},
    )
    def post(self, request: Request, number: str) -> Response:
        jid = None
        if isinstance(request.data, dict) and request.data.get("account_id"):
            jid = self.account(request, request.data["account_id"]).device_jid or None
        return Response(sandbox_gateway.sync_history(self.number, jid), 202)


class UnlinkView(SandboxView):
    @extend_schema(
        summary="The virtual phone removes a linked device",
        request=OBJECT,
        responses={204: None},
    )
    def post(self, request: Request, number: str) -> Response:
        jid = None
        if isinstance(request.data, dict) and request.data.get("account_id"):
            jid = self.account(request, request.data["account_id"]).device_jid or None
        sandbox_gateway.unlink(self.number, jid)
        return Response(status=204)


class OnlineView(SandboxView):
    online = True

    @extend_schema(summary="The phone gets or loses its line", request=None, responses={204: None})
    def post(self, request: Request, number: str) -> Response:
        sandbox_gateway.set_online(self.number, self.online)
        return Response(status=204)


class PictureView(SandboxView):
    @extend_schema(
        summary="The phone's profile picture as base64, null for none",
        request=OBJECT,
        responses={204: None},
    )
    def post(self, request: Request, number: str) -> Response:
        data = request.data.get("base64") if isinstance(request.data, dict) else None
        if data is not None:
            try:
                base64.b64decode(data, validate=True)
            except (binascii.Error, TypeError, ValueError):
                raise Problem(422, "invalid", "base64: use base64 text or null.") from None
        sandbox_gateway.set_picture(self.number, data)
        return Response(status=204)


class NetworkView(SandboxView):
    @extend_schema(summary="How any client is pointed at the sandbox", responses={200: OBJECT})
    def get(self, request: Request) -> Response:
        known = sandbox_gateway.network()
        shown = ("websocket_url", "proxy_url", "ca_pem", "noise_public_key")
        return Response({name: known[name] for name in shown})


class FaultsView(SandboxView):
    @extend_schema(
        summary="Provoke what production provokes", request=OBJECT, responses={200: OBJECT}
    )
    def post(self, request: Request) -> Response:
        fault = dict(request.data) if isinstance(request.data, dict) else {}
        kind = fault.get("kind")
        if kind not in NODE_FAULTS + NETWORK_FAULTS:
            raise Problem(
                422, "invalid", f"kind: use one of {', '.join(NODE_FAULTS + NETWORK_FAULTS)}."
            )
        account = self.account(request, fault.pop("account_id", None))
        if kind == "panic_worker":
            return Response(self._panic(account, fault))
        if not account.device_jid:
            raise Problem(409, "not_linked", "This account is not linked to a phone.")
        return Response(sandbox_gateway.arm_fault({**fault, "jid": account.device_jid}))

    def _panic(self, account: WhatsAppAccount, fault: dict[str, Any]) -> dict[str, Any]:
        """`during` and `jid` name the operation that is to blame, as docs/sandbox.md says."""
        blamed = {name: str(fault[name]) for name in ("during", "jid") if fault.get(name)}
        try:
            commands.ask(account, "panic", blamed, 2.0)
        except commands.CommandFailed as exc:
            if exc.code == "not_running":
                raise Problem(409, "not_running", exc.detail) from None
            if exc.code != "timeout":  # a process that died does not answer
                raise refusal(exc) from None
        return {"kind": "panic_worker", "account_id": str(account.pk)}
