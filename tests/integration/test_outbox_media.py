"""Files to send: fetched from real servers that behave badly, examined, kept, handed over."""

from __future__ import annotations

import asyncio
import io
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from channels.db import database_sync_to_async as in_thread
from django.core.files.storage import FileSystemStorage, storages
from django.utils import timezone
from PIL import Image

from accounts import quotas
from egress.transport import close, make_pool
from messaging.models import Media, Message
from messaging.outbox import downloads, fetching, files
from messaging.outbox.errors import MediaProblem
from tests.life import connected_account
from tests.outboxes import FakeWorker, outbox, queue
from tests.receiver import Receiver, drip, drip_body, garbage, huge, never, status

MOST = 1_000_000  # bytes


@pytest.fixture
def server():
    with Receiver() as running:
        yield running


@asynccontextmanager
async def pool_of(resolve=None, allow_private=True):
    names = {} if resolve is None else {"resolve": resolve}
    pool = make_pool(allow_private=allow_private, **names)
    try:
        yield pool
    finally:
        await close(pool)


async def get(url, *, deadline=5.0, most=MOST, resolve=None, allow_private=True):
    into = io.BytesIO()
    async with pool_of(resolve, allow_private) as pool:
        name = await fetching.fetch(
            url, into, pool=pool, most=most, allow_private=allow_private, deadline=deadline
        )
    return name, into.getvalue()


async def refused(url, **more) -> MediaProblem:
    with pytest.raises(MediaProblem) as caught:
        await get(url, **more)
    return caught.value


def redirect(to, code=302):
    return status(code, Location=to)


async def endless(_request, writer):
    """A body that never ends and never says how long it is."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        await writer.drain()


async def two_gigabytes(_request, writer):
    """Says 2 GB, and would go on for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n")
    await writer.drain()
    await writer.wait_closed()


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (300, 200), 90).save(out, "JPEG")
    return out.getvalue()


async def test_a_file_comes_with_the_name_that_the_server_gives(server):
    server.answer = status(200, b"data", Content_Disposition='attachment; filename="a b.pdf"')
    assert await get(server.url) == ("a b.pdf", b"data")
    server.answer = status(200, b"data")
    assert await get(server.url + "/r%C3%A9sum%C3%A9.pdf?x=1") == ("résumé.pdf", b"data")
    assert server.received[-1].headers["accept-encoding"] == "identity"


async def test_redirects_are_followed_a_few_times(server):
    answers = [redirect("/two"), redirect(server.url + "/three", 308), status(200, b"end")]

    async def answer(request, writer):
        await answers.pop(0)(request, writer)

    server.answer = answer
    assert (await get(server.url))[1] == b"end"
    server.answer = redirect("/again")
    assert "more than 5" in (await refused(server.url)).detail


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://localhost/x",
        "http://10.0.0.7/x",
        "http://[::1]/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://169.254.169.254/latest/meta-data",
        "http://2130706433/x",
        "http://0x7f.1/x",
        "http://example.com:22/x",
        "http://user:secret@example.com/x",
        "file:///etc/passwd",
        "gopher://example.com/x",
        "https://intranet/x",
    ],
)
async def test_private_addresses_are_never_called(url):
    assert (await refused(url, allow_private=False)).code == "media_url_refused"


async def test_a_name_that_leads_inside_is_refused_at_the_connection(server):
    async def rebinding(_host, _port):
        return ["127.0.0.1"]

    found = await refused(
        f"http://files.example.com:{server.port}/x", resolve=rebinding, allow_private=False
    )
    assert found.code == "media_url_refused"
    assert server.connections == 0


async def test_a_redirect_inside_is_refused(server):
    """The first hop is public by its name; the server that it leads to is ours."""
    asked = []

    async def resolve(host, _port):
        asked.append(host)
        return ["127.0.0.1"]

    inside = Receiver().start()
    try:
        server.answer = redirect(inside.url)
        # Only the first hop may be private here, as if it were a public server.
        real = fetching._target
        hops = []

        def judge(url, allow_private):
            hops.append(url)
            return real(url, allow_private=len(hops) == 1)

        fetching._target = judge
        try:
            found = await refused(f"http://files.example.com:{server.port}/", resolve=resolve)
        finally:
            fetching._target = real
        assert found.code == "media_url_refused"
        assert inside.connections == 0
    finally:
        inside.stop()


async def test_a_redirect_to_another_scheme_is_refused(server):
    server.answer = redirect("file:///etc/passwd")
    assert (await refused(server.url)).code == "media_url_refused"


