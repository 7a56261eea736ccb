"""GET /media/{id}: for the workspace only, in ranges, never executed by a browser."""

from __future__ import annotations

import asyncio

import pytest

from messaging.media.serving import SHOWN
from messaging.models import Media
from sessions_mgr import services
from tests.factories import (
    AccountFactory,
    MediaFactory,
    MessageFactory,
    UserFactory,
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db

DATA = bytes(range(256)) * 10


@pytest.fixture
def account(workspace):
    return AccountFactory(workspace=workspace, connected=True)


@pytest.fixture
def file(account):
    message = MessageFactory(account=account, type="image")
    return MediaFactory(message=message, stored=DATA)


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def test_the_whole_file(api, file):
    response = api.get(f"/api/v1/media/{file.pk}")

    assert (response.status_code, body(response)) == (200, DATA)
    assert response["Content-Type"] == "image/jpeg"
    assert response["Content-Length"] == str(len(DATA))
    assert response["ETag"] == f'"{file.sha256}"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == 'inline; filename="image.jpg"'
    assert "private" in response["Cache-Control"]


def test_under_asgi_it_streams_as_well(api, file):
    response = api.get(f"/api/v1/media/{file.pk}")

    async def read():
        return b"".join([part async for part in response])

    assert asyncio.run(read()) == DATA
    response.close()


@pytest.mark.parametrize("accept", ["image/*", "text/html", "*/*", "application/json"])
def test_whatever_the_client_accepts(api, file, accept):
    response = api.get(f"/api/v1/media/{file.pk}", HTTP_ACCEPT=accept)

    assert response.status_code == 200
    response.close()


@pytest.mark.parametrize(
    ("asked", "part", "content_range"),
    [
        ("bytes=0-9", DATA[:10], f"bytes 0-9/{len(DATA)}"),
        ("bytes=-5", DATA[-5:], f"bytes {len(DATA) - 5}-{len(DATA) - 1}/{len(DATA)}"),
        ("bytes=0-", DATA, f"bytes 0-{len(DATA) - 1}/{len(DATA)}"),
    ],
)
def test_a_range(api, file, asked, part, content_range):
    response = api.get(f"/api/v1/media/{file.pk}", HTTP_RANGE=asked)

    assert (response.status_code, body(response)) == (206, part)
    assert response["Content-Range"] == content_range
    assert response["Content-Length"] == str(len(part))


@pytest.mark.parametrize("asked", ["bytes=9-3", "bytes=0-1,4-5", "lines=0-1", "bytes=x"])
def test_a_range_that_is_none_gives_the_whole_file(api, file, asked):
    response = api.get(f"/api/v1/media/{file.pk}", HTTP_RANGE=asked)

    assert (response.status_code, body(response)) == (200, DATA)
    assert not response.has_header("Content-Range")


def test_a_range_outside_of_the_file(api, file):
    response = api.get(f"/api/v1/media/{file.pk}", HTTP_RANGE="bytes=99999-")

    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{len(DATA)}"


def test_a_range_of_another_version_gives_the_whole_file(api, file):
    fits = {"HTTP_RANGE": "bytes=0-1", "HTTP_IF_RANGE": f'"{file.sha256}"'}
    response = api.get(f"/api/v1/media/{file.pk}", **fits)
    assert (response.status_code, body(response)) == (206, DATA[:2])

    response = api.get(f"/api/v1/media/{file.pk}", **{**fits, "HTTP_IF_RANGE": '"old"'})
    assert (response.status_code, body(response)) == (200, DATA)


@pytest.mark.parametrize("tag", ['"{}"', 'W/"{}"', '"other", "{}"', "*"])
def test_what_the_client_has_is_not_sent_again(api, file, tag):
    response = api.get(f"/api/v1/media/{file.pk}", HTTP_IF_NONE_MATCH=tag.format(file.sha256))

    assert (response.status_code, response.content) == (304, b"")


def test_head_tells_the_size(api, file):
    response = api.head(f"/api/v1/media/{file.pk}")

    assert (response.status_code, response["Content-Length"]) == (200, str(len(DATA)))


@pytest.mark.parametrize(
    "mime_type", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "a/b"]
)
def test_what_a_browser_could_execute_is_only_ever_saved(api, file, mime_type):
    Media.objects.update(mime_type=mime_type)

    response = api.get(f"/api/v1/media/{file.pk}")

    assert response["Content-Disposition"].startswith("attachment;")
    assert "sandbox" in response["Content-Security-Policy"]
    assert response["X-Content-Type-Options"] == "nosniff"
    response.close()


