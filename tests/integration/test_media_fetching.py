"""Files come through the worker in pieces, are verified, and end as stored, failed or gone."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
from datetime import timedelta

import pytest
from channels.db import database_sync_to_async as in_thread
from django.test import override_settings
from django.utils import timezone
from PIL import Image

from messaging.media import claims, fetcher, schedule, thumbnails
from messaging.models import Media, MediaState
from messaging.models.media import media_storage
from sessions_mgr import services
from tests.fake_bus import Refusal, fake_bus
from tests.life import connected_account
from tests.media_files import Worker, fetch, media_events, picture, state_of, waiting_file

__all__ = ["fake_bus"]  # a fixture, by the name `bus`
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_file_is_fetched_in_pieces_verified_and_told(bus):
    data = picture() + b"\0" * (schedule.CHUNK * 2)
    worker = Worker(bus, data)
    file = waiting_file(sha256=hashlib.sha256(data).hexdigest(), mime_type="application/x-thing")

    assert fetch() == 1

    file.refresh_from_db()
    assert (file.state, file.size, worker.pieces) == (MediaState.STORED, len(data), 3)
    assert file.file.name.startswith(f"{file.account_id}/in/{file.pk}")
    with media_storage().open(file.file.name) as stored:
        assert stored.read() == data
    assert [event["state"] for event in media_events()] == ["stored"]
    assert bus.args("download_begin")[0]["locator"] == file.locator
    assert bus.ops()[-1] == "download_end"


def test_a_picture_without_a_preview_gets_one_and_its_size(bus):
    Worker(bus, picture(300, 200))
    file = waiting_file(width=None, height=None)

    fetch()

    file.refresh_from_db()
    assert (file.width, file.height) == (300, 200)
    preview = Image.open(io.BytesIO(bytes(file.thumbnail)))
    assert (preview.format, max(preview.size)) == ("JPEG", thumbnails.SIDE)


def test_what_the_sender_says_of_a_picture_stays(bus):
    Worker(bus, picture(300, 200))
    file = waiting_file(width=30, height=20, thumbnail=b"\xff\xd8\xff..", thumbnail_size=5)

    fetch()

    file.refresh_from_db()
    assert (file.width, file.thumbnail_size) == (30, 5)


@pytest.mark.parametrize("data", [b"PK\x03\x04 a zip named jpg", b"", picture()[:60]])
def test_a_picture_that_is_none_is_stored_without_a_preview(bus, data):
    Worker(bus, data)
    file = waiting_file()

    fetch()

    file.refresh_from_db()
    assert (file.state, file.thumbnail_size) == (MediaState.STORED, 0)


def test_a_decompression_bomb_is_not_decoded():
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")
    assert len(bomb.getvalue()) < 100_000

    assert thumbnails.preview(bomb) is None


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param({"sha256": "0" * 64}, id="another hash than the message says"),
    ],
)
def test_a_file_that_is_not_the_one_of_its_message_is_not_stored(bus, lie):
    Worker(bus, picture())
    file = waiting_file(**lie)

    fetch()

    file.refresh_from_db()
    assert (file.state, file.error["code"], file.attempts) == ("pending", "media_corrupt", 1)
    assert not file.file


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"size": 3, "sha256": "0" * 64}, id="another size"),
        pytest.param({"size": len(picture()), "sha256": "0" * 64}, id="another hash"),
        pytest.param({}, id="nothing at all"),
    ],
)
def test_what_arrives_must_be_what_the_worker_has(bus, answer):
    Worker(bus, picture())
    bus.answers["download_begin"] = answer
    file = waiting_file()

    fetch()

    file.refresh_from_db()
    assert file.error["code"] == "media_corrupt"


@pytest.mark.parametrize(
    "piece",
    [
        {"data": "%%%", "eof": True},
        {"eof": True},
        {"data": "", "eof": False},
    ],
)
def test_a_worker_that_sends_nonsense_costs_one_attempt(bus, piece):
    Worker(bus, picture())
    bus.answers["download_chunk"] = piece
    file = waiting_file()

    fetch()

    file.refresh_from_db()
    assert (file.state, file.attempts) == ("pending", 1)


def test_an_endless_download_is_cut_off(bus):
    Worker(bus, b"x")
    bus.answers["download_chunk"] = {
        "data": base64.b64encode(b"x" * 100_000).decode(),
        "eof": False,
    }
    file = waiting_file()

    with override_settings(MEDIA_MAX_BYTES=1_000_000):
        fetch()

    file.refresh_from_db()
    assert (file.state, file.error["code"]) == (MediaState.FAILED, "media_too_large")


def test_a_file_that_takes_too_long_is_given_up_for_now(bus, monkeypatch):
    monkeypatch.setattr(schedule, "DEADLINE", -1.0)
    Worker(bus, picture())
    file = waiting_file()

    fetch()

    file.refresh_from_db()
    assert file.error["code"] == "too_slow"
    assert bus.ops()[-1] == "download_end"


def test_what_whatsapp_no_longer_has_is_gone_with_the_reason(bus):
    bus.answers["download_begin"] = Refusal("media_gone", "WhatsApp does not have it.")
    file = waiting_file()

    fetch()

    file.refresh_from_db()
    assert (file.state, file.error["code"]) == (MediaState.GONE, "media_gone")
    assert media_events()[-1]["error"]["detail"] == "WhatsApp does not have it."


def test_an_engine_that_can_asks_the_phone_for_a_new_copy(bus):
    Worker(bus, picture())
    begin = bus.answers["download_begin"]

    def only_the_new_one(args):
        return begin if args["locator"] == "bmV3" else Refusal("media_gone")

    bus.answers["download_begin"] = only_the_new_one
    bus.answers["health"] = {"capabilities": {"media_retry": True}}
    bus.answers["media_retry"] = {"locator": "bmV3"}
    file = waiting_file()

    assert fetch(steps=3) == 2

    file.refresh_from_db()
    assert file.state == MediaState.STORED
    assert bus.args("media_retry")[0]["wa_id"] == file.message.wa_id


def test_an_engine_that_cannot_is_not_asked(bus):
    bus.answers["download_begin"] = Refusal("media_gone")
    bus.answers["health"] = {"capabilities": {"media_retry": False}}
    file = waiting_file()

    fetch()

    file.refresh_from_db()
    assert file.state == MediaState.GONE
    assert "media_retry" not in bus.ops()


def test_other_refusals_are_tried_again_later_each_time_and_then_given_up(bus):
    bus.answers["download_begin"] = Refusal("download_failed")
    file = waiting_file()
    at, pauses = timezone.now(), []
    for _ in range(schedule.MOST_ATTEMPTS):
        at = max(at, Media.objects.get().next_try_at) + timedelta(seconds=1)
        assert fetch(at=at) == 1
        pauses.append(Media.objects.get().next_try_at - at)

    file.refresh_from_db()
    assert (file.state, file.attempts) == (MediaState.FAILED, schedule.MOST_ATTEMPTS)
    assert pauses[:-1] == sorted(pauses[:-1])
    assert len(media_events()) == 1


@pytest.mark.parametrize("code", ["not_connected", "busy"])
def test_a_line_that_is_down_is_no_attempt(bus, code):
    bus.answers["download_begin"] = Refusal(code)
    file = waiting_file()

    fetch()

    file.refresh_from_db()
    assert (file.state, file.attempts, file.claim) == ("pending", 0, "")


def test_a_number_that_is_not_connected_is_not_asked(bus):
    account = connected_account()
    waiting_file(account)
    services.request_disconnect(account=account)

    assert fetch() == 0
    assert bus.ops() == []


def test_a_storage_that_is_full_costs_one_attempt_and_is_told(bus, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    Worker(bus, picture())
    monkeypatch.setattr(type(media_storage()), "save", full)
    file = waiting_file()

    fetch()

    file.refresh_from_db()
    assert (file.state, file.error["code"]) == ("pending", "storage_failed")


def test_files_of_now_go_before_files_of_history(bus):
    Worker(bus, picture())
    account = connected_account()
    old = waiting_file(account)
    type(old.message).objects.filter(pk=old.message_id).update(history=True)
    new = waiting_file(account)

    fetch(at_once=1)

    assert [Media.objects.get(pk=f.pk).state for f in (old, new)] == ["pending", "stored"]


def test_never_more_at_once_than_is_allowed(bus):
    Worker(bus, picture())
    account = connected_account()
    for _ in range(5):
        waiting_file(account)

    assert fetch(at_once=2) == 2


def test_two_pipelines_never_take_the_same_file():
    waiting_file()
    at = timezone.now() + timedelta(seconds=1)

    assert len(claims.take(claim="a", at=at, room=9)) == 1
    assert claims.take(claim="b", at=at, room=9) == []


def test_a_lease_that_ran_out_is_anybodys_and_the_late_copy_is_thrown_away(bus):
    Worker(bus, picture())
    waiting_file()
    at = timezone.now() + timedelta(seconds=1)
    [late] = claims.take(claim="late", at=at, room=1)
    assert fetch(at=at + schedule.LEASE + timedelta(seconds=1)) == 1

    fetched = claims.Fetched("elsewhere", 1, "0" * 64)
    assert not claims.stored(late, fetched, claim="late", at=at)
    assert Media.objects.get().file.name != "elsewhere"


def test_a_fetcher_that_stops_gives_back_what_it_holds():
    waiting_file()
    at = timezone.now() + timedelta(seconds=1)
    claims.take(claim="a", at=at, room=1)

    assert claims.give_back("a", at) == 1
    assert len(claims.take(claim="b", at=at, room=1)) == 1


def test_files_of_our_own_that_the_outbox_brings_are_left_to_it(bus):
    waiting_file(locator="", direction="out")

    assert fetch() == 0


async def test_the_loop_ends_when_it_is_told(bus):
    Worker(bus, picture())
    file = await in_thread(waiting_file)()
    stop = asyncio.Event()
    loop = asyncio.ensure_future(fetcher.fetch_files(stop))
    async with asyncio.timeout(10):
        while await in_thread(state_of)(file) != MediaState.STORED:  # noqa: ASYNC110  the row is all there is to see
            await asyncio.sleep(0.01)
        stop.set()
        await loop
