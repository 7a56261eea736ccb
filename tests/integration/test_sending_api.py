"""POST /messages as apps use it: idempotency, refusals, uploads, pacing, and who may do what."""

from __future__ import annotations

import base64
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import AuditEntry
from messaging.models import Media, Message, Outgoing, Upload
from messaging.outbox import files, settling, uploads
from tests.factories import AccountFactory, MessageFactory, WorkspaceFactory, api_key

pytestmark = pytest.mark.django_db

THREADS = 8
TEXT = {"to": "+15550002", "type": "text", "text": "hello"}


@pytest.fixture
def account(workspace):
    return AccountFactory(workspace=workspace, connected=True)


@pytest.fixture
def send(api, account):
    def post(body=None, key=None, **fields):
        headers = {"Idempotency-Key": key} if key else {}
        wanted = {**TEXT, **fields} if body is None else body
        return api.post(f"/api/v1/accounts/{account.pk}/messages", wanted, headers=headers)

    return post


def jpeg(size=(64, 48)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, 90).save(out, "JPEG")
    return out.getvalue()


def upload(api, data, name="photo.jpg"):
    file = SimpleUploadedFile(name, data, "image/jpeg")
    return api.post("/api/v1/uploads", {"file": file}, format="multipart")


def test_a_message_is_accepted_and_shown_as_queued(send, api, account):
    answer = send()
    assert answer.status_code == 202
    shown = answer.json()
    assert (shown["status"], shown["direction"], shown["wa_id"]) == ("queued", "out", None)
    assert shown["chat"]["jid"] == "15550002@s.whatsapp.net"
    assert api.get(f"/api/v1/messages/{shown['id']}").json()["text"] == "hello"
    listed = api.get(f"/api/v1/accounts/{account.pk}/messages?direction=out").json()["results"]
    assert [one["id"] for one in listed] == [shown["id"]]


def test_a_message_says_which_key_asked_for_it(send, api, account):
    shown = send().json()
    key = account.workspace.api_keys.get()
    assert shown["sent_by"] == f"key:{key.prefix}"
    assert MessageFactory(account=account).sent_by == ""  # said on a phone
    listed = api.get(f"/api/v1/accounts/{account.pk}/messages").json()["results"]
    assert {one["direction"]: one["sent_by"] for one in listed} == {
        "out": f"key:{key.prefix}",
        "in": None,
    }


def test_the_same_key_is_the_same_message(send):
    first, again = send(key="k1"), send(key="k1")
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    assert Message.objects.count() == 1


def test_a_key_used_for_another_message_is_refused(send):
    send(key="k1")
    answer = send(key="k1", text="other")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert Message.objects.count() == 1


def test_a_key_belongs_to_its_account(send, api, workspace):
    send(key="k1")
    other = AccountFactory(workspace=workspace)
    answer = api.post(
        f"/api/v1/accounts/{other.pk}/messages", TEXT, headers={"Idempotency-Key": "k1"}
    )
    assert answer.status_code == 202


def test_a_key_of_a_file_is_known_by_its_bytes(send, account):
    body = {
        "to": "+15550002",
        "type": "image",
        "media": {"base64": base64.b64encode(jpeg()).decode()},
    }
    assert [send(body, key="k").status_code for _ in range(2)] == [202, 200]
    assert Media.objects.count() == 1
    body["media"]["base64"] = base64.b64encode(jpeg((9, 9))).decode()
    assert send(body, key="k").json()["code"] == "idempotency_key_reused"
    assert len(files.storage().listdir(f"{account.pk}/out")[1]) == 1  # nothing was left over


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        ({"to": "nobody", "type": "text", "text": "x"}, "invalid_recipient", "to"),
        ({"to": "+15550002", "type": "text"}, "invalid", "text"),
        ({"to": "chat:999999", "type": "text", "text": "x"}, "invalid_recipient", "to"),
        ([], "invalid", "object"),
        (
            {"to": "+15550002", "type": "text", "text": "x", "reply_to": "nope"},
            "unknown_message",
            "reply_to",
        ),
        ({"type": "revoke", "message_id": str(uuid4())}, "unknown_message", "message_id"),
        (
            {"to": "+15550002", "type": "image", "media": {"upload_id": str(uuid4())}},
            "unknown_upload",
            "media.upload_id",
        ),
        (
            {"to": "+15550002", "type": "image", "media": {"url": "ftp://x/y"}},
            "media_url_refused",
            "media.url",
        ),
        (
            {
                "to": "+15550002",
                "type": "image",
                "filename": "holiday.jpg",
                "media": {"base64": base64.b64encode(b"PK\x03\x04 zip").decode()},
            },
            "media_invalid",
            "media.base64",
        ),
    ],
)
def test_refusals_name_the_field_and_queue_nothing(send, body, code, word):
    answer = send(body)
    assert answer.status_code == 422
    assert answer["content-type"].startswith("application/problem+json")
    assert answer.json()["code"] == code
    assert word in answer.json()["detail"]
    assert not Message.objects.exists()


