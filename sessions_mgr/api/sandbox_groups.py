"""Test mode over REST: groups of virtual phones, and what else phones do. Only with SANDBOX=1.

The bodies are those of the sandbox's control API (docs/sandbox.md), which checks them.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.problems import Problem

from .. import sandbox_gateway
from .sandbox import SandboxView

OBJECT = OpenApiTypes.OBJECT


def _body(request: Request) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise Problem(422, "invalid", "Send a JSON object.")
    return dict(request.data)


class GroupsView(SandboxView):
    @extend_schema(
        operation_id="sandbox_groups_list",
        summary="All groups of virtual phones",
        responses={200: OBJECT},
    )
    def get(self, request: Request) -> Response:
        return Response(sandbox_gateway.call("GET", "/groups"))

    @extend_schema(summary="A virtual phone makes a group", request=OBJECT, responses={201: OBJECT})
    def post(self, request: Request) -> Response:
        return Response(sandbox_gateway.call("POST", "/groups", _body(request)), 201)


class JoinView(SandboxView):
    @extend_schema(
        summary="A virtual phone follows an invite link", request=OBJECT, responses={200: OBJECT}
    )
    def post(self, request: Request) -> Response:
        return Response(sandbox_gateway.call("POST", "/groups/join", _body(request)))


class GroupView(SandboxView):
    @extend_schema(summary="One group of virtual phones", responses={200: OBJECT})
    def get(self, request: Request, jid: str) -> Response:
        return Response(sandbox_gateway.call("GET", _group(jid)))


class GroupActionView(SandboxView):
    """participants, settings, leave, invite, requests or picture: see `as_view(action=…)`."""

    action = ""

    @extend_schema(
        summary="A virtual phone acts in a group", request=OBJECT, responses={200: OBJECT}
    )
    def post(self, request: Request, jid: str) -> Response:
        path = f"{_group(jid)}/{self.action}"
        return Response(sandbox_gateway.call("POST", path, _body(request)))


def _group(jid: str) -> str:
    return f"/groups/{quote(jid, safe='')}"


class PhonePartView(SandboxView):
    """Something that a virtual phone has: calls, contacts, chats, presence, blocked."""

    part = ""
    http_method_names = ["get", "head", "options"]

    @extend_schema(summary="What a virtual phone has", responses={200: OBJECT})
    def get(self, request: Request, number: str) -> Response:
        return Response(sandbox_gateway.call("GET", self.path))

    @property
    def path(self) -> str:
        return f"/phones/{self.number}/{self.part}"


class PhoneListView(PhonePartView):
    """calls, chats and presence: a phone calls, changes a chat, types or comes online."""

    http_method_names = ["get", "post", "head", "options"]

    @extend_schema(
        summary="A virtual phone calls, changes a chat, types or comes online",
        request=OBJECT,
        responses={200: OBJECT},
    )
    def post(self, request: Request, number: str) -> Response:
        return Response(sandbox_gateway.call("POST", self.path, _body(request)))


class PhoneGroupsView(PhonePartView):
    """groups: the phone makes one, as its owner."""

    part = "groups"
    http_method_names = ["get", "post", "head", "options"]

    @extend_schema(
        summary="A virtual phone makes a group of its own",
        request=OBJECT,
        responses={201: OBJECT},
    )
    def post(self, request: Request, number: str) -> Response:
        wanted = {**_body(request), "owner": self.number}
        return Response(sandbox_gateway.call("POST", "/groups", wanted), 201)


class PhoneBookView(PhonePartView):
    """contacts: replaced as a whole."""

    http_method_names = ["get", "put", "head", "options"]

    @extend_schema(
        summary="A virtual phone's address book", request=OBJECT, responses={200: OBJECT}
    )
    def put(self, request: Request, number: str) -> Response:
        return Response(sandbox_gateway.call("PUT", self.path, _body(request)))


class CallView(SandboxView):
    @extend_schema(summary="A virtual phone hangs up", request=None, responses={200: OBJECT})
    def delete(self, request: Request, number: str, call_id: str) -> Response:
        path = f"/phones/{self.number}/calls/{quote(call_id, safe='')}"
        return Response(sandbox_gateway.call("DELETE", path))


class NameView(SandboxView):
    @extend_schema(
        summary="A virtual phone gets another name", request=OBJECT, responses={200: OBJECT}
    )
    def put(self, request: Request, number: str) -> Response:
        path = f"/phones/{self.number}/name"
        return Response(sandbox_gateway.call("PUT", path, _body(request)))


class ReinstallView(SandboxView):
    @extend_schema(
        summary="A virtual phone starts anew with other keys",
        request=None,
        responses={200: OBJECT},
    )
    def post(self, request: Request, number: str) -> Response:
        return Response(sandbox_gateway.call("POST", f"/phones/{self.number}/reinstall"))
