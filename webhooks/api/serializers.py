"""What endpoints, deliveries and replays look like on the wire."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import ApiKey
from egress.addresses import Refused
from events import types as event_types

from .. import secrets, signing
from ..lookups import judge
from ..models import Attempt, Delivery, Endpoint, Health, Order, Replay, Status
from ..sender import RESERVED

MASK = "********"  # stands for a header's value; sent back it means: as it was
MAX_HEADERS = 20
MAX_JIDS = 1000
MAX_CONCURRENCY = 50


class IgnoreChatsSerializer(serializers.Serializer[Any]):
    groups = serializers.BooleanField(default=False)
    broadcast = serializers.BooleanField(default=False, help_text="status updates and channels")
    jids = serializers.ListField(
        child=serializers.CharField(max_length=120), default=list, max_length=MAX_JIDS
    )

    def validate_jids(self, value: list[str]) -> list[str]:
        for jid in value:
            if not re.fullmatch(r"[A-Za-z0-9._:-]+@[a-z.]+", jid):
                raise serializers.ValidationError(
                    f"'{jid[:60]}' is no JID; use one such as 15550100001@s.whatsapp.net."
                )
        return sorted(set(value))


class DisabledReasonSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class EndpointSerializer(serializers.ModelSerializer[Endpoint]):
    url = serializers.CharField(max_length=2000)
    types = serializers.ListField(
        child=serializers.CharField(max_length=60),
        allow_null=True,
        required=False,
        help_text="null: all but session.qr and session.pairing_code, which must be named",
    )
    accounts = serializers.ListField(
        child=serializers.UUIDField(), allow_null=True, required=False, help_text="null: all"
    )
    ignore_chats = IgnoreChatsSerializer(required=False)
    headers = serializers.DictField(
        child=serializers.CharField(max_length=1000, allow_blank=True, trim_whitespace=False),
        required=False,
        help_text="sent with every request; values are never shown again",
    )
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    order = serializers.ChoiceField(
        choices=Order.choices,
        required=False,
        help_text="account: the events of an account one after the other; none: all at once",
    )
    concurrency = serializers.IntegerField(
        min_value=1, max_value=MAX_CONCURRENCY, required=False, help_text="requests at once"
    )
    status = serializers.ChoiceField(choices=Health.choices, read_only=True)
    disabled_reason = DisabledReasonSerializer(read_only=True, allow_null=True)
    next_attempt_at = serializers.DateTimeField(
        source="resume_at", read_only=True, allow_null=True, help_text="no request before"
    )
    previous_secret_until = serializers.DateTimeField(
        source="old_secret_until", read_only=True, allow_null=True
    )
    pending = serializers.SerializerMethodField()

    class Meta:
        model = Endpoint
        fields = [
            "id",
            "url",
            "description",
            "types",
            "accounts",
            "ignore_chats",
            "headers",
            "order",
            "concurrency",
            "status",
            "disabled_at",
            "disabled_reason",
            "failures",
            "failing_since",
            "next_attempt_at",
            "last_success_at",
            "last_failure_at",
            "last_error",
            "pending",
            "previous_secret_until",
            "created_at",
            "updated_at",
        ]
        read_only_fields = [
            "id",
            "disabled_at",
            "failures",
            "failing_since",
            "last_success_at",
            "last_failure_at",
            "last_error",
            "created_at",
            "updated_at",
        ]

    @extend_schema_field(serializers.IntegerField())
    def get_pending(self, endpoint: Endpoint) -> int:
        return endpoint.deliveries.filter(status=Status.PENDING).count()

    def to_representation(self, endpoint: Endpoint) -> dict[str, Any]:
        try:
            names = list(endpoint.headers)
        except secrets.Unreadable:
            names = []
        fields = {
            name: field
            for name, field in self.fields.items()
            if not field.write_only and name not in ("headers", "ignore_chats")
        }
        shown = {
            name: None
            if (value := field.get_attribute(endpoint)) is None
            else field.to_representation(value)
            for name, field in fields.items()
        }
        ignore = {"groups": False, "broadcast": False, "jids": [], **endpoint.ignore_chats}
        shown |= {"headers": dict.fromkeys(names, MASK), "ignore_chats": ignore}
        return {name: shown[name] for name in self.Meta.fields}

    def validate_url(self, value: str) -> str:
        try:
            judge(value)
        except Refused as exc:
            raise serializers.ValidationError(f"{exc}.") from None
        return value

    def validate_types(self, value: list[str] | None) -> list[str] | None:
        if value is None:
            return None
        if not value:
            raise serializers.ValidationError("Name at least one type, or null for all.")
        for name in value:
            if name not in event_types.ALL:
                known = ", ".join(sorted(event_types.ALL))
                raise serializers.ValidationError(f"There is no type '{name}'; use {known}.")
        return sorted(set(value))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """An endpoint of a restricted key tells of nothing else than that key may see."""
        if self.instance is None and "accounts" not in attrs:
            try:
                self._refuse_all()
            except serializers.ValidationError as exc:
                raise serializers.ValidationError({"accounts": exc.detail}) from None
        return attrs

    def _refuse_all(self) -> None:
        if self.context["request"].auth.only is not None:
            raise serializers.ValidationError("This key is restricted: name some of its accounts.")

    def validate_accounts(self, value: list[Any] | None) -> list[str] | None:
        if value is None:
            self._refuse_all()
            return None
        if not value:
            raise serializers.ValidationError("Name at least one account, or null for all.")
        key = self.context["request"].auth
        assert isinstance(key, ApiKey)
        mine = key.visible_accounts().present().filter(pk__in=value)
        unknown = set(value) - set(mine.values_list("pk", flat=True))
        if unknown:
            raise serializers.ValidationError(
                f"There is no account {sorted(map(str, unknown))[0]} in this workspace."
            )
        return sorted({str(pk) for pk in value})

    def validate_headers(self, value: dict[str, str]) -> dict[str, str]:
        if len(value) > MAX_HEADERS:
            raise serializers.ValidationError(f"Use at most {MAX_HEADERS} headers.")
        before = self.instance.headers if isinstance(self.instance, Endpoint) else {}
        return {name: _header(name, text, before) for name, text in value.items()}


def _header(name: str, text: str, before: dict[str, str]) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", name):
        raise serializers.ValidationError(f"'{name[:60]}' is no name of a header.")
    if name.lower() in RESERVED:
        raise serializers.ValidationError(f"The header {name} is set by Switchboard.")
    if text == MASK:
        if name not in before:
            raise serializers.ValidationError(f"The header {name} has no value yet.")
        return before[name]
    if not text.isascii() or (text and not text.isprintable()):
        raise serializers.ValidationError(f"The value of {name} must be printable ASCII.")
    return text.strip()


class SecretField(serializers.CharField):
    """`whsec_` and base64: for those who bring their secret along."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=200, required=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            signing.key_of(text)
        except ValueError as exc:
            raise serializers.ValidationError(str(exc).capitalize() + ".") from None
        return text


