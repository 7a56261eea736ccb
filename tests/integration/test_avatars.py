"""Profile pictures: never in the way, whatever WhatsApp, the worker or the storage does."""

from __future__ import annotations

import base64
import logging
import time
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import preferences
from messaging import avatars, tallies
from messaging.avatars import renewal
from messaging.models import Avatar, Contact
from messaging.models.media import media_storage
from sessions_mgr.engines import base
from tests.avatars import (  # noqa: F401 two fixtures, by the names `account` and `get`
    ANN,
    GROUP,
    JPEG,
    OTHER,
    avatar_account,
    avatar_get,
    fetches,
    later,
    picture,
)
from tests.factories import AccountFactory
from tests.fake_bus import Refusal, fake_bus  # noqa: F401 a fixture, by the name `bus`

pytestmark = pytest.mark.django_db

# Live, cached, default ---------------------------------------------------------------------------


def test_seed_000_a_picture_is_live_once_and_then_comes_from_the_cache(get, bus, account):
    bus.answers["picture"] = picture()

    first, second = get().json(), get().json()

    assert (first["source"], second["source"]) == ("live", "cache")
    assert first["id"] == second["id"] == "p1"
    assert first["mime_type"] == "image/jpeg"
    assert first["url"].endswith(f"/api/v1/accounts/{account.pk}/contacts/{ANN}/avatar")
    assert bus.ops() == ["picture"]
    assert bus.asked[0][3] == 2.0, "the command has a deadline of two seconds"
    assert bus.args("picture")[0]["timeout"] < 2.0
    assert fetches() == {"success": 1}


