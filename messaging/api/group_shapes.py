"""What groups look like on the wire."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from accounts.names import is_readable

from .. import groups
from .shapes import PersonShape

GROUP = {
    "jid": "120363041234567890@g.us",
    "subject": "Deliveries",
    "description": "Who drives where",
    "owner": {
        "jid": "15550100200@s.whatsapp.net",
        "lid": "90023481@lid",
        "phone_number": "+15550100200",
        "push_name": "Ann",
    },
    "created_at": "2026-01-05T10:00:00Z",
    "announce": False,
    "locked": False,
    "approval": False,
    "expires_in": 0,
    "community": False,
    "parent_jid": None,
    "avatar_url": "https://wa.example.com/api/v1/accounts/6f1c…/contacts/120363041234567890@g.us/avatar",
    "participants": [
        {
            "jid": "15550100200@s.whatsapp.net",
            "lid": "90023481@lid",
            "phone_number": "+15550100200",
            "push_name": "Ann",
            "admin": True,
            "superadmin": True,
        }
    ],
}
GROUP_EXAMPLE = OpenApiExample("a group", GROUP, response_only=True)
OUTCOMES_EXAMPLE = OpenApiExample(
    "one done, one wants an invitation",
    {
        "results": [
            {
                "jid": "15550100201@s.whatsapp.net",
                "lid": "90023482@lid",
                "phone_number": "+15550100201",
                "push_name": "Ben",
                "ok": True,
                "code": 200,
                "error": None,
                "invite_code": None,
            },
            {
                "jid": "15550100202@s.whatsapp.net",
                "lid": "90023483@lid",
                "phone_number": "+15550100202",
                "push_name": "",
                "ok": False,
                "code": 403,
                "error": "not_allowed",
                "invite_code": "AbCdEfGhIjKlMn",
            },
        ]
    },
    response_only=True,
)


class GroupMemberSerializer(PersonShape):
    admin = serializers.BooleanField()
    superadmin = serializers.BooleanField(help_text="made the group")


class GroupSerializer(serializers.Serializer[Any]):
    jid = serializers.CharField()
    subject = serializers.CharField()
    description = serializers.CharField()
    owner = PersonShape(allow_null=True)
    created_at = serializers.DateTimeField(allow_null=True)
    announce = serializers.BooleanField(help_text="only admins may write")
    locked = serializers.BooleanField(help_text="only admins may change subject and picture")
    approval = serializers.BooleanField(
        allow_null=True, help_text="admins approve who joins; null: the engine cannot tell"
    )
    expires_in = serializers.IntegerField(help_text="seconds until messages disappear; 0: never")
    community = serializers.BooleanField(help_text="it is a community, the roof over other groups")
    parent_jid = serializers.CharField(allow_null=True, help_text="the community it belongs to")
    avatar_url = serializers.CharField()
    participants = GroupMemberSerializer(
        many=True, allow_null=True, help_text="null in very long lists: ask for the group itself"
    )


class GroupListSerializer(serializers.Serializer[Any]):
    results = GroupSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


def _printable(value: str) -> None:
    if not is_readable(value):
        raise serializers.ValidationError("Use printable characters.")


class _People(serializers.ListField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            child=serializers.CharField(max_length=120),
            max_length=groups.PARTICIPANTS_MOST,
            help_text="phone numbers with their +, JIDs or LIDs",
            **kwargs,
        )


class NewGroupRequest(serializers.Serializer[Any]):
    subject = serializers.CharField(max_length=groups.SUBJECT_MOST, validators=[_printable])
    participants = _People(required=False, default=list)


class GroupChangeRequest(serializers.Serializer[Any]):
    subject = serializers.CharField(
        max_length=groups.SUBJECT_MOST, required=False, validators=[_printable]
    )
    description = serializers.CharField(
        max_length=groups.DESCRIPTION_MOST, required=False, allow_blank=True
    )
    announce = serializers.BooleanField(required=False)
    locked = serializers.BooleanField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if unknown := set(self.initial_data) - set(self.fields):
            raise serializers.ValidationError({sorted(unknown)[0]: "There is no such field."})
        if not attrs:
            raise serializers.ValidationError(
                "Send subject, description, announce or locked, or several of them."
            )
        return attrs


class ParticipantsRequest(serializers.Serializer[Any]):
    action = serializers.ChoiceField(choices=["add", "remove", "promote", "demote"], default="add")
    participants = _People(min_length=1)


class RemovalRequest(serializers.Serializer[Any]):
    participants = _People(min_length=1)


class OutcomeSerializer(PersonShape):
    ok = serializers.BooleanField()
    code = serializers.IntegerField(help_text="WhatsApp's number; 200 is done")
    error = serializers.CharField(
        allow_null=True,
        help_text="not_allowed (send an invitation), not_on_whatsapp, already_done, …",
    )
    invite_code = serializers.CharField(allow_null=True)


class OutcomesSerializer(serializers.Serializer[Any]):
    results = OutcomeSerializer(many=True)


class InviteSerializer(serializers.Serializer[Any]):
    link = serializers.CharField()


class JoinRequest(serializers.Serializer[Any]):
    code = serializers.CharField(required=False, max_length=200)
    link = serializers.CharField(required=False, max_length=300)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs.get("code")) == bool(attrs.get("link")):
            raise serializers.ValidationError("Send either code or link.")
        code = groups.invite_code(attrs.get("code") or attrs["link"])
        if code is None:
            raise serializers.ValidationError("This is no invite link or code of a group.")
        return {"code": code}


class JoinedSerializer(serializers.Serializer[Any]):
    jid = serializers.CharField()


class PictureRequest(serializers.Serializer[Any]):
    picture = serializers.FileField(required=False, help_text="multipart/form-data")
    base64 = serializers.CharField(required=False, help_text="application/json")


class PictureSerializer(serializers.Serializer[Any]):
    picture_id = serializers.CharField(allow_null=True)


class JoinWishSerializer(PersonShape):
    requested_at = serializers.DateTimeField(allow_null=True)


class JoinWishesSerializer(serializers.Serializer[Any]):
    results = JoinWishSerializer(many=True)


class DecisionRequest(serializers.Serializer[Any]):
    action = serializers.ChoiceField(choices=["approve", "reject"])
    participants = _People(min_length=1)
