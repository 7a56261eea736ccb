"""Groups over REST. Writing needs the scope `send`: it acts in the name of the number.

What WhatsApp says of groups is asked from it each time; the answer is as fresh as the line.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import audit
from accounts.api.bodies import with_file
from accounts.api.documented import codes
from accounts.api.problems import Problem
from accounts.models import ApiKey, Scope
from events.models import rfc3339

from .. import group_pictures, groups, people
from .base import WORKER, AccountView, checked, group_jid, person_jids
from .group_shapes import (
    GROUP_EXAMPLE,
    OUTCOMES_EXAMPLE,
    DecisionRequest,
    GroupChangeRequest,
    GroupListSerializer,
    GroupSerializer,
    InviteSerializer,
    JoinedSerializer,
    JoinRequest,
    JoinWishesSerializer,
    NewGroupRequest,
    OutcomesSerializer,
    ParticipantsRequest,
    PictureRequest,
    PictureSerializer,
    RemovalRequest,
)

PROBLEMS = {**WORKER, 403: codes("not_a_member", "not_allowed"), 404: codes("not_found")}


class GroupView(AccountView):
    """One group; `self.jid` is its checked JID."""

    scopes = {"POST": Scope.SEND, "PATCH": Scope.SEND, "PUT": Scope.SEND, "DELETE": Scope.SEND}
    jid = ""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "jid" in kwargs:
            self.jid = group_jid(kwargs["jid"])

    def change(
        self, op: str, args: dict[str, Any], *, action: str, **detail: Any
    ) -> dict[str, Any]:
        """`order` for what changes something: written into the audit log once it is done."""
        told = self.order(op, **args)
        self.write_down(action=action, target=self.jid or told["jid"], **detail)
        return told

    def write_down(self, *, action: str, target: str, **detail: Any) -> None:
        assert isinstance(self.request.auth, ApiKey)
        audit.record(
            workspace=self.account.workspace,
            actor=audit.program(self.request.auth),
            action=action,
            target=target,
            account=str(self.account.pk),
            **detail,
        )

    def described(self, told: dict[str, Any]) -> dict[str, Any]:
        """The worker's group, asked for again where a command answers less than that."""
        if "jid" not in told or "participants" not in told:
            told = self.order("group_info", jid=self.jid)
        return groups.described(self.account, told)


