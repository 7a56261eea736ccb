"""The outbox's rows and events, as tests of sending put them there and look at them."""

from __future__ import annotations

from channels.db import database_sync_to_async as in_thread
from django.utils import timezone

from events import types
from events.models import Event
from messaging import inbox
from messaging.models import Message
from sessions_mgr.engines import base
from tests.life import LINKED, connected_account
from tests.outboxes import queue

FRIEND = base.Party("15550002@s.whatsapp.net", "915550002@lid", "+15550002")
US = base.Party(LINKED["jid"], LINKED["lid"], LINKED["phone_number"])


@in_thread
def account_row(**fields):
    return connected_account(**fields)


@in_thread
def put(account, *args, **kwargs):
    return queue(account, *args, **kwargs)


@in_thread
def look(message):
    return Message.objects.select_related("outgoing").get(pk=message.pk)


@in_thread
def acks(message):
    events = Event.objects.filter(type=types.MESSAGE_ACK).order_by("seq")
    return [e.data["status"] for e in events if e.data["message_id"] == str(message.pk)]


@in_thread
def events(kind):
    return [e.data for e in Event.objects.filter(type=kind).order_by("seq")]


@in_thread
def record(account, fact):
    inbox.record(account=account, fact=fact, at=timezone.now())


def settled(message, **fields):
    return base.SendSettled(str(message.pk), timezone.now().timestamp(), **fields)


def echo(wa_id="WA0001", text="hello", **fields):
    return base.MessageReceived(
        wa_id=wa_id,
        chat=FRIEND,
        sender=US,
        from_me=True,
        timestamp=timezone.now().timestamp(),
        type="text",
        text=text,
        **fields,
    )