def test_the_image_itself_has_an_etag_and_its_own_type(get, bus):
    bus.answers["picture"] = picture()

    answer = get(accept="*/*")

    assert (answer.status_code, answer.content) == (200, JPEG)
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Avatar-Source"] == "live"
    unchanged = get(accept="image/webp,*/*", **{"If-None-Match": answer["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert get(accept="image/png").content == JPEG


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param(Refusal("timeout"), "timeout", id="the worker's deadline"),
        pytest.param(TimeoutError(), "timeout", id="no answer"),
        pytest.param(Refusal("internal", "unsupported payload type"), "error", id="engine error"),
        pytest.param({"picture_id": "p", "data": "&&&"}, "error", id="not base64"),
        pytest.param({"picture_id": "p", "data": 7}, "error", id="not even text"),
        pytest.param(
            {"picture_id": "p", "data": base64.b64encode(b"<svg/>").decode()},
            "error",
            id="not a picture",
        ),
        pytest.param({"picture_id": "", "state": "none"}, "none", id="there is none"),
        pytest.param({"picture_id": "", "state": "hidden"}, "none", id="not for us"),
    ],
)
def test_seed_000_whatever_goes_wrong_the_default_picture_is_shown(get, bus, answer, status):
    bus.answers["picture"] = answer

    told = get()

    assert told.status_code == 200
    assert (told.json()["source"], told.json()["id"]) == ("default", None)
    assert fetches() == {status: 1}
    shown = get(accept="image/*")
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/png")
    assert bus.ops() == ["picture"], "and it is not asked for again at once"


def test_seed_000_the_last_known_picture_is_shown_when_fetching_fails(get, bus):
    bus.answers["picture"] = picture()
    get()
    later(fetched_at=timedelta(hours=2), changed_at=timedelta(hours=1))
    bus.answers["picture"] = TimeoutError()

    told, shown = get().json(), get(accept="image/*")

    assert (told["source"], told["id"]) == ("cache", "p1")
    assert shown.content == JPEG
    assert bus.ops() == ["picture", "picture"]


def test_groups_and_people_have_different_defaults(get, bus):
    person, group = get(accept="image/*"), get(GROUP, accept="image/*")

    assert person.content != group.content
    assert get(accept="image/svg+xml")["Content-Type"] == "image/svg+xml"


def test_the_picture_of_a_group_and_of_a_community_is_asked_for(get, bus):
    bus.answers["picture"] = picture()

    assert get(GROUP).json()["source"] == "live"
    assert get("120363999@g.us", query="?community=1").json()["source"] == "live"

    group, community = bus.args("picture")
    assert (group["jid"], group.get("community")) == (GROUP, None)
    assert community["community"] is True


def test_an_account_that_is_not_connected_is_not_asked_and_the_wish_is_kept(api, workspace, bus):
    account = AccountFactory(workspace=workspace)

    told = api.get(f"/api/v1/accounts/{account.pk}/contacts/{ANN}/avatar?format=json")

    assert told.json()["source"] == "default"
    assert bus.asked == []
    assert Avatar.objects.get(account=account).wanted_at is not None


def test_no_worker_is_no_failure_of_the_picture(get, bus):
    assert get().json()["source"] == "default"

    assert fetches() == {"unavailable": 1}
    assert tallies.read(tallies.CONNECTION_FAILURES) == {"avatar": 1}
    bus.answers["picture"] = picture()
    assert get().json()["source"] == "live"


def test_seed_000_fetching_can_be_switched_off(get, bus, settings):
    bus.answers["picture"] = picture()
    get()
    later(fetched_at=timedelta(days=3))
    settings.AVATAR_FETCH_ENABLED = False

    assert get().json()["source"] == "cache"
    assert get("15550010@s.whatsapp.net").json()["source"] == "default"
    assert bus.ops() == ["picture"]
    assert not Avatar.objects.exclude(wanted_at=None).exists()


def test_a_storage_that_fails_is_no_error_either(get, bus, monkeypatch, caplog):
    bus.answers["picture"] = picture()
    get()

    def refuse(*args, **kwargs):
        raise OSError("the bucket is away")

    monkeypatch.setattr(type(media_storage()), "_open", refuse)

    shown = get(accept="image/*")

    assert (shown.status_code, shown["Content-Type"]) == (200, "image/png")
    assert "cannot be read" in caplog.text


def test_seed_000_a_failure_is_logged_with_its_whole_context(get, bus, caplog, account):
    bus.answers["picture"] = Refusal("internal", "unsupported payload type: *store.PrivacyToken")

    with caplog.at_level(logging.WARNING):
        get(query="?community=1")

    told = next(r for r in caplog.records if "could not be fetched" in r.getMessage())
    assert told.jid == ANN
    assert told.account == str(account.pk)
    assert told.is_community is True
    assert (told.status, told.code) == ("error", "internal")
    assert "PrivacyToken" in told.error
    assert told.fallback == "default"


# When it is asked for again ----------------------------------------------------------------------


def test_a_change_of_the_picture_makes_the_next_request_live(get, bus, account):
    bus.answers["picture"] = picture()
    get()
    fact = base.PictureChanged(chat=base.Party(jid=ANN), timestamp=time.time(), picture_id="p2")

    avatars.picture_changed(account=account, fact=fact, at=timezone.now())
    bus.answers["picture"] = picture(OTHER, "p2")
    told = get().json()

    assert (told["source"], told["id"]) == ("live", "p2")
    assert get(accept="image/*").content == OTHER
    assert bus.args("picture")[1]["known_id"] == "p1"


def test_only_the_newest_file_is_kept(get, bus, account):
    bus.answers["picture"] = picture()
    get()
    first = Avatar.objects.get().file.name
    later(changed_at=timedelta(seconds=-1))
    bus.answers["picture"] = picture(OTHER, "p2")
    get()

    assert not media_storage().exists(first)
    assert media_storage().exists(Avatar.objects.get().file.name)


def test_nothing_is_fetched_because_somebody_changed_a_picture_nobody_asked_for(bus, account):
    fact = base.PictureChanged(chat=base.Party(jid=ANN), timestamp=time.time())

    avatars.picture_changed(account=account, fact=fact, at=timezone.now())

    assert bus.asked == []
    assert not Avatar.objects.exists()


def test_an_old_picture_is_shown_at_once_and_renewed_in_the_background(get, bus):
    bus.answers["picture"] = picture()
    get()
    later(fetched_at=timedelta(hours=25))
    bus.answers["picture"] = {"state": "unchanged"}

    assert get().json()["source"] == "cache"
    assert bus.ops() == ["picture"], "the request did not wait for WhatsApp"

    due = renewal.due(timezone.now(), 4)
    assert [renewal.renew(avatar) for avatar in due] == ["unchanged"]
    assert renewal.due(timezone.now(), 4) == []
    assert get().json()["id"] == "p1"


def test_a_workspace_that_wants_no_pictures_is_not_asked_in_the_background(get, bus, account):
    bus.answers["picture"] = TimeoutError()
    get()
    later(failed_at=timedelta(minutes=31), asked_at=timedelta(minutes=31))
    workspace = account.workspace
    preferences.change(workspace=workspace, actor="test", fetch_avatars=False)
    assert renewal.due(timezone.now(), 4) == []
    assert get().json()["source"] == "default"
    assert bus.ops() == ["picture"], "only before it was switched off"

    preferences.change(workspace=workspace, actor="test", fetch_avatars=True)
    assert len(renewal.due(timezone.now(), 4)) == 1


def test_the_background_gives_up_after_an_hour(get, bus):
    bus.answers["picture"] = TimeoutError()
    get()
    later(failed_at=timedelta(minutes=31), asked_at=timedelta(minutes=31))
    assert len(renewal.due(timezone.now(), 4)) == 1

    later(wanted_at=timedelta(minutes=61))

    assert renewal.due(timezone.now(), 4) == []
    assert Avatar.objects.get().wanted_at is None


def test_both_names_of_a_person_are_one_picture(get, bus, account):
    Contact.objects.create(account=account, jid=ANN, lid="90@lid")
    bus.answers["picture"] = picture()

    by_number, by_lid = get().json(), get("90@lid").json()

    assert (by_number["source"], by_lid["source"]) == ("live", "cache")
    assert by_lid["url"] == by_number["url"]


# Who may, and what may be asked ------------------------------------------------------------------


def test_outsiders_and_nonsense_get_a_problem_and_no_question_is_asked(get, api, bus, account):
    stranger = AccountFactory()
    for accept in ("application/json", "image/*"):
        foreign = api.get(
            f"/api/v1/accounts/{stranger.pk}/contacts/{ANN}/avatar", headers={"Accept": accept}
        )
        assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")
        for nonsense in ("x@y", "15550009@s.whatsapp.net@g.us", "..", "%00@lid", "1@lid%0a"):
            answer = get(nonsense, accept=accept)
            assert answer.status_code in (404, 422), nonsense
            assert answer["Content-Type"] == "application/problem+json"
    assert bus.asked == []


def test_a_device_of_a_person_has_the_persons_picture(get, bus):
    bus.answers["picture"] = picture()

    assert get("15550009:3@s.whatsapp.net").json()["source"] == "live"
    assert get("+15550009").json()["source"] == "cache"


def test_pictures_of_deleted_accounts_are_forgotten(get, bus, account):
    bus.answers["picture"] = picture()
    get()
    name = Avatar.objects.get().file.name
    account.deleted_at = timezone.now()
    account.save(update_fields=["deleted_at"])

    assert renewal.forget_deleted() == 1
    assert not media_storage().exists(name)
    assert not Avatar.objects.exists()


def test_the_metrics_of_both_seeds_are_exported(get, bus):
    bus.answers["picture"] = picture()
    get()
    tallies.count(tallies.AVATAR_PANICS)

    text = Client().get("/metrics").content.decode()

    assert 'whatsapp_avatar_fetch_total{status="success"} 1.0' in text
    assert 'whatsapp_avatar_fetch_total{status="timeout"} 0.0' in text
    assert "whatsapp_avatar_fetch_panics_total 1.0" in text
    assert "whatsapp_web_avatar_fetch_panics_total 1.0" in text
    assert 'whatsapp_web_api_connection_failures_total{endpoint="contact_info"} 0.0' in text
    assert 'whatsapp_web_message_processing_failures_total{reason="unreadable"} 0.0' in text
