"""Pictures that kill workers, and many who want the same one at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from messaging import avatars, tallies
from messaging.avatars import fetching, poison
from messaging.avatars.lookups import AT_ONCE, flights
from messaging.models import Avatar
from sessions_mgr.engines import base
from sessions_mgr.models import Session, WorkerExit
from tests.avatars import (  # noqa: F401 two fixtures, by the names `account` and `get`
    ANN,
    avatar_account,
    avatar_get,
    fetches,
    later,
    picture,
)
from tests.factories import api_key
from tests.fake_bus import Refusal, fake_bus  # noqa: F401 a fixture, by the name `bus`
from tests.life import connected_account

pytestmark = pytest.mark.django_db

# Pictures that kill ------------------------------------------------------------------------------


def crash(account, *, epoch, cause="SIGABRT"):
    WorkerExit.objects.create(
        account=account,
        epoch=epoch,
        node="n",
        cause=cause,
        detail="panic: unsupported payload type: *store.PrivacyToken",
    )


def test_seed_000_a_picture_that_kills_its_worker_kills_no_second_one(get, bus, account, caplog):
    """The question is noted before it is asked; the worker dies; nobody asks again for hours."""
    epoch = Session.objects.get(pk=account.pk).epoch

    def die(args):
        crash(account, epoch=epoch)
        raise TimeoutError

    bus.answers["picture"] = die

    told = get()

    assert (told.status_code, told.json()["source"]) == (200, "default")
    assert fetches() == {"panic": 1}
    assert tallies.read(tallies.AVATAR_PANICS) == {"": 1}
    assert "a worker died while it fetched a profile picture" in caplog.text
    bus.answers["picture"] = picture()
    later(failed_at=timedelta(hours=1))
    assert get().json()["source"] == "default"
    assert bus.ops() == ["picture"]
    Avatar.objects.update(poisoned_until=timezone.now())
    assert get().json()["source"] == "live", "and after that time it is tried again"


def test_a_crash_that_is_noticed_late_is_noticed_all_the_same(get, bus, account):
    bus.answers["picture"] = TimeoutError()
    get()
    assert fetches() == {"timeout": 1}
    crash(account, epoch=Session.objects.get(pk=account.pk).epoch)

    assert poison.judge_all(timezone.now()) == 1

    assert Avatar.objects.get().poisoned_until > timezone.now() + timedelta(hours=1)
    assert poison.judge_all(timezone.now()) == 0


def test_a_worker_that_answered_did_not_die_of_the_question(get, bus, account):
    """WhatsApp was too slow, the worker said so, and later it died of something else."""
    bus.answers["picture"] = Refusal("timeout", "WhatsApp did not answer within 1.8 s.")
    get()
    crash(account, epoch=Session.objects.get(pk=account.pk).epoch)

    assert poison.judge_all(timezone.now()) == 0
    assert Avatar.objects.get().poisoned_until is None


def test_a_crash_of_another_life_or_a_graceful_end_is_not_the_pictures_fault(get, bus, account):
    bus.answers["picture"] = TimeoutError()
    get()
    epoch = Session.objects.get(pk=account.pk).epoch
    crash(account, epoch=epoch + 1)
    crash(account, epoch=epoch, cause="logged_out")

    assert poison.judge_all(timezone.now()) == 0
    assert Avatar.objects.get().asked_at is not None
    assert poison.judge_all(timezone.now() + timedelta(minutes=2)) == 0
    assert Avatar.objects.get().asked_at is None


def test_the_next_life_of_a_worker_tells_which_picture_it_died_of(get, bus, account):
    fact = base.EngineCrashed(op="picture", subject=ANN, at=time.time())

    avatars.engine_crashed(account=account, fact=fact, at=timezone.now())
    avatars.engine_crashed(account=account, fact=fact, at=timezone.now())
    bus.answers["picture"] = picture()

    assert get().json()["source"] == "default"
    assert bus.asked == []
    assert tallies.read(tallies.AVATAR_PANICS) == {"": 1}, "told twice, counted once"


def test_each_further_crash_poisons_for_longer(account):
    now = timezone.now()
    for round in range(3):
        poison.engine_crashed(account=account, jid=ANN, detail="", now=now)
        avatar = Avatar.objects.get()
        assert avatar.crashes == round + 1
        length = avatar.poisoned_until - now
        assert length == timedelta(hours=2) * 4**round
        now = avatar.poisoned_until


def test_a_process_that_died_in_the_middle_of_its_question_blocks_nobody(get, bus, account):
    get()
    Avatar.objects.update(
        claim="gone", claimed_until=timezone.now() - timedelta(seconds=1), wanted_at=None
    )
    bus.answers["picture"] = picture()

    assert get().json()["source"] == "live"


# Many at once ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_seed_000_a_hundred_requests_at_once_are_one_question_and_leave_nothing_behind(
    workspace, bus, monkeypatch
):
    # A hundred threads on a busy machine: none of them shall give up for want of a processor.
    monkeypatch.setattr("messaging.avatars.lookups.PATIENCE", 30.0)
    account = connected_account(workspace=workspace)
    key = api_key(workspace)
    everybody = threading.Barrier(100)
    before = set(threading.enumerate())

    def slow(args):
        time.sleep(0.4)
        return picture()

    bus.answers["picture"] = slow

    def ask(_n):
        try:
            client = APIClient(headers={"Authorization": f"Bearer {key}"})
            everybody.wait(20)
            began = time.monotonic()
            answer = client.get(
                f"/api/v1/accounts/{account.pk}/contacts/{ANN}/avatar",
                headers={"Accept": "application/json"},
            )
            return answer.status_code, answer.json()["id"], time.monotonic() - began
        finally:
            connection.close()

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(ask, range(100)))

    assert {(status, id) for status, id, _ in answers} == {(200, "p1")}
    assert len(bus.asked) == 1
    assert len(flights) == 0
    assert set(threading.enumerate()) == before
    assert Avatar.objects.get().claim == ""
    assert fetches() == {"success": 1}


@pytest.mark.django_db(transaction=True)
def test_seed_000_a_question_without_an_answer_costs_each_request_two_and_a_half_seconds_at_most(
    workspace, bus
):
    account = connected_account(workspace=workspace)

    def silence(args):
        time.sleep(2.0)
        raise TimeoutError

    bus.answers["picture"] = silence

    def ask(_n):
        try:
            began = time.monotonic()
            return avatars.find(account, ANN).source, time.monotonic() - began
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(20)))

    assert {source for source, _ in answers} == {"default"}
    assert max(seconds for _, seconds in answers) < 5  # 2.2 and a busy machine
    assert (len(bus.asked), len(flights)) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_seed_000_a_hundred_pictures_at_once_ask_for_some_and_leave_the_rest_to_the_background(
    workspace, bus, monkeypatch
):
    monkeypatch.setattr("messaging.avatars.lookups.PATIENCE", 30.0)
    account = connected_account(workspace=workspace)
    most, here, lock, full = 0, 0, threading.Lock(), threading.Event()

    def hang(args):
        nonlocal most, here
        with lock:
            here += 1
            most = max(most, here)
        full.wait(20)
        with lock:
            here -= 1
        return picture()

    bus.answers["picture"] = hang

    def ask(n):
        try:
            return avatars.find(account, f"{n}@s.whatsapp.net").source
        finally:
            connection.close()

    with ThreadPoolExecutor(60) as pool:
        waiting = [pool.submit(ask, 15551000 + n) for n in range(60)]
        _done, asked = wait_for(waiting, timeout=20, return_when=FIRST_COMPLETED)
        while len(asked) > AT_ONCE:
            _done, asked = wait_for(asked, timeout=20, return_when=FIRST_COMPLETED)
        full.set()

    sources = [one.result() for one in waiting]
    assert (most, sources.count("live"), sources.count("default")) == (AT_ONCE, AT_ONCE, 48)
    assert Avatar.objects.exclude(wanted_at=None).count() == 48
    assert len(flights) == 0


@pytest.mark.django_db(transaction=True)
def test_another_process_that_asks_already_is_waited_for(workspace, bus, monkeypatch):
    monkeypatch.setattr("messaging.avatars.lookups.PATIENCE", 30.0)
    account = connected_account(workspace=workspace)
    avatar = Avatar.objects.create(account=account, jid=ANN)
    asking = threading.Event()
    go_on = threading.Event()

    def hold(args):
        asking.set()
        assert go_on.wait(5)
        return picture()

    bus.answers["picture"] = hold

    def elsewhere():
        try:
            fetching.fetch(avatar, account)
        finally:
            connection.close()

    other = threading.Thread(target=elsewhere)
    other.start()
    assert asking.wait(5)
    threading.Timer(0.2, go_on.set).start()
    found = avatars.find(account, ANN)
    other.join(5)

    assert (found.source, found.id) == ("live", "p1")
    assert len(bus.asked) == 1


def test_a_request_that_waited_for_its_turn_has_less_time_to_ask(account, bus):
    bus.answers["picture"] = picture()
    found = avatars.find(account, ANN, since=time.monotonic() - 1.2)
    assert found.source == "live"
    [told] = bus.args("picture")
    assert 0.2 < told["timeout"] <= 0.8


def test_a_request_that_comes_too_late_asks_nothing_and_the_wish_is_kept(account, bus):
    bus.answers["picture"] = picture()
    found = avatars.find(account, ANN, since=time.monotonic() - 2.0)
    assert (found.source, bus.asked, len(flights)) == ("default", [], 0)
    assert Avatar.objects.get().wanted_at is not None
