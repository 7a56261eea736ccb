"""The export of a workspace: what is in it and what is not, and that it streams to its end."""

from __future__ import annotations

import io
import json
import random
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async as in_thread
from django.core.files.base import ContentFile
from django.db import connection
from django.test import AsyncClient, Client

from accounts import exporting, tenants
from accounts.models import AuditEntry, Membership, Role, WhatsAppAccount
from accounts.storage_errors import StorageFailed
from messaging.models import Avatar, Media
from tests.factories import MediaFactory, UserFactory, WorkspaceFactory, many_events
from tests.isolation.cast import tenant
from webhooks.models import Endpoint

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours():
    return WorkspaceFactory(members=[UserFactory()])


def unzip(answer) -> dict[str, list]:
    data = b"".join(answer.streaming_content)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {
            name: [json.loads(line) for line in archive.read(name).splitlines()]
            for name in archive.namelist()
            if name.endswith(".ndjson")
        } | {"manifest": json.loads(archive.read("manifest.json"))}


def test_an_owner_downloads_everything_and_no_secret():
    mine, other = tenant("mine", "+15557770001"), tenant("other", "+15557770002")
    hook = Endpoint.objects.get(workspace=mine.workspace)
    WhatsAppAccount.objects.filter(workspace=mine.workspace).update(sealed_proxy=b"sealed")
    answer = mine.browser.post(f"/workspaces/{mine.workspace.pk}/settings/export")
    assert answer["Content-Type"] == "application/zip"
    found = unzip(answer)
    assert [n["label"] for n in found["numbers.ndjson"]] == ["mine number"]
    assert [w["url"] for w in found["webhooks.ndjson"]] == [hook.url]
    assert {e["type"] for e in found["events.ndjson"]} >= {"message", "session.status"}
    assert found["members.ndjson"] == [{"email": "mine@example.test", "role": "owner"}]
    assert found["manifest"]["rows"]["numbers"] == 1
    text = json.dumps(found)
    assert "other" not in text.replace("another", "")
    assert "sealed" not in text
    assert "hashed_key" not in text
    assert str(other.workspace.pk) not in text
    assert AuditEntry.objects.filter(action="workspace.exported").count() == 1


@pytest.mark.parametrize("role", [Role.ADMIN, Role.OPERATOR, Role.VIEWER])
def test_only_an_owner_exports_and_deletes(ours, role):
    user = UserFactory()
    Membership.objects.create(workspace=ours, user=user, role=role)
    client = Client()
    client.force_login(user)
    for verb in ("export", "delete"):
        answer = client.post(f"/workspaces/{ours.pk}/settings/{verb}", {"confirmation": ours.name})
        assert answer.status_code == 403
    ours.refresh_from_db()
    assert ours.deleted_at is None


def test_every_exported_kind_has_a_name_of_its_own():
    names = [line.export for line in tenants.TENANTS.values() if line.export]
    assert len(names) == len({*names, "members", "api_keys"}) - 2


def test_fifty_thousand_rows_stream_in_little_memory(ours):
    many_events(ours, 50_000)
    read, lines = 0, io.BytesIO()
    tracemalloc.start()
    try:
        for part in exporting.archive(ours):
            read += len(part)
            lines.write(part)
            if read < 100_000:
                tracemalloc.reset_peak()
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    with zipfile.ZipFile(lines) as archive:
        assert len(archive.read("events.ndjson").splitlines()) == 50_000
        whole = archive.getinfo("events.ndjson").file_size
    assert whole > 10_000_000
    assert peak - read < 8_000_000, f"{peak} bytes for a file of {whole}"


def picture(workspace, data=b"picture"):
    return MediaFactory(message__account__workspace=workspace, stored=data)


def archive_of(parts) -> zipfile.ZipFile:
    found = zipfile.ZipFile(io.BytesIO(b"".join(parts)))
    assert found.testzip() is None
    return found


def lines_of(archive, name) -> list[dict]:
    return [json.loads(line) for line in archive.read(name).splitlines()]


def test_a_file_has_the_name_of_its_row(ours):
    file = picture(ours, b"one")
    avatar = Avatar.objects.create(
        account=file.account, jid="1@s.whatsapp.net", file=ContentFile(b"two", "two.jpg")
    )
    picture(WorkspaceFactory(), b"of others")
    archive = archive_of(exporting.archive(ours))
    files = {name: archive.read(name) for name in archive.namelist() if name.startswith("files/")}
    assert files == {f"files/media/{file.pk}": b"one", f"files/avatars/{avatar.pk}": b"two"}
    assert [row["id"] for row in lines_of(archive, "media.ndjson")] == [str(file.pk)]
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["files"] == {"stored": 2, "missing": 0}
    assert lines_of(archive, "missing.ndjson") == []


def test_two_rows_with_one_file_have_a_copy_each(ours):
    first, second = picture(ours), picture(ours)
    Media.objects.filter(pk=second.pk).update(file=first.file.name)
    archive = archive_of(exporting.archive(ours))
    for file in (first, second):
        assert archive.read(f"files/media/{file.pk}") == b"picture"


def test_a_file_that_goes_while_the_archive_is_sent_is_listed_and_the_rest_follows(ours):
    small, large = b"first", random.Random(1).randbytes(4 * exporting.CHUNK)
    one, *others = sorted((picture(ours, small) for _ in range(3)), key=lambda file: file.pk)
    one.file.storage.delete(one.file.name)
    one.file.save("large", ContentFile(large))
    parts = exporting.archive(ours)
    sent = []
    for part in parts:
        sent.append(part)
        if sum(map(len, sent)) > 2 * exporting.CHUNK:  # in the middle of the large one
            break
    for file in (one, others[0]):
        file.file.storage.delete(file.file.name)
    archive = archive_of([*sent, *parts])
    assert archive.read(f"files/media/{one.pk}") == large
    assert archive.read(f"files/media/{others[1].pk}") == small
    gone = {"kind": "media", "id": str(others[0].pk), "file": others[0].file.name}
    assert lines_of(archive, "missing.ndjson") == [gone]
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["files"] == {"stored": 2, "missing": 1}


def test_a_storage_that_fails_leaves_an_archive_without_a_manifest(ours):
    file = picture(ours)
    storage = file.file.storage
    storage.delete(file.file.name)
    Path(storage.path(file.file.name)).mkdir()
    parts, sent = exporting.archive(ours), []
    with pytest.raises(StorageFailed):
        sent.extend(parts)
    with pytest.raises(zipfile.BadZipFile):
        archive_of(sent)


@pytest.mark.django_db(transaction=True)
async def test_an_asgi_server_streams_it_too():
    user = await in_thread(UserFactory)()
    workspace = await in_thread(WorkspaceFactory)(members=[user])
    await in_thread(many_events)(workspace, 3000)
    client = AsyncClient()
    await client.aforce_login(user)
    answer = await client.post(f"/workspaces/{workspace.pk}/settings/export")
    assert answer.is_async
    parts = [part async for part in answer.streaming_content]
    await sync_to_async(
        lambda: connection.close()
    )()  # of the thread that read; a server does it itself
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        assert len(archive.read("events.ndjson").splitlines()) == 3000
