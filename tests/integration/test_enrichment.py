"""Contacts are looked up after their messages are stored, and whatever happens then."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta

import pytest
from channels.db import database_sync_to_async as in_thread
from django.utils import timezone

from events.models import Event
from messaging import enrichment, inbox, tallies
from messaging.background import Enricher
from messaging.ingest import store_entry
from messaging.models import Contact, Enrichment, Message
from sessions_mgr.engines import base
from tests.fake_bus import Refusal, fake_bus  # noqa: F401 a fixture, by the name `bus`
from tests.integration.test_ingest import SENDER, entry, message
from tests.life import connected_account

pytestmark = pytest.mark.django_db

NOW = timezone.now()
ANN = {
    "jid": SENDER.jid,
    "lid": "",
    "full": "Ann Example",
    "first": "Ann",
    "push": "annie",
    "business": "",
}


@pytest.fixture
def account(db):
    return connected_account()


def turn(now):
    """One turn of the pipeline at the time `now`. How many accounts were asked about."""
    taken = enrichment.take(now, 4)
    for claimed in taken:
        fact = enrichment.look_up(claimed)
        enrichment.settle(claimed, fact, now=now, learn=inbox.record)
    return len(taken)


def start(account):
    """A message arrives; the time from which the look-up is due."""
    store_entry(*entry(account, message()))
    now = timezone.now()
    Enrichment.objects.update(due_at=now)
    return now


def test_seed_001_a_message_is_stored_under_its_push_name_while_the_worker_is_away(account, bus):
    """Message.count grows by one, and the sender has the push name of the message."""
    store_entry(*entry(account, message()))

    assert Message.objects.count() == 1
    assert Event.objects.get(type="message").data["sender"]["push_name"] == SENDER.push_name
    assert Contact.objects.get(jid=SENDER.jid).push_name == SENDER.push_name
    assert bus.asked == [], "nobody was asked anything on the way"


def test_seed_001_reactions_and_group_messages_are_stored_without_any_look_up(account, bus):
    group = base.Party(jid="120363230235309595@g.us", type="group")
    store_entry(*entry(account, message("3A01", chat=group)))
    reaction = base.ReactionReceived(
        wa_id="3FAAB0E5F16480E454D7",
        chat=group,
        sender=SENDER,
        from_me=False,
        timestamp=time.time(),
        target_wa_id="3A01",
        emoji="❤️",
    )
    store_entry(*entry(account, reaction))

    kinds = set(Event.objects.values_list("type", flat=True))
    assert {"message", "message.reaction"} <= kinds
    assert bus.asked == []


def test_a_name_that_becomes_known_is_told(account, bus):
    now = start(account)
    bus.answers["contact_names"] = {"contacts": [ANN, {**ANN, "jid": "1555@s.whatsapp.net"}]}

    assert turn(now) == 1

    contact = Contact.objects.get(jid=SENDER.jid)
    assert (contact.full_name, contact.name) == ("Ann Example", "Ann Example")
    told = Event.objects.get(type="contact.updated").data
    assert told["contact"]["jid"] == SENDER.jid
    assert "full_name" in told["changed"]
    assert Contact.objects.count() == 1, "the address book is not copied"
    assert turn(now + timedelta(hours=1)) == 0


def test_a_long_address_book_comes_in_pages(account, bus):
    now = start(account)

    def page(args):
        if not args["after"]:
            return {"contacts": [{**ANN, "jid": "1@s.whatsapp.net"}], "next": "1@s.whatsapp.net"}
        return {"contacts": [ANN], "next": ""}

    bus.answers["contact_names"] = page

    turn(now)

    assert Contact.objects.get(jid=SENDER.jid).full_name == "Ann Example"
    assert [a["after"] for a in bus.args("contact_names")] == ["", "1@s.whatsapp.net"]


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(None, id="no worker"),
        pytest.param(TimeoutError(), id="no answer"),
        pytest.param(Refusal("internal", "panic"), id="an engine error"),
        pytest.param({"contacts": "nonsense"}, id="nonsense"),
        pytest.param({}, id="nothing"),
    ],
)
def test_seed_001_a_failed_look_up_is_tried_after_1_2_and_4_seconds_and_then_left(
    account, bus, failure, caplog
):
    now = start(account)
    if failure is not None:
        bus.answers["contact_names"] = failure
    tried = []
    for tenth in range(200):
        at = now + timedelta(seconds=tenth / 10)
        if turn(at):
            tried.append(tenth / 10)

    assert tried == [0.0, 1.0, 3.0, 7.0]
    assert Enrichment.objects.get().due_at is None
    assert Message.objects.count() == 1
    assert not Event.objects.filter(type="contact.updated").exists()


def test_seed_001_the_next_message_starts_the_look_up_anew(account, bus):
    now = start(account)
    for seconds in (0, 1, 3, 7):
        turn(now + timedelta(seconds=seconds))
    assert Enrichment.objects.get().due_at is None

    store_entry(*entry(account, message("3A02")))
    bus.answers["contact_names"] = {"contacts": [ANN]}

    assert turn(timezone.now()) == 1
    assert Contact.objects.get().full_name == "Ann Example"


def test_a_worker_that_knew_nothing_more_is_not_asked_for_each_message(account, bus):
    now = start(account)
    bus.answers["contact_names"] = {"contacts": []}
    turn(now)

    for n in range(3):
        store_entry(*entry(account, message(f"3B0{n}")))

    assert turn(timezone.now()) == 0
    contact = Contact.objects.get()
    assert enrichment.want(contact, at=now + timedelta(hours=7)) is True


def test_many_contacts_of_an_account_are_one_question(account, bus):
    for n in range(5):
        sender = base.Party(jid=f"1555100{n}@s.whatsapp.net", push_name=f"P{n}")
        store_entry(*entry(account, message(f"3C{n}", chat=sender, sender=sender)))
    bus.answers["contact_names"] = {"contacts": []}

    assert turn(timezone.now()) == 1
    assert bus.ops() == ["contact_names"]
    assert not Enrichment.objects.exclude(due_at=None).exists()


def test_two_pipelines_do_not_look_up_the_same(account, bus):
    now = start(account)

    first, second = enrichment.take(now, 4), enrichment.take(now, 4)

    assert (len(first), len(second)) == (1, 0)
    later = now + enrichment.CLAIM + timedelta(seconds=1)
    assert len(enrichment.take(later, 4)) == 1, "and a process that died does not keep it for ever"


def test_what_comes_from_ourselves_or_from_history_is_not_looked_up(account, bus):
    store_entry(*entry(account, message("3D01", from_me=True)))
    store_entry(*entry(account, message("3D02", history=True)))

    assert not Enrichment.objects.exists()


def test_seed_001_a_failure_is_counted_and_logged(account, bus, caplog):
    now = start(account)

    with caplog.at_level(logging.WARNING):
        turn(now)

    assert tallies.read(tallies.CONNECTION_FAILURES) == {"contact_info": 1}
    told = next(r for r in caplog.records if "could not be looked up" in r.getMessage())
    assert (told.account, told.code, told.fallback_used) == (str(account.pk), "not_running", True)


@pytest.mark.django_db(transaction=True)
async def test_seed_001_the_loop_of_the_pipeline_finds_names_and_survives_errors(bus):
    """Gateway away: the message is there. Gateway back: the name is found out later."""
    account = await in_thread(connected_account)()
    await in_thread(store_entry)(*entry(account, message()))
    stop = asyncio.Event()
    loop = asyncio.ensure_future(Enricher(stop, asyncio.Lock()).run())

    async def until(look):
        for _ in range(400):
            if await in_thread(look)():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(look)

    await until(lambda: Enrichment.objects.filter(tries__gte=1).exists())
    bus.answers["contact_names"] = {"contacts": [ANN]}
    await until(lambda: Contact.objects.filter(full_name="Ann Example").exists())
    stop.set()
    await asyncio.wait_for(loop, 5)
