"""Files that a workspace may not keep, and those that count."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import quotas
from messaging.media import retention
from messaging.models import MediaState
from messaging.models.media import media_storage
from tests.fake_bus import fake_bus
from tests.media_files import Worker, fetch, media_events, picture, waiting_file

__all__ = ["fake_bus"]  # a fixture, by the name `bus`
pytestmark = pytest.mark.django_db(transaction=True)


def allow(file, **limits):
    quotas.set_limits(workspace=file.account.workspace, actor="test", **limits)


def used_by(file):
    return quotas.media_of(file.account.workspace_id)


def test_what_the_workspace_may_not_keep_is_not_fetched_and_the_message_says_why(bus):
    worker = Worker(bus, picture())
    file = waiting_file(size=5000)
    allow(file, media_bytes=4999)

    fetch()

    file.refresh_from_db()
    assert (file.state, file.error["code"]) == (MediaState.FAILED, "quota_exceeded")
    assert "4999 bytes" in file.error["detail"]
    assert (worker.pieces, bus.ops()) == (0, [])
    (told,) = media_events()
    assert (told["state"], told["error"]["code"]) == ("failed", "quota_exceeded")


def test_a_file_that_is_larger_than_its_sender_said_is_thrown_away(bus):
    data = picture()
    Worker(bus, data)
    file = waiting_file(size=1)
    allow(file, media_bytes=len(data) - 1)

    fetch()

    file.refresh_from_db()
    assert (file.state, file.error["code"]) == (MediaState.FAILED, "quota_exceeded")
    assert (bool(file.file), used_by(file)) == (False, 0)
    assert not list_files(f"{file.account_id}/in")


def test_a_file_that_is_fetched_counts_and_gives_back_when_it_goes(bus):
    data = picture()
    Worker(bus, data)
    file = waiting_file()
    allow(file, media_bytes=len(data))

    fetch()
    assert used_by(file) == len(data)

    retention.forget_old(timezone.now() + timedelta(days=91))
    assert used_by(file) == 0


def list_files(folder):
    try:
        return media_storage().listdir(folder)[1]
    except FileNotFoundError:
        return []
