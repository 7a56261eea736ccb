"""What accounts and sessions look like on the wire: CONTRACT, section 2."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import WhatsAppAccount
from accounts.names import is_readable

from .. import proxies
from ..models import StatusChange
from ..states import Desired, Status

METADATA_LIMIT = 16_384  # bytes as JSON


class ReasonSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class AccountSerializer(serializers.ModelSerializer[WhatsAppAccount]):
    label = serializers.CharField(max_length=120)  # type: ignore[assignment]  # the contract
    status = serializers.ChoiceField(
        source="session.status", choices=Status.choices, read_only=True
    )
    desired = serializers.ChoiceField(
        source="session.desired", choices=Desired.choices, read_only=True
    )
    reason = serializers.SerializerMethodField()
    proxy = serializers.CharField(
        max_length=proxies.LONGEST, required=False, allow_blank=True, write_only=True
    )
    metadata = serializers.DictField(required=False)
    restrictions = serializers.ListField(
        child=serializers.DictField(), source="present_restrictions", read_only=True
    )

    class Meta:
        model = WhatsAppAccount
        fields = [
            "id",
            "label",
            "status",
            "desired",
            "reason",
            "phone_number",
            "jid",
            "lid",
            "push_name",
            "connected_at",
            "disconnected_at",
            "restrictions",
            "metadata",
            "proxy",
            "created_at",
            "updated_at",
        ]
        read_only_fields = [
            "id",
            "phone_number",
            "jid",
            "lid",
            "push_name",
            "connected_at",
            "disconnected_at",
            "created_at",
            "updated_at",
        ]

    @extend_schema_field(ReasonSerializer(allow_null=True))
    def get_reason(self, account: WhatsAppAccount) -> dict[str, str] | None:
        return account.session.reason

    def validate_label(self, value: str) -> str:
        if not is_readable(value):
            raise serializers.ValidationError("Use printable characters only.")
        return value

    def validate_metadata(self, value: dict[str, Any]) -> dict[str, Any]:
        text = json.dumps(value)
        if len(text) > METADATA_LIMIT:
            raise serializers.ValidationError(f"Use at most {METADATA_LIMIT} bytes of JSON.")
        if "\\u0000" in text:
            raise serializers.ValidationError("NUL characters cannot be stored.")
        return value

    def validate_proxy(self, value: str) -> str:
        if value and not proxies.is_proxy(value):
            raise serializers.ValidationError(
                "Use http://, https:// or socks5:// with a host, e.g. http://proxy.example:3128."
            )
        return value


class DisconnectedSerializer(AccountSerializer):
    already_disconnected = serializers.BooleanField(read_only=True)

    class Meta(AccountSerializer.Meta):
        fields = [*AccountSerializer.Meta.fields, "already_disconnected"]


class QrSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    svg = serializers.CharField()
    expires_at = serializers.DateTimeField()
    attempt = serializers.IntegerField()


class PairingCodeRequestSerializer(serializers.Serializer[Any]):
    phone_number = serializers.CharField(help_text="E.164 with its +, e.g. +15550100200")

    def validate_phone_number(self, value: str) -> str:
        return parse_phone_number(value)


class PairingCodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    expires_at = serializers.DateTimeField()


class StatusChangeSerializer(serializers.ModelSerializer[StatusChange]):
    # `from` is a keyword, hence the odd way to name the fields.
    reason = serializers.SerializerMethodField()

    class Meta:
        model = StatusChange
        fields = ["at", "reason", "epoch"]

    def get_fields(self) -> dict[str, Any]:
        fields = dict(super().get_fields())
        fields["from"] = serializers.CharField(source="from_status", read_only=True)
        fields["to"] = serializers.CharField(source="to_status", read_only=True)
        return fields

    @extend_schema_field(ReasonSerializer(allow_null=True))
    def get_reason(self, change: StatusChange) -> dict[str, str] | None:
        if not change.reason_code:
            return None
        return {"code": change.reason_code, "message": change.reason_message}


class HealthSerializer(serializers.Serializer[Any]):
    process_alive = serializers.BooleanField()
    socket_alive = serializers.BooleanField()
    logged_in = serializers.BooleanField()
    last_seen_at = serializers.DateTimeField(allow_null=True)
    rss_bytes = serializers.IntegerField(allow_null=True)
    rss_history = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2),
        help_text="[seconds ago, bytes] over the life of this process, oldest first",
    )
    restarts = serializers.IntegerField()
    worker_pid = serializers.IntegerField(allow_null=True)
    node = serializers.CharField(allow_null=True)
    engine = serializers.CharField(allow_null=True)
    capabilities = serializers.DictField(child=serializers.BooleanField())
    epoch = serializers.IntegerField()


def parse_phone_number(value: str) -> str:
    """E.164 with its +, or a ValidationError that says what is wrong.

    The shape is checked, not whether a country has given the number out: test networks use
    numbers that no country has.
    """
    digits = value.strip().removeprefix("+")
    if not value.strip().startswith("+"):
        raise serializers.ValidationError("Start with + and the country code, e.g. +15550100200.")
    if not (digits.isascii() and digits.isdigit()) or not 7 <= len(digits) <= 15:
        raise serializers.ValidationError("Use + and 7 to 15 digits, e.g. +15550100200.")
    if digits.startswith("0"):
        raise serializers.ValidationError("A country code does not start with 0.")
    return f"+{digits}"
