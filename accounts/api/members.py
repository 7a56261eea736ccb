"""Members and invitations over REST. A key acts like an admin: it cannot make or change owners."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from .. import invitations, members
from ..models import Invitation, Membership, Role, Scope
from .documented import codes
from .keyed import Keyed
from .pagination import Pages
from .problems import Problem

ACTS_AS = Role.ADMIN
OWNERS_ONLY, LAST_OWNER = codes("owners_only"), codes("last_owner")


class MemberSerializer(serializers.ModelSerializer[Membership]):
    id = serializers.UUIDField(source="user.pk", read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)
    name = serializers.CharField(source="user.name", read_only=True)
    joined_at = serializers.DateTimeField(source="created_at", read_only=True)

    class Meta:
        model = Membership
        fields = ["id", "email", "name", "role", "joined_at"]


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    email = serializers.EmailField(
        required=False, allow_blank=True, help_text="empty: whoever has the link"
    )

    class Meta:
        model = Invitation
        fields = ["id", "role", "email", "invited_by", "created_at", "expires_at"]
        read_only_fields = ["id", "invited_by", "created_at", "expires_at"]


class NewInvitationSerializer(InvitationSerializer):
    url = serializers.URLField(read_only=True, help_text="shown once")

    class Meta(InvitationSerializer.Meta):
        fields = [*InvitationSerializer.Meta.fields, "url"]


class _OfAdmins(Keyed):
    scopes = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), Scope.ADMIN)


@extend_schema_view(
    list=extend_schema(summary="The people of the workspace"),
    retrieve=extend_schema(summary="One of them, by the id of the person"),
)
class MemberViewSet(
    _OfAdmins,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Membership],
):
    serializer_class = MemberSerializer
    pagination_class = Pages
    lookup_field = "user_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    queryset = Membership.objects.none()

    def get_queryset(self) -> QuerySet[Membership]:
        if getattr(self, "swagger_fake_view", False):
            return Membership.objects.none()
        return Membership.objects.filter(workspace=self.key.workspace).select_related("user")

    @extend_schema(
        summary="Change a role",
        request=MemberSerializer,
        responses={200: MemberSerializer, 403: OWNERS_ONLY, 409: LAST_OWNER},
    )
    def partial_update(self, request: Request, id: UUID) -> Response:
        membership = self.get_object()
        wanted = MemberSerializer(membership, data=request.data)
        wanted.is_valid(raise_exception=True)
        with_words(
            members.change_role,
            membership=membership,
            role=wanted.validated_data.get("role", membership.role),
            by=ACTS_AS,
            actor=self.actor,
        )
        return Response(MemberSerializer(self.get_object()).data)

    @extend_schema(
        summary="Remove somebody", responses={204: None, 403: OWNERS_ONLY, 409: LAST_OWNER}
    )
    def destroy(self, request: Request, id: UUID) -> Response:
        with_words(members.remove, membership=self.get_object(), by=ACTS_AS, actor=self.actor)
        return Response(status=204)


@extend_schema_view(list=extend_schema(summary="Open invitations"))
class InvitationViewSet(
    _OfAdmins,
    mixins.ListModelMixin,
    viewsets.GenericViewSet[Invitation],
):
    serializer_class = InvitationSerializer
    pagination_class = Pages
    lookup_value_converter = "uuid"
    queryset = Invitation.objects.none()

    def get_queryset(self) -> QuerySet[Invitation]:
        if getattr(self, "swagger_fake_view", False):
            return Invitation.objects.none()
        return Invitation.objects.open().filter(workspace=self.key.workspace)

    @extend_schema(
        summary="A link that makes its holder a member, once, within a week; shown once",
        request=InvitationSerializer,
        responses={201: NewInvitationSerializer, 403: OWNERS_ONLY},
    )
    def create(self, request: Request) -> Response:
        wanted = InvitationSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        made, text = with_words(
            invitations.create,
            workspace=self.key.workspace,
            role=wanted.validated_data["role"],
            email=wanted.validated_data.get("email", ""),
            by=ACTS_AS,
            actor=self.actor,
        )
        url = settings.PUBLIC_URL + reverse("console:join", args=[text])
        shown = {**InvitationSerializer(made).data, "url": url}
        return Response(shown, 201, headers={"Cache-Control": "no-store"})

    @extend_schema(summary="Withdraw an invitation", responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        invitations.revoke(invitation=self.get_object(), actor=self.actor)
        return Response(status=204)


def with_words(verb: Any, **arguments: Any) -> Any:
    """What the verb answers; its refusals become problems."""
    try:
        return verb(**arguments)
    except members.NotAllowed as exc:
        raise Problem(403, "owners_only", str(exc)) from None
    except members.LastOwner as exc:
        raise Problem(409, "last_owner", str(exc)) from None