class NewEndpointSerializer(EndpointSerializer):
    secret = SecretField(
        write_only=True, help_text="default: generated; the answer shows it this once"
    )

    class Meta(EndpointSerializer.Meta):
        fields = [*EndpointSerializer.Meta.fields, "secret"]


class MadeEndpointSerializer(EndpointSerializer):
    secret = serializers.CharField(read_only=True, help_text="shown once")

    class Meta(EndpointSerializer.Meta):
        fields = [*EndpointSerializer.Meta.fields, "secret"]


class RotationSerializer(serializers.Serializer[Any]):
    secret = SecretField(help_text="default: generated")
    overlap_hours = serializers.IntegerField(
        min_value=0, max_value=720, default=24, help_text="the old secret signs too for so long"
    )


class RotatedSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="shown once")
    previous_secret_until = serializers.DateTimeField()


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    class Meta:
        model = Attempt
        fields = ["at", "ok", "status_code", "duration_ms", "error", "answer", "probe"]


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    event_id = serializers.CharField(read_only=True)
    endpoint_id = serializers.UUIDField(read_only=True)
    account_id = serializers.SerializerMethodField()
    next_attempt_at = serializers.SerializerMethodField()
    attempts = AttemptSerializer(many=True, read_only=True)

    class Meta:
        model = Delivery
        fields = [
            "id",
            "endpoint_id",
            "event_id",
            "seq",
            "type",
            "account_id",
            "status",
            "next_attempt_at",
            "created_at",
            "finished_at",
            "attempts",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_account_id(self, delivery: Delivery) -> str | None:
        return delivery.lane or None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_next_attempt_at(self, delivery: Delivery) -> Any:
        if delivery.status != Status.PENDING:
            return None
        return serializers.DateTimeField().to_representation(delivery.due_at)


class ReplayRequestSerializer(serializers.Serializer[Any]):
    after_seq = serializers.IntegerField(min_value=0, max_value=2**62, default=0)
    until_seq = serializers.IntegerField(
        min_value=0, max_value=2**62, required=False, allow_null=True
    )
    after_time = serializers.DateTimeField(required=False, allow_null=True)
    until_time = serializers.DateTimeField(required=False, allow_null=True)
    types = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(event_types.ALL)),
        required=False,
        allow_null=True,
    )
    status = serializers.ChoiceField(choices=Status.choices, required=False, allow_null=True)
    preview = serializers.BooleanField(default=False, help_text="only count")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        until = attrs.get("until_seq")
        if until is not None and until <= attrs["after_seq"]:
            raise serializers.ValidationError({"until_seq": "Use a seq greater than after_seq."})
        after, until_time = attrs.get("after_time"), attrs.get("until_time")
        if after and until_time and until_time < after:
            raise serializers.ValidationError({"until_time": "Use a time after after_time."})
        return attrs


class PreviewSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()


class ReplaySerializer(serializers.ModelSerializer[Replay]):
    criteria = serializers.DictField(read_only=True)
    total = serializers.IntegerField(read_only=True)
    queued = serializers.IntegerField(read_only=True)
    pending = serializers.IntegerField(read_only=True)
    delivered = serializers.IntegerField(read_only=True)
    dead = serializers.IntegerField(read_only=True)
    done = serializers.BooleanField(read_only=True)

    class Meta:
        model = Replay
        fields = [
            "id",
            "criteria",
            "total",
            "queued",
            "pending",
            "delivered",
            "dead",
            "done",
            "created_at",
        ]

    def to_representation(self, replay: Replay) -> dict[str, Any]:
        at = serializers.DateTimeField().to_representation(replay.created_at)
        return {
            "id": str(replay.pk),
            "criteria": replay.criteria,
            **replay.progress(),
            "created_at": at,
        }