class GroupsView(GroupView):
    @extend_schema(
        summary="The groups that a number is in",
        operation_id="accounts_groups_list",
        responses={200: GroupListSerializer, **WORKER},
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        told = self.order("group_list")["groups"]
        results = groups.describe_all(self.account, told)
        return Response({"results": results, "next": None, "previous": None})

    @extend_schema(
        summary="A new group",
        description="Who could not be put into it is not in `participants`: add them to hear why.",
        request=NewGroupRequest,
        responses={201: GroupSerializer, **WORKER},
        examples=[
            GROUP_EXAMPLE,
            OpenApiExample(
                "two people",
                {"subject": "Deliveries", "participants": ["+15550100200", "+15550100201"]},
                request_only=True,
            ),
        ],
    )
    def post(self, request: Request, account_id: UUID) -> Response:
        wanted = checked(NewGroupRequest, request)
        members = person_jids(wanted["participants"], "participants")
        told = self.change(
            "group_create",
            {"name": wanted["subject"], "participants": members},
            action="group.created",
            subject=wanted["subject"],
            people=len(members),
        )
        return Response(groups.described(self.account, told), 201)


class OneGroupView(GroupView):
    @extend_schema(
        summary="One group with its members",
        responses={200: GroupSerializer, **PROBLEMS},
        examples=[GROUP_EXAMPLE],
    )
    def get(self, request: Request, account_id: UUID, jid: str) -> Response:
        return Response(self.described({}))

    @extend_schema(
        summary="Change subject, description or who may do what",
        request=GroupChangeRequest,
        responses={200: GroupSerializer, **PROBLEMS},
        examples=[
            GROUP_EXAMPLE,
            OpenApiExample(
                "only admins write", {"subject": "News", "announce": True}, request_only=True
            ),
        ],
    )
    def patch(self, request: Request, account_id: UUID, jid: str) -> Response:
        changes = checked(GroupChangeRequest, request)
        told = self.change(
            "group_update",
            {"jid": self.jid, **changes},
            action="group.changed",
            fields=sorted(changes),
        )
        return Response(self.described(told))


class ParticipantsView(GroupView):
    @extend_schema(
        summary="Add, remove, promote or demote people",
        request=ParticipantsRequest,
        responses={200: OutcomesSerializer, **PROBLEMS},
        examples=[
            OUTCOMES_EXAMPLE,
            OpenApiExample(
                "promote",
                {"action": "promote", "participants": ["+15550100201"]},
                request_only=True,
            ),
        ],
    )
    def post(self, request: Request, account_id: UUID, jid: str) -> Response:
        wanted = checked(ParticipantsRequest, request)
        return self._change(wanted["action"], wanted["participants"])

    @extend_schema(
        summary="Remove people",
        request=RemovalRequest,
        responses={200: OutcomesSerializer, **PROBLEMS},
        examples=[OUTCOMES_EXAMPLE],
    )
    def delete(self, request: Request, account_id: UUID, jid: str) -> Response:
        return self._change("remove", checked(RemovalRequest, request)["participants"])

    def _change(self, verb: str, participants: list[str]) -> Response:
        jids = person_jids(participants, "participants")
        told = self.change(
            "group_participants",
            {"jid": self.jid, "action": verb, "participants": jids},
            action="group.members_changed",
            change=verb,
            people=len(jids),
        )
        return Response({"results": groups.outcomes(self.account, told["results"])})


class InviteView(GroupView):
    @extend_schema(summary="The invite link", responses={200: InviteSerializer, **PROBLEMS})
    def get(self, request: Request, account_id: UUID, jid: str) -> Response:
        return Response({"link": self.order("group_invite", jid=self.jid, reset=False)["link"]})

    @extend_schema(
        summary="A new invite link; the old one ends",
        request=None,
        responses={200: InviteSerializer, **PROBLEMS},
    )
    def post(self, request: Request, account_id: UUID, jid: str) -> Response:
        told = self.change(
            "group_invite", {"jid": self.jid, "reset": True}, action="group.link_reset"
        )
        return Response({"link": told["link"]})


class JoinView(GroupView):
    @extend_schema(
        summary="Follow an invite link",
        description="Where admins approve who joins, `group.joined` follows when one has agreed.",
        request=JoinRequest,
        responses={
            200: JoinedSerializer,
            **WORKER,
        },
        examples=[
            OpenApiExample(
                "a link", {"link": "https://chat.whatsapp.com/AbCdEfGhIjKlMn"}, request_only=True
            )
        ],
    )
    def post(self, request: Request, account_id: UUID) -> Response:
        code = checked(JoinRequest, request)["code"]
        told = self.change("group_join", {"code": code}, action="group.joined")
        return Response({"jid": told["jid"]})


class LeaveView(GroupView):
    @extend_schema(summary="Leave the group", request=None, responses={204: None, **PROBLEMS})
    def post(self, request: Request, account_id: UUID, jid: str) -> Response:
        self.change("group_leave", {"jid": self.jid}, action="group.left")
        return Response(status=204)


class GroupPictureView(GroupView):
    parser_classes = [with_file(group_pictures.LARGEST), MultiPartParser]

    @extend_schema(
        summary="Give the group a picture",
        description="A JPEG, PNG, WebP or GIF of up to 10 MB; its middle is used, 640 x 640.",
        request=PictureRequest,
        responses={200: PictureSerializer, **PROBLEMS, 413: codes("media_too_large")},
    )
    def post(self, request: Request, account_id: UUID, jid: str) -> Response:
        try:
            picture = group_pictures.square_jpeg(_given(request))
        except group_pictures.NoPicture as exc:
            raise Problem(422, "invalid", f"picture: {exc}") from None
        told = groups.set_picture(self.account, self.jid, picture)
        self.write_down(action="group.picture_changed", target=self.jid)
        return Response({"picture_id": told.get("picture_id") or None})


def _given(request: Request) -> bytes:
    """The bytes of the file or of the base64 text."""
    wanted = checked(PictureRequest, request)
    most = group_pictures.LARGEST
    if file := wanted.get("picture"):
        if file.size > most:
            raise Problem(413, "media_too_large", f"A picture has at most {most:,} bytes.")
        data: bytes = file.read()
        return data
    text = wanted.get("base64", "")
    if not text:
        raise Problem(422, "invalid", "Send a file as `picture`, or JSON with `base64`.")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Problem(422, "invalid", "base64: this is not base64.") from None


class JoinRequestsView(GroupView):
    @extend_schema(summary="Who asks to join", responses={200: JoinWishesSerializer, **PROBLEMS})
    def get(self, request: Request, account_id: UUID, jid: str) -> Response:
        told = self.order("group_requests", jid=self.jid)["results"]
        shown = people.shown_all(self.account, [groups.party(one) for one in told])
        return Response(
            {
                "results": [
                    {**person, "requested_at": _time(one.get("requested_at"))}
                    for person, one in zip(shown, told, strict=True)
                ]
            }
        )

    @extend_schema(
        summary="Let people in, or not",
        description="501 code=not_supported with an engine that cannot: neonize.",
        request=DecisionRequest,
        responses={200: OutcomesSerializer, **PROBLEMS},
        examples=[
            OpenApiExample(
                "approve",
                {"action": "approve", "participants": ["+15550100201"]},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, account_id: UUID, jid: str) -> Response:
        wanted = checked(DecisionRequest, request)
        jids = person_jids(wanted["participants"], "participants")
        told = self.change(
            "group_decide",
            {"jid": self.jid, "action": wanted["action"], "participants": jids},
            action="group.requests_decided",
            change=wanted["action"],
            people=len(jids),
        )
        return Response({"results": groups.outcomes(self.account, told["results"])})


def _time(seconds: float | None) -> str | None:
    return rfc3339(datetime.fromtimestamp(seconds, UTC)) if seconds else None
