"""Files of messages in a bucket: the real S3 backend against a server that speaks S3."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import subprocess
import sys
import zipfile
from datetime import timedelta

import httpx
import pytest
from django.conf import settings as configured
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import exporting
from accounts.storage_errors import storage_errors
from messaging.media import retention
from messaging.models import Media, MediaState, Upload
from messaging.outbox import uploads
from tests.factories import (
    AccountFactory,
    MediaFactory,
    MessageFactory,
    WorkspaceFactory,
    api_key,
)
from tests.s3 import s3_server

pytestmark = pytest.mark.django_db

LARGE = random.Random(1).randbytes(9 * 1_048_576)  # more than one part, and than is kept in memory


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with s3_server(tmp_path_factory.mktemp("s3")) as s3:
        yield s3


@pytest.fixture
def use(settings):
    """Make a bucket the storage of media: `use(s3, secret_key=…)`."""

    def switch(s3, **other):
        backend = "storages.backends.s3.S3Storage"
        media = {"BACKEND": backend, "OPTIONS": s3.options(**other)}
        settings.STORAGES = {**settings.STORAGES, "media": media}

    yield switch
    connection = getattr(storages["media"], "connection", None)
    if connection is not None:
        connection.meta.client.close()


@pytest.fixture
def s3(server, use):
    use(server)
    return server


@pytest.fixture
def account(workspace):
    return AccountFactory(workspace=workspace, connected=True)


def stored(account, data):
    """Fields of models keep the storage of the start of the process, so this one is named."""
    file = MediaFactory(message=MessageFactory(account=account, type="image"))
    file.file.name = storages["media"].save(f"{account.pk}/{file.pk}", ContentFile(data))
    file.state, file.stored_at = MediaState.STORED, timezone.now()
    file.size, file.sha256 = len(data), hashlib.sha256(data).hexdigest()
    file.save()
    return file


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def test_an_upload_streams_into_the_bucket(api, s3, workspace):
    file = SimpleUploadedFile("large.bin", LARGE, "application/octet-stream")

    answer = api.post("/api/v1/uploads", {"file": file}, format="multipart")

    assert answer.status_code == 201, answer.content
    kept = Upload.objects.get(pk=answer.json()["id"])
    assert answer.json()["sha256"] == hashlib.sha256(LARGE).hexdigest() == kept.sha256
    assert f"switchboard/{kept.file.name}" in s3.names()
    with storages["media"].open(kept.file.name) as again:
        assert hashlib.sha256(again.read()).hexdigest() == kept.sha256
    assert uploads.forget_expired(kept.expires_at + timedelta(seconds=1)) == 1
    assert f"switchboard/{kept.file.name}" not in s3.names()


def test_a_file_is_served_whole(api, s3, account):
    file = stored(account, LARGE)

    response = api.get(f"/api/v1/media/{file.pk}")

    assert (response.status_code, response["Content-Length"]) == (200, str(len(LARGE)))
    assert body(response) == LARGE
    response.close()


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        pytest.param("bytes=0-99", 0, 100, id="the beginning"),
        pytest.param("bytes=8000000-8300000", 8_000_000, 8_300_001, id="in the middle"),
        pytest.param("bytes=-10", len(LARGE) - 10, len(LARGE), id="the end"),
    ],
)
def test_of_a_range_only_its_bytes_travel(api, s3, account, asked, start, end):
    file = stored(account, LARGE)

    response = api.get(f"/api/v1/media/{file.pk}", HTTP_RANGE=asked)
    source = response._source
    found = body(response)

    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {start}-{end - 1}/{len(LARGE)}"
    assert found == LARGE[start:end]
    assert source._file is None, "the whole object was fetched"
    response.close()


def test_outside_of_the_file_is_416_and_an_unchanged_one_304(api, s3, account):
    file = stored(account, b"x" * 100)
    path = f"/api/v1/media/{file.pk}"
    assert api.get(path, HTTP_RANGE="bytes=100-").status_code == 416
    assert api.get(path, HTTP_IF_NONE_MATCH=f'"{file.sha256}"').status_code == 304


def test_only_the_own_workspace_reads_it_and_nobody_by_the_address_of_the_object(api, s3, account):
    file = stored(account, b"secret")
    other = APIClient()
    other.credentials(HTTP_AUTHORIZATION=f"Bearer {api_key(WorkspaceFactory())}")
    path = f"/api/v1/media/{file.pk}"

    assert body(api.get(path)) == b"secret"
    assert other.get(path).status_code == 404
    assert APIClient().get(path).status_code == 401
    [key] = [key for key in s3.names() if key.endswith(file.file.name)]
    assert httpx.get(f"{s3.url}/{s3.bucket}/{key}", trust_env=False).status_code == 403


def test_retention_deletes_the_object(api, s3, account, settings):
    file, young = stored(account, b"old"), stored(account, b"young")
    long_ago = timezone.now() - timedelta(days=settings.MEDIA_RETENTION_DAYS + 1)
    Media.objects.filter(pk=file.pk).update(stored_at=long_ago)
    assert f"switchboard/{file.file.name}" in s3.names()

    assert retention.forget_old(timezone.now()) == 1

    assert f"switchboard/{file.file.name}" not in s3.names()
    assert f"switchboard/{young.file.name}" in s3.names()
    file.refresh_from_db()
    assert (file.state, file.file.name) == (MediaState.GONE, "")
    assert api.get(f"/api/v1/media/{file.pk}").json()["code"] == "media_gone"


def test_an_object_that_somebody_deleted_is_gone(api, s3, account):
    file = stored(account, b"soon gone")
    storages["media"].delete(file.file.name)

    assert api.get(f"/api/v1/media/{file.pk}").status_code == 410


def test_a_key_that_may_not_is_told_as_a_trouble_of_the_storage(api, server, use, account):
    use(server)
    file = stored(account, b"there")
    use(server, secret_key="wrong")

    answer = api.get(f"/api/v1/media/{file.pk}")

    assert (answer.status_code, answer.json()["code"]) == (503, "storage_failed")


@pytest.mark.parametrize("way", ["upload", "in the message"])
def test_a_file_that_the_bucket_does_not_take_is_503(api, server, use, account, way):
    use(server, secret_key="wrong")
    if way == "upload":
        file = SimpleUploadedFile("a.txt", b"text", "text/plain")
        answer = api.post("/api/v1/uploads", {"file": file}, format="multipart")
    else:
        content = {"base64": base64.b64encode(b"text").decode()}
        order = {"to": "+4915112345678", "type": "document", "media": content, "filename": "a.txt"}
        answer = api.post(f"/api/v1/accounts/{account.pk}/messages", order)

    assert (answer.status_code, answer.json()["code"]) == (503, "storage_failed")
    assert not Upload.objects.exists()
    assert not Media.objects.exists()


def test_the_settings_of_the_deployment_reach_this_server(server, tmp_path):
    """Environment variables alone: what an operator writes down is enough."""
    ask = (
        "import django; django.setup()\n"
        "from django.core.files.base import ContentFile\n"
        "from django.core.files.storage import storages\n"
        "media = storages['media']\n"
        "name = media.save('by/settings', ContentFile(b'hello'))\n"
        "print(name, media.open(name).read().decode())\n"
    )
    environment = {
        "PATH": "/usr/bin:/bin",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATA_DIR": str(tmp_path),
        "MEDIA_S3_BUCKET": server.bucket,
        "MEDIA_S3_PREFIX": "production",
        "MEDIA_S3_ENDPOINT": server.url,
        "MEDIA_S3_REGION": "eu-central-1",
        "MEDIA_S3_ACCESS_KEY": server.access_key,
        "MEDIA_S3_SECRET_KEY": server.secret_key,
    }
    done = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=configured.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["by/settings", "hello"], json.dumps(done.stderr[-2000:])
    assert "production/by/settings" in server.names()


def test_an_object_that_is_deleted_between_two_requests_is_gone_and_no_failure(server, use):
    use(server)
    storage = storages["media"]
    name = storage.save("short/lived", ContentFile(b"x"))
    with pytest.raises(FileNotFoundError), storage_errors(), storage.open(name, "rb") as file:
        storage.delete(name)
        file.read()


def test_an_export_goes_on_without_objects_that_are_gone(server, use, monkeypatch):
    use(server)
    # A field asks once, at the start of a process, where its files are.
    monkeypatch.setattr(Media._meta.get_field("file"), "storage", storages["media"])
    workspace = WorkspaceFactory()
    one, two = (MediaFactory(message__account__workspace=workspace, stored=LARGE) for _ in "ab")
    storages["media"].delete(one.file.name)
    archive = zipfile.ZipFile(io.BytesIO(b"".join(exporting.archive(workspace))))
    assert archive.read(f"files/media/{two.pk}") == LARGE
    assert json.loads(archive.read("missing.ndjson"))["id"] == str(one.pk)
