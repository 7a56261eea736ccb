"""Figures about files and parked facts, without anybody's name in a label."""

from __future__ import annotations

import pytest

from messaging.models import HeldFact, UnreadFact
from tests.factories import MediaFactory, MessageFactory

pytestmark = pytest.mark.django_db


def test_files_are_counted_by_state_and_reason(client):
    MediaFactory(message=MessageFactory(), stored=b"12345")
    MediaFactory(
        message=MessageFactory(), state="failed", error={"code": "media_corrupt", "detail": "x"}
    )
    pending = MediaFactory(message=MessageFactory())
    HeldFact.objects.create(account=pending.account, target_wa_id="x", key="k", fact={})

    text = client.get("/metrics").content.decode()

    for line in (
        'switchboard_media_files{state="stored"} 1.0',
        'switchboard_media_files{state="pending"} 1.0',
        'switchboard_media_files{state="gone"} 0.0',
        'switchboard_media_download_failures{code="media_corrupt",state="failed"} 1.0',
        "switchboard_media_bytes 5.0",
        "switchboard_held_facts 1.0",
    ):
        assert line in text, line
    assert "switchboard_media_lag_seconds" in text


def test_seed_001_facts_that_could_not_be_processed_are_counted_by_reason(client):
    """Seed 001 asked for whatsapp_web_message_processing_failures_total{reason}."""
    for reason in ("unreadable", "broken", "broken"):
        UnreadFact.objects.create(body=b"", subject="x", reason=reason, problem="p")

    text = client.get("/metrics").content.decode()

    name = "whatsapp_web_message_processing_failures_total"
    assert f'{name}{{reason="broken"}} 2.0' in text
    assert f'{name}{{reason="unreadable"}} 1.0' in text
    assert f'{name}{{reason="conflict"}} 0.0' in text
