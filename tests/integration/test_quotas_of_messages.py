"""The quotas where messages and files come in: refused over REST, counted once, given back."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts import preferences, quotas
from messaging.media import usage
from messaging.models import MediaState, Message
from messaging.models.outbox import Pacing
from messaging.outbox import uploads
from tests.factories import MediaFactory, MessageFactory
from tests.life import connected_account

pytestmark = pytest.mark.django_db
HELLO = {"to": "+4915112345678", "type": "text", "text": "hello"}


def allow(workspace, **limits):
    quotas.set_limits(workspace=workspace, actor="test", **limits)


def test_one_message_too_many_is_429_and_not_queued(api, workspace):
    account = connected_account(workspace=workspace)
    allow(workspace, messages_per_day=1)
    url = f"/api/v1/accounts/{account.pk}/messages"
    first = api.post(url, HELLO, headers={"Idempotency-Key": "one"})
    assert first.status_code == 202, first.json()
    # The same order again is no second message.
    assert api.post(url, HELLO, headers={"Idempotency-Key": "one"}).status_code == 200
    refused = api.post(url, HELLO)
    assert refused.status_code == 429
    assert (refused.json()["code"], refused.json()["quota"]) == (
        "quota_exceeded",
        "messages_per_day",
    )
    assert int(refused["Retry-After"]) > 0
    assert Message.objects.count() == 1


def test_a_new_number_paces_itself_as_its_workspace_wishes(api, workspace):
    account = connected_account(workspace=workspace)
    preferences.change(
        workspace=workspace, actor="test", pacing_min_gap_ms=250, pacing_new_chats_per_hour=9
    )
    api.post(f"/api/v1/accounts/{account.pk}/messages", HELLO)
    pacing = Pacing.objects.get(account=account)
    assert (pacing.min_gap_ms, pacing.new_chats_per_hour) == (250, 9)


def test_an_upload_that_does_not_fit_is_refused_and_the_count_is_kept_true(api, workspace):
    allow(workspace, media_bytes=10)
    fits = SimpleUploadedFile("a.txt", b"12345678", "text/plain")
    assert api.post("/api/v1/uploads", {"file": fits}, format="multipart").status_code == 201
    more = SimpleUploadedFile("b.txt", b"123", "text/plain")
    refused = api.post("/api/v1/uploads", {"file": more}, format="multipart")
    assert (refused.status_code, refused.json()["quota"]) == (403, "media_bytes")
    quotas.recount_media(workspace.pk, 999)
    assert usage.recount(workspace.pk) == 8
    assert quotas.media_of(workspace.pk) == 8


@pytest.mark.parametrize("source", ["base64", "upload_id"])
def test_a_file_to_send_that_does_not_fit_is_refused_and_nothing_is_queued(api, workspace, source):
    account = connected_account(workspace=workspace)
    allow(workspace, media_bytes=10)
    media = {"base64": base64.b64encode(b"0123456789x").decode()}
    if source == "upload_id":
        file = SimpleUploadedFile("a.txt", b"123456", "text/plain")
        made = api.post("/api/v1/uploads", {"file": file}, format="multipart").json()
        media = {"upload_id": made["id"]}
    before = quotas.media_of(workspace.pk)
    order = {"to": "+4915112345678", "type": "document", "media": media}

    refused = api.post(f"/api/v1/accounts/{account.pk}/messages", order)

    assert (refused.status_code, refused.json()["quota"]) == (403, "media_bytes")
    assert not Message.objects.exists()
    assert quotas.media_of(workspace.pk) == before


def test_a_file_that_is_sent_counts(api, workspace):
    account = connected_account(workspace=workspace)
    order = {
        "to": "+4915112345678",
        "type": "document",
        "media": {"base64": base64.b64encode(b"0123456789").decode()},
    }
    assert api.post(f"/api/v1/accounts/{account.pk}/messages", order).status_code == 202
    assert quotas.media_of(workspace.pk) == usage.recount(workspace.pk) == 10


def test_a_file_that_messages_share_counts_once(workspace):
    account = connected_account(workspace=workspace)
    first = MediaFactory(message=MessageFactory(account=account), stored=b"12345")
    MediaFactory(
        message=MessageFactory(account=account),
        file=first.file.name, size=5, state=MediaState.STORED,
    )  # fmt: skip
    assert usage.recount(workspace.pk) == 5


def test_all_uploads_that_have_expired_go_however_many(workspace, monkeypatch):
    monkeypatch.setattr(uploads, "AT_ONCE", 2)
    for n in range(5):
        uploads.keep(workspace=workspace, file=SimpleUploadedFile(f"{n}.txt", b"text"), most=9)
    assert uploads.forget_expired(timezone.now() + timedelta(hours=25)) == 5
    assert quotas.media_of(workspace.pk) == 0


def test_an_upload_that_has_expired_gives_back(api, workspace):
    file = SimpleUploadedFile("a.txt", b"12345678", "text/plain")
    api.post("/api/v1/uploads", {"file": file}, format="multipart")
    assert quotas.media_of(workspace.pk) == 8
    assert uploads.forget_expired(timezone.now() + timedelta(hours=25)) == 1
    assert quotas.media_of(workspace.pk) == 0
