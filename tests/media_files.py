"""Files of messages that wait to be fetched, a worker that has them, and turns of a fetcher."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
from datetime import timedelta

from django.utils import timezone
from PIL import Image

from events.models import Event
from messaging.media import fetcher
from messaging.models import Media
from tests.factories import MediaFactory, MessageFactory
from tests.fake_bus import FakeBus
from tests.life import connected_account


def picture(width=300, height=200, kind="PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(out, kind)
    return out.getvalue()


class Worker:
    """A worker that has one file and hands it out in pieces."""

    def __init__(self, bus: FakeBus, data: bytes) -> None:
        self.data, self.pieces = data, 0
        bus.answers |= {
            "download_begin": {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()},
            "download_chunk": self.chunk,
            "download_end": {},
        }

    def chunk(self, args):
        self.pieces += 1
        end = args["offset"] + args["length"]
        return {
            "data": base64.b64encode(self.data[args["offset"] : end]).decode(),
            "eof": end >= len(self.data),
        }


def waiting_file(account=None, **fields):
    account = account or connected_account()
    message = MessageFactory(account=account, type="image")
    return MediaFactory(message=message, **fields)


async def run(*, at=None, at_once=None, steps=1):
    """Turns of a fetcher at a time of its own; everything it began has ended."""
    now = at or timezone.now() + timedelta(seconds=1)
    made = fetcher.MediaFetcher(asyncio.Event(), at_once=at_once, clock=lambda: now)
    taken = 0
    for _ in range(steps):
        taken += await made.step()
        await made.settle()
    await made._finish()
    return taken


def fetch(**how):
    return asyncio.run(run(**how))


def media_events():
    return [e.data["media"] for e in Event.objects.filter(type="message.media").order_by("seq")]


def state_of(file):
    return Media.objects.values_list("state", flat=True).get(pk=file.pk)
