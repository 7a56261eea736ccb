"""The documents of messages and chats, for the schema. descriptions.py and threads.py make them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ..models import Direction, MediaState
from ..models.people import ChatType
from ..statuses import Status


class PersonShape(serializers.Serializer[Any]):
    jid = serializers.CharField(help_text="by phone number where it is known, else the LID")
    lid = serializers.CharField(allow_blank=True)
    phone_number = serializers.CharField(allow_blank=True, help_text="E.164 with its +")
    push_name = serializers.CharField(allow_blank=True)


class ChatNameShape(serializers.Serializer[Any]):
    jid = serializers.CharField()
    lid = serializers.CharField(allow_blank=True)
    type = serializers.ChoiceField(choices=ChatType.choices)


class ErrorShape(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()
    until = serializers.DateTimeField(required=False)


class MediaShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    mime_type = serializers.CharField()
    filename = serializers.CharField()
    size = serializers.IntegerField(allow_null=True, help_text="bytes")
    sha256 = serializers.CharField(allow_null=True)
    url = serializers.CharField(help_text="answers 409 until `state` is stored")
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    duration = serializers.FloatField(allow_null=True, help_text="seconds")
    waveform = serializers.CharField(allow_null=True, help_text="base64, 64 bytes of 0..100")
    animated = serializers.BooleanField()
    thumbnail_url = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=MediaState.choices)
    error = ErrorShape(allow_null=True)


class QuotedShape(serializers.Serializer[Any]):
    message_id = serializers.UUIDField(allow_null=True, help_text="null when we do not have it")
    wa_id = serializers.CharField()
    sender = PersonShape()
    type = serializers.CharField(allow_null=True)
    text = serializers.CharField(allow_blank=True)


class PollOptionShape(serializers.Serializer[Any]):
    text = serializers.CharField()
    votes = serializers.IntegerField()


class PollShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    selectable = serializers.IntegerField(help_text="how many one may choose; 0: any number")
    options = PollOptionShape(many=True)
    voters = serializers.IntegerField()
    unreadable = serializers.IntegerField(help_text="voters whose choice cannot be decrypted")


class ReactionShape(serializers.Serializer[Any]):
    emoji = serializers.CharField()
    sender = PersonShape()
    timestamp = serializers.DateTimeField()


class ReceiptsShape(serializers.Serializer[Any]):
    delivered = serializers.IntegerField()
    read = serializers.IntegerField()
    played = serializers.IntegerField()


class MessageShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    account_id = serializers.UUIDField()
    wa_id = serializers.CharField(allow_null=True, help_text="null until WhatsApp has it")
    direction = serializers.ChoiceField(choices=Direction.choices)
    chat = ChatNameShape()
    sender = PersonShape()
    type = serializers.CharField()
    text = serializers.CharField(allow_blank=True, help_text="also the caption of a file")
    media = MediaShape(allow_null=True)
    quoted = QuotedShape(allow_null=True)
    mentions = PersonShape(many=True)
    timestamp = serializers.DateTimeField()
    raw_type = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=Status.choices)
    error = ErrorShape(allow_null=True)
    edited_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    history = serializers.BooleanField(help_text="from the phone's history, not said just now")
    sent_by = serializers.CharField(
        allow_null=True, help_text="who asked us to send it: user:<email> or key:<prefix>"
    )
    expires_in = serializers.IntegerField(allow_null=True, help_text="seconds; disappearing")
    location = serializers.DictField(allow_null=True)
    contacts = serializers.ListField(child=serializers.DictField(), allow_null=True)
    group_invite = serializers.DictField(allow_null=True)
    forwarded = serializers.BooleanField()
    view_once = serializers.BooleanField()
    gif = serializers.BooleanField()
    poll = PollShape(allow_null=True)
    reactions = ReactionShape(many=True)
    receipts = ReceiptsShape(allow_null=True, help_text="persons of a group; null elsewhere")


class MessagePageShape(serializers.Serializer[Any]):
    results = MessageShape(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class LastMessageShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    direction = serializers.ChoiceField(choices=Direction.choices)
    type = serializers.CharField()
    text = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=Status.choices)
    sender_name = serializers.CharField(allow_blank=True)
    timestamp = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)


class ChatShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    jid = serializers.CharField()
    lid = serializers.CharField(allow_blank=True)
    type = serializers.ChoiceField(choices=ChatType.choices)
    name = serializers.CharField()
    phone_number = serializers.CharField(allow_blank=True)
    unread = serializers.IntegerField()
    archived = serializers.BooleanField()
    muted_until = serializers.DateTimeField(allow_null=True)
    disappearing_seconds = serializers.IntegerField(
        help_text="the timer of disappearing messages; ours take it over; 0: off"
    )
    last_message_at = serializers.DateTimeField(allow_null=True)
    last_message = LastMessageShape(allow_null=True)
    avatar_url = serializers.CharField()


class ChatPageShape(serializers.Serializer[Any]):
    results = ChatShape(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