def test_nothing_that_is_shown_can_hold_scripts():
    assert not {m for m in SHOWN if "html" in m or "xml" in m or "javascript" in m}


def test_download_saves_a_picture_too(api, file):
    response = api.get(f"/api/v1/media/{file.pk}?download=1")

    assert response["Content-Disposition"].startswith("attachment;")
    response.close()


def test_seed_003_a_voice_note_has_a_clean_name_and_type(api, account):
    """Seed 003: audio files with semicolons in their names answered 404."""
    from messaging.media.rows import expect
    from sessions_mgr.engines.base import MediaRef

    message = MessageFactory(account=account, type="voice")
    expect(message, MediaRef("bG9j", "audio/ogg; codecs=opus", "AC3B.ogg; codecs=opus"))
    made = Media.objects.get()
    made.file.name = MediaFactory(message=MessageFactory(account=account), stored=DATA).file.name
    made.state, made.size = "stored", len(DATA)
    made.save(update_fields=["file", "state", "size"])

    response = api.get(f"/api/v1/media/{made.pk}")

    assert (response.status_code, body(response)) == (200, DATA)
    assert response["Content-Type"] == "audio/ogg"
    assert response["Content-Disposition"] == 'inline; filename="AC3B.ogg"'


def test_the_preview(api, file):
    assert api.get(f"/api/v1/media/{file.pk}?thumbnail=1").status_code == 404
    Media.objects.update(thumbnail=b"\xff\xd8\xffsmall", thumbnail_size=8, mime_type="video/mp4")

    response = api.get(f"/api/v1/media/{file.pk}?thumbnail=1")

    assert (response["Content-Type"], body(response)) == ("image/jpeg", b"\xff\xd8\xffsmall")


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        ("pending", 409, "media_pending"),
        ("gone", 410, "media_gone"),
        ("failed", 410, "media_failed"),
    ],
)
def test_a_file_that_is_not_here(api, file, state, status, code):
    Media.objects.update(state=state, error={"code": "because", "detail": "It is so."})

    response = api.get(f"/api/v1/media/{file.pk}")

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response["Content-Type"] == "application/problem+json"


def test_a_file_that_the_storage_lost_is_gone_and_no_error_of_ours(api, file):
    file.file.storage.delete(file.file.name)

    assert api.get(f"/api/v1/media/{file.pk}").status_code == 410


def test_waiting_for_a_pending_file_ends(api, file):
    Media.objects.update(state="pending", file="")

    assert api.get(f"/api/v1/media/{file.pk}?wait=0.05").status_code == 409
    assert api.get(f"/api/v1/media/{file.pk}?wait=x").status_code == 422


def test_another_workspaces_file_does_not_exist(api):
    other = MediaFactory(message=MessageFactory(), stored=DATA)

    assert api.get(f"/api/v1/media/{other.pk}").status_code == 404


def test_a_deleted_numbers_file_does_not_exist(api, account, file):
    services.delete_account(account=account)

    assert api.get(f"/api/v1/media/{file.pk}").status_code == 404


def test_without_a_key_there_is_nothing(client, file):
    assert client.get(f"/api/v1/media/{file.pk}").status_code == 401


# The console's address ----------------------------------------------------------------------------


def page(workspace, file, query=""):
    return f"/workspaces/{workspace.pk}/media/{file.pk}{query}"


def test_a_member_opens_the_file_with_the_browsers_login(client, workspace, file):
    user = UserFactory()
    workspace.memberships.create(user=user, role="viewer")
    client.force_login(user)

    response = client.get(page(workspace, file))

    assert (response.status_code, body(response)) == (200, DATA)
    assert client.get(page(workspace, file, "?thumbnail=1")).status_code == 404


def test_an_outsider_and_a_stranger_open_nothing(client, workspace, file):
    assert client.get(page(workspace, file)).status_code == 302

    outsider = UserFactory()
    own = WorkspaceFactory(members=[outsider])
    client.force_login(outsider)

    assert client.get(page(workspace, file)).status_code == 404
    assert client.get(page(own, file)).status_code == 404


@pytest.mark.parametrize(("state", "status"), [("pending", 409), ("gone", 410)])
def test_the_console_says_why_there_is_no_file(client, workspace, file, state, status):
    user = UserFactory()
    workspace.memberships.create(user=user, role="viewer")
    client.force_login(user)
    Media.objects.update(state=state)

    assert client.get(page(workspace, file)).status_code == status