@pytest.mark.parametrize("answer", [endless, two_gigabytes, huge])
async def test_more_than_allowed_is_given_up_soon(server, answer):
    server.answer = answer
    found = await asyncio.wait_for(refused(server.url), 5)
    assert (found.code, found.again) == ("media_too_large", False)


@pytest.mark.parametrize("answer", [never, drip, drip_body])
async def test_a_slow_server_is_given_up_after_the_deadline(server, answer):
    server.answer = answer
    found = await asyncio.wait_for(refused(server.url, deadline=0.5), 5)
    assert (found.code, found.again) == ("media_unreachable", True)


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        (status(404), False),
        (status(403), False),
        (status(503), True),
        (status(204), False),
        (status(200, b""), False),
        (status(200, b"x", Content_Encoding="gzip"), False),
        (redirect(""), False),
        (garbage, True),
    ],
)
async def test_what_is_no_file_is_said(server, answer, again):
    server.answer = answer
    found = await refused(server.url)
    assert (found.code, found.again) == ("media_unreachable", again)


async def test_nobody_there():
    with Receiver() as gone:
        url = gone.url
    found = await refused(url)
    assert (found.code, found.again) == ("media_unreachable", True)


# With the queue ----------------------------------------------------------------------------------


@in_thread
def account_row():
    return connected_account()


@in_thread
def put(account, **body):
    return queue(account, None, **body)


@in_thread
def look(message):
    return Message.objects.select_related("media").get(pk=message.pk)


@pytest.fixture
def near(settings):
    settings.OUTBOUND_MEDIA_ALLOW_PRIVATE = True


@pytest.mark.django_db(transaction=True)
async def test_an_image_by_url_is_fetched_kept_and_sent_in_pieces(server, near, monkeypatch):
    from messaging.outbox import courier

    monkeypatch.setattr(courier, "CHUNK_BYTES", 500)
    account = await account_row()
    server.answer = status(200, picture())
    message = await put(
        account, type="image", media={"url": server.url + "/beach.jpg"}, caption="sea"
    )
    async with outbox() as it:
        await it.until_quiet()
    message = await look(message)
    media = message.media
    assert (message.status, media.state) == ("sent", "stored")
    assert (media.filename, media.mime_type) == ("beach.jpg", "image/jpeg")
    assert (media.width, media.height, bool(media.thumbnail)) == (300, 200, True)
    assert it.worker.files[str(media.pk)] == picture()
    sent = it.worker.sent[0]["content"]
    assert sent["text"] == "sea"
    assert sent["media"]["upload_id"] == str(media.pk)


class FullOnce(FileSystemStorage):
    """Refuses the first file."""

    refused = False

    def save(self, name, content, max_length=None):
        if not FullOnce.refused:
            FullOnce.refused = True
            raise OSError(28, "No space left on device")
        return super().save(name, content, max_length)


@pytest.mark.django_db(transaction=True)
async def test_a_storage_that_is_away_costs_a_file_one_attempt(
    server, near, settings, tmp_path, monkeypatch
):
    backend = f"{FullOnce.__module__}.FullOnce"
    options = {"location": str(tmp_path)}
    settings.STORAGES = {
        **settings.STORAGES, "media": {"BACKEND": backend, "OPTIONS": options}
    }  # fmt: skip
    # A field asks for its storage when Django starts.
    monkeypatch.setattr(Media._meta.get_field("file"), "storage", storages["media"])
    FullOnce.refused = False
    account = await account_row()
    server.answer = status(200, picture())
    message = await put(account, type="image", media={"url": server.url})
    async with outbox() as it:
        await it.until_quiet()
        waiting = await look(message)
        await it.pass_time(downloads.FIRST_DELAY + 1)
        await it.until_quiet()
    assert (waiting.media.attempts, waiting.media.error["code"]) == (1, "storage_failed")
    assert waiting.media.claim == ""
    assert (await look(message)).status == "sent"


@pytest.mark.django_db(transaction=True)
async def test_a_message_whose_file_is_missing_rests_and_is_not_tried_without_end(
    server, near, caplog
):
    account = await account_row()
    server.answer = status(200, picture())
    message = await put(account, type="image", media={"url": server.url})
    async with outbox() as it:
        await it.step()
        while (kept := await look(message)).media.state != "stored":
            await it.step()
        await in_thread(lambda: files.storage().delete(kept.media.file.name))()
        await it.until_quiet()
        outgoing = (await in_thread(Message.objects.select_related("outgoing").get)()).outgoing
        assert outgoing.not_before > it.now
    assert caplog.text.count("a message could not be handled") == 1


