"""/metrics and /health: figures without tenants in them, honest when something is away."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.life import connected_account

pytestmark = pytest.mark.django_db


def test_metrics_count_sessions_and_name_no_account():
    account = connected_account(label="Secret label")

    text = Client().get("/metrics").content.decode()

    assert 'switchboard_sessions{status="connected"} 1.0' in text
    assert 'switchboard_restore{part="connected"} 1.0' in text
    assert "switchboard_bus_up 0.0" in text
    for private in (str(account.pk), str(account.workspace_id), account.label, "15550001"):
        assert private not in text


def test_a_probe_that_is_told_not_yet_is_no_line_in_the_log(caplog):
    assert Client().get("/health/ready").status_code == 503
    assert not [record for record in caplog.records if record.name == "django.request"]


def test_live_answers_and_ready_names_what_is_away():
    assert Client().get("/health/live").json() == {"status": "ok"}

    ready = Client().get("/health/ready")

    assert ready.status_code == 503
    assert ready.json()["checks"] == {
        "database": "ok",
        "bus": "down",
        "node": "down",
        "sandbox": "down",
    }


@pytest.mark.parametrize("ours", ["wa.example.com", ".example.com"])
@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_a_probe_need_not_know_the_name_that_people_use(settings, path, ours):
    settings.ALLOWED_HOSTS = [ours]
    probe = Client(headers={"host": "10.0.0.7:8000"})
    assert probe.get(path).status_code in (200, 503)
    assert probe.get("/sign-in").status_code == 400