def test_an_edit_must_be_of_our_own_recent_text(send, account):
    sent = send().json()["id"]
    settling.sent(Message.objects.get().pk, wa_id="WA1", at=timezone.now())
    edit = {"type": "edit", "message_id": sent, "text": "better"}
    assert send(edit).status_code == 202
    Message.objects.filter(pk=sent).update(timestamp=timezone.now() - timedelta(hours=2))
    assert send(edit).json()["code"] == "message_too_old"
    Message.objects.filter(pk=sent).update(type="poll", timestamp=timezone.now())
    assert send(edit).json()["code"] == "not_editable"
    Message.objects.filter(pk=sent).update(type="text", direction="in", timestamp=timezone.now())
    assert send(edit).json()["code"] == "not_editable"
    assert send({"type": "revoke", "message_id": "WA1"}).json()["code"] == "not_ours"
    assert send({"type": "reaction", "message_id": "WA1", "emoji": "👍"}).status_code == 202


def test_texts_in_all_scripts_arrive_as_they_are(send):
    text = "\u202bŝalom\u202c العالم 👩‍👩‍👧 \u200f!"
    assert send(text=text).json()["text"] == text


def test_a_queued_message_is_taken_back_once_and_for_all(send, api):
    message_id = send().json()["id"]
    assert [
        api.post(f"/api/v1/messages/{message_id}/cancel").json()["status"] for _ in range(2)
    ] == ["cancelled", "cancelled"]


def test_a_message_that_is_gone_cannot_be_taken_back(send, api):
    message_id = send().json()["id"]
    settling.sent(Message.objects.get().pk, wa_id="WA1", at=timezone.now())
    answer = api.post(f"/api/v1/messages/{message_id}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_queued")


def test_what_others_wrote_cannot_be_taken_back_either(api, account):
    theirs = MessageFactory(account=account)
    answer = api.post(f"/api/v1/messages/{theirs.pk}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_queued")


def test_an_upload_is_described_and_usable_in_many_messages(api, send):
    answer = upload(api, jpeg(), "beach 🏖️.jpg")
    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["mime_type"], shown["size"]) == ("image/jpeg", len(jpeg()))
    body = {"to": "+15550002", "type": "image", "media": {"upload_id": shown["id"]}}
    assert [send(body).status_code for _ in range(2)] == [202, 202]


def test_an_upload_that_is_no_picture_is_no_image(api, send):
    shown = upload(api, b"PK\x03\x04" + bytes(100)).json()
    assert shown["mime_type"] == "application/zip"
    body = {"to": "+15550002", "type": "image", "media": {"upload_id": shown["id"]}}
    assert send(body).json()["code"] == "media_invalid"
    assert send({**body, "type": "document"}).status_code == 202


@pytest.mark.parametrize("wrong", ["json", "no file", "empty"])
def test_uploads_without_a_file(api, wrong):
    if wrong == "json":
        answer = api.post("/api/v1/uploads", {"file": "x"})
    elif wrong == "no file":
        answer = api.post("/api/v1/uploads", {"other": "x"}, format="multipart")
    else:
        answer = upload(api, b"")
    assert answer.status_code == 422
    assert "file" in answer.json()["detail"]


def test_an_upload_over_the_limit_is_refused(api, settings):
    settings.MEDIA_MAX_BYTES = 1_000
    assert upload(api, bytes(1_001)).status_code == 413
    assert upload(api, bytes(100_000)).status_code == 413
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("length", "status", "code"),
    [
        ("nonsense", 400, "parse_error"),
        ("-1", 400, "parse_error"),
        ("1.5", 400, "parse_error"),
        ("²", 400, "parse_error"),
        ("", 422, "invalid"),
        ("0", 422, "invalid"),
        ("9" * 18, 413, "media_too_large"),
        ("9" * 5000, 413, "media_too_large"),
    ],
)
def test_a_length_that_is_none_is_refused_by_name(api, length, status, code):
    file = SimpleUploadedFile("file.bin", b"data")
    answer = api.post("/api/v1/uploads", {"file": file}, format="multipart", CONTENT_LENGTH=length)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Upload.objects.exists()