@pytest.mark.django_db(transaction=True)
async def test_a_file_is_fetched_while_the_account_is_away_and_keeps_its_place(server, near):
    account = await account_row()
    server.answer = status(503)
    first = await put(account, type="document", media={"url": server.url})
    second = await in_thread(queue)(account, "after")
    async with outbox() as it:
        await it.until_quiet()
        assert it.worker.sent == []
        server.answer = status(200, b"%PDF-1.7 x")
        await it.pass_time(6)
    assert [one["request_id"] for one in it.worker.sent] == [str(first.pk), str(second.pk)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (status(404), "media_unreachable"),
        (status(200, b"PK\x03\x04 zip"), "media_invalid"),
        (status(200, picture()[:400]), "media_invalid"),
        (two_gigabytes, "media_too_large"),
    ],
)
async def test_a_file_that_cannot_be_sent_fails_its_message_and_no_other(
    server, near, answer, code
):
    account = await account_row()
    server.answer = answer
    message = await put(account, type="image", media={"url": server.url})
    after = await in_thread(queue)(account, "after")
    async with outbox() as it:
        await it.until_quiet()
    message = await look(message)
    assert (message.status, message.error["code"], message.media.state) == (
        "failed",
        code,
        "failed",
    )
    assert (await in_thread(Message.objects.get)(pk=after.pk)).status == "sent"


@pytest.mark.django_db(transaction=True)
async def test_a_server_that_is_away_for_good_fails_the_message_after_some_tries(server, near):
    account = await account_row()
    server.answer = status(503)
    message = await put(account, type="document", media={"url": server.url})
    async with outbox() as it:
        await it.pass_time(300, step=5)
    assert (await look(message)).error["code"] == "media_unreachable"
    assert len(server.received) == downloads.TRIES


@pytest.mark.django_db(transaction=True)
async def test_a_file_that_the_workspace_may_not_keep_fails_its_message(server, near):
    account = await account_row()
    await in_thread(
        lambda: quotas.set_limits(workspace=account.workspace, actor="test", media_bytes=5)
    )()
    server.answer = status(200, b"123456")
    message = await put(account, type="document", media={"url": server.url})
    async with outbox() as it:
        await it.until_quiet()
    failed = await look(message)
    assert (failed.status, failed.error["code"]) == ("failed", "quota_exceeded")
    assert failed.media.error["code"] == "quota_exceeded"
    kept = await in_thread(files.storage().listdir)(f"{account.pk}/out")
    assert kept[1] == []


@pytest.mark.django_db(transaction=True)
async def test_a_worker_that_is_new_gets_the_file_again(server, near):
    account = await account_row()
    server.answer = status(200, picture())
    message = await put(account, type="image", media={"url": server.url})
    worker = FakeWorker()
    worker.fail("send", "no_such_upload")
    async with outbox(worker) as it:
        await it.until_quiet()
        await it.pass_time(10)
    assert (await look(message)).status == "sent"
    assert worker.ops().count("upload_begin") == 2


@pytest.mark.django_db(transaction=True)
async def test_an_upload_that_always_fails_fails_the_message(server, near):
    account = await account_row()
    server.answer = status(200, picture())
    message = await put(account, type="image", media={"url": server.url})
    worker = FakeWorker()
    worker.fail("send", "upload_failed", times=99)
    async with outbox(worker) as it:
        await it.pass_time(600, step=10)
    assert (await look(message)).error["code"] == "upload_failed"


@pytest.mark.django_db(transaction=True)
async def test_a_download_whose_process_died_is_taken_over(server, near):
    account = await account_row()
    server.answer = status(200, picture())
    message = await put(account, type="image", media={"url": server.url})
    now = timezone.now() + timedelta(seconds=1)
    take = in_thread(downloads.take)
    assert len(await take(claim="dead", at=now, room=5)) == 1
    assert await take(claim="other", at=now, room=5) == []
    later = now + downloads.CLAIM + timedelta(seconds=1)
    jobs = await take(claim="other", at=later, room=5)
    await downloads.run(jobs[0], claim="dead")  # too late: it holds nothing any more
    assert (await look(message)).media.state == "pending"
    await downloads.run(jobs[0], claim="other")
    media = await in_thread(Media.objects.get)(message=message)
    assert media.state == "stored"
    kept = await in_thread(files.storage().listdir)(f"{account.pk}/out")
    assert len(kept[1]) == 1
