"""Files go when they are old, with their messages and with their number."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import preferences
from messaging.media import retention
from messaging.models import HeldFact, Media, MediaState, Message, Upload
from messaging.models.media import media_storage
from messaging.retention import forget_messages
from sessions_mgr import services
from tests.factories import MediaFactory, MessageFactory
from tests.life import connected_account
from tests.media_files import state_of, waiting_file

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_workspace_may_keep_its_files_for_fewer_days():
    short, usual = waiting_file(stored=b"data"), waiting_file(stored=b"data")
    preferences.change(workspace=short.account.workspace, actor="test", media_retention_days=7)

    retention.forget_old(timezone.now() + timedelta(days=6))
    assert state_of(short) == MediaState.STORED
    retention.forget_old(timezone.now() + timedelta(days=8))

    assert (state_of(short), state_of(usual)) == (MediaState.GONE, MediaState.STORED)
    short.refresh_from_db()
    assert short.error["detail"] == "Files are kept for 7 days."


def test_files_go_with_the_messages_that_are_kept_no_longer():
    file, other = waiting_file(stored=b"data"), waiting_file(stored=b"more")
    shared = waiting_file(file.account, stored=b"shared")
    again = MessageFactory(account=file.account, type="image")
    MediaFactory(message=again, file=shared.file.name, state=MediaState.STORED)
    Message.objects.filter(pk__in=[file.message_id, shared.message_id]).update(
        created_at=timezone.now() - timedelta(days=3)
    )

    workspace_id = file.account.workspace_id
    gone = forget_messages(workspace_id=workspace_id, before=timezone.now() - timedelta(days=2))

    assert gone == 2
    assert not media_storage().exists(file.file.name)
    assert media_storage().exists(shared.file.name)
    assert media_storage().exists(other.file.name)


def test_old_files_go_and_say_why():
    file = waiting_file(stored=b"data")
    name = file.file.name

    assert retention.forget_old(timezone.now()) == 0
    assert retention.forget_old(timezone.now() + timedelta(days=91)) == 1

    file.refresh_from_db()
    assert (file.state, file.error["code"], bool(file.file)) == ("gone", "retention", False)
    assert not media_storage().exists(name)


def test_files_of_a_deleted_number_go_with_it():
    account = connected_account()
    file, pending = waiting_file(account, stored=b"data"), waiting_file(account)
    services.delete_account(account=account)

    retention.forget_old(timezone.now())

    assert not media_storage().exists(file.file.name)
    assert {m.state for m in Media.objects.filter(pk__in=[file.pk, pending.pk])} == {"gone"}


def test_a_file_that_an_upload_shares_stays_until_that_is_gone():
    file = waiting_file(stored=b"data")
    Upload.objects.create(
        workspace=file.account.workspace,
        filename="a",
        mime_type="b/c",
        size=4,
        sha256="",
        file=file.file.name,
        expires_at=timezone.now(),
    )

    retention.forget_old(timezone.now() + timedelta(days=91))

    assert media_storage().exists(file.file.name)


def test_facts_for_messages_that_never_came_are_forgotten():
    HeldFact.objects.create(account=connected_account(), target_wa_id="x", key="k", fact={})

    retention.forget_old(timezone.now() + timedelta(days=31))

    assert not HeldFact.objects.exists()