def test_a_file_in_base64_may_be_larger_than_other_json(send):
    data = bytes(2 * 1_048_576)
    body = {
        "to": "+15550002",
        "type": "document",
        "media": {"base64": base64.b64encode(data).decode()},
    }
    answer = send(body)
    assert answer.status_code == 202, answer.json()
    assert answer.json()["media"]["size"] == len(data)
    body["media"]["base64"] = "A" * 23 * 1_048_576
    answer = send(body)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_expired_uploads_go_with_their_file_and_cannot_be_used(api, send):
    shown = upload(api, jpeg()).json()
    name = Upload.objects.get().file.name
    uploads.forget_expired(timezone.now() + uploads.KEPT + timedelta(seconds=1))
    assert not files.storage().exists(name)
    body = {"to": "+15550002", "type": "image", "media": {"upload_id": shown["id"]}}
    assert send(body).json()["code"] == "unknown_upload"


def test_pacing_is_seen_changed_and_audited(api, account):
    url = f"/api/v1/accounts/{account.pk}/pacing"
    assert api.get(url).json()["min_gap_ms"] == 0
    answer = api.patch(url, {"min_gap_ms": 500, "typing": True})
    assert (answer.json()["min_gap_ms"], answer.json()["typing"]) == (500, True)
    entry = AuditEntry.objects.get(action="account.pacing")
    assert entry.detail == {"min_gap_ms": 500, "typing": True}


@pytest.mark.parametrize("wrong", [{"min_gap_ms": -1}, {"typing_max_ms": 10**9}, {"typing": "x"}])
def test_senseless_pacing_is_refused(api, account, wrong):
    answer = api.patch(f"/api/v1/accounts/{account.pk}/pacing", wrong)
    assert answer.status_code in (400, 422)
    assert next(iter(wrong)) in answer.json()["detail"]


def test_a_key_needs_the_scope_to_send(workspace, account):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {api_key(workspace, scopes=['read'])}")
    for url in (f"/api/v1/accounts/{account.pk}/messages", "/api/v1/uploads"):
        assert client.post(url, TEXT).status_code == 403


def test_an_outsider_finds_nothing(send, api, account):
    message_id = send().json()["id"]
    shown = upload(api, jpeg()).json()
    stranger = APIClient()
    elsewhere = WorkspaceFactory()
    stranger.credentials(HTTP_AUTHORIZATION=f"Bearer {api_key(elsewhere)}")
    theirs = AccountFactory(workspace=elsewhere)
    base_url = f"/api/v1/accounts/{account.pk}"
    assert stranger.post(f"{base_url}/messages", TEXT).status_code == 404
    assert stranger.get(f"{base_url}/pacing").status_code == 404
    assert stranger.patch(f"{base_url}/pacing", {"typing": True}).status_code == 404
    assert stranger.post(f"/api/v1/messages/{message_id}/cancel").status_code == 404
    own = f"/api/v1/accounts/{theirs.pk}/messages"
    reply = stranger.post(own, {**TEXT, "reply_to": message_id})
    assert reply.json()["code"] == "unknown_message"
    image = {"to": "+15550002", "type": "image", "media": {"upload_id": shown["id"]}}
    assert stranger.post(own, image).json()["code"] == "unknown_upload"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_eight_requests_with_one_key_are_one_message(workspace):
    account = AccountFactory(workspace=workspace, connected=True)
    key_text = api_key(workspace)

    def post(_n):
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key_text}")
        try:
            return client.post(
                f"/api/v1/accounts/{account.pk}/messages", TEXT, headers={"Idempotency-Key": "k"}
            )
        finally:
            connection.close()

    for _round in range(3):
        with ThreadPoolExecutor(THREADS) as pool:
            answers = list(pool.map(post, range(THREADS)))
        assert len({answer.json()["id"] for answer in answers}) == 1
        codes = sorted(answer.status_code for answer in answers)
        assert codes in ([200] * 7 + [202], [200] * 8)
    assert Message.objects.count() == Outgoing.objects.count() == 1
