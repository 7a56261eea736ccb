"""The pipeline's small work: it holds up nobody who stores facts, and trouble does not end it."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from botocore.exceptions import EndpointConnectionError
from django.core.files.storage import FileSystemStorage, storages
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.utils import timezone

from accounts import lifecycle, preferences, purging
from accounts.models import Workspace
from accounts.tenant_models import WorkspacePurge
from config import chores, retention
from events import services as event_log
from events.models import Event
from messaging.background import in_thread
from messaging.models import Media
from sessions_mgr.models import Notice
from tests.factories import MediaFactory, WorkspaceFactory
from tests.life import connected_account

pytestmark = pytest.mark.django_db(transaction=True)
HERE = "tests.integration.test_pipeline_chores"
PATIENCE = 20  # seconds


class HangingMail(BaseEmailBackend):
    """A mail server that accepts the connection and says nothing more."""

    asked, goes_on = threading.Event(), threading.Event()

    def send_messages(self, messages):
        self.asked.set()
        assert self.goes_on.wait(PATIENCE)
        return len(messages)


class AwayBucket(FileSystemStorage):
    """Keeps files, and cannot be asked to delete one."""

    within_transactions: list[bool] = []

    def delete(self, name):
        self.within_transactions.append(connection.in_atomic_block)
        raise EndpointConnectionError(endpoint_url="https://bucket.test")


@pytest.fixture
def away(settings, tmp_path, monkeypatch):
    backend = {"BACKEND": f"{HERE}.AwayBucket", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "media": backend}
    # A field asks for its storage when Django starts.
    monkeypatch.setattr(Media._meta.get_field("file"), "storage", storages["media"])
    AwayBucket.within_transactions.clear()


@pytest.fixture
def file(away):
    account = connected_account(workspace=WorkspaceFactory())
    return MediaFactory(message__account=account, stored=b"picture")


async def test_a_mail_server_that_hangs_keeps_nobody_from_writing(settings):
    settings.EMAIL_BACKEND = f"{HERE}.HangingMail"
    HangingMail.asked.clear()
    HangingMail.goes_on.clear()
    await in_thread(_a_mail_is_due)
    stop, gate = asyncio.Event(), asyncio.Lock()
    working = asyncio.ensure_future(chores.run(stop, gate))
    try:
        assert await asyncio.to_thread(HangingMail.asked.wait, PATIENCE)
        async with asyncio.timeout(PATIENCE / 4), gate:
            await sync_to_async(threading.get_ident)()  # the thread in which facts are stored
    finally:
        HangingMail.goes_on.set()
        stop.set()
        await working
    assert await in_thread(Notice.objects.exclude(sent_at=None).exists)


def _a_mail_is_due():
    account = connected_account(workspace=WorkspaceFactory())
    preferences.change(workspace=account.workspace, actor="test", notice_email="ops@example.com")
    Notice.objects.create(
        workspace=account.workspace, account_id=account.pk, label="Shop", status="failed"
    )


async def test_the_pipeline_drives_a_purge_to_its_end():
    workspace = await in_thread(WorkspaceFactory)
    await in_thread(lambda: lifecycle.delete(workspace=workspace, actor="test"))
    stop = asyncio.Event()
    working = asyncio.ensure_future(chores.run(stop, asyncio.Lock()))
    is_there = Workspace.objects.filter(pk=workspace.pk).exists
    try:
        async with asyncio.timeout(PATIENCE):
            while await in_thread(is_there):
                assert not working.done()
    finally:
        stop.set()
        await working


def test_a_purge_says_that_the_storage_is_away_and_waits_outside_of_transactions(file):
    lifecycle.delete(workspace=file.account.workspace, actor="test")
    at = timezone.now() + timedelta(hours=2)
    while purging.advance(at):
        at += timedelta(seconds=10)
    assert "the storage failed" in WorkspacePurge.objects.get().error
    assert AwayBucket.within_transactions == [False]
    assert Media.objects.filter(pk=file.pk).exists()


def test_a_storage_that_is_away_keeps_no_events_from_being_forgotten(file, settings, caplog):
    event_log.append(workspace_id=file.account.workspace_id, type="message", data={})
    Event.objects.update(recorded_at=timezone.now() - timedelta(days=400))
    long_ago = timezone.now() - timedelta(days=settings.MEDIA_RETENTION_DAYS + 1)
    Media.objects.filter(pk=file.pk).update(stored_at=long_ago)

    retention.forget_old()

    assert not Event.objects.exists()
    assert Media.objects.get(pk=file.pk).file.name
    assert "retention of files did not end" in caplog.text
