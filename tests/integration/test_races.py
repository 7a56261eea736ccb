"""The same verbs from many threads at once. On PostgreSQL; SQLite has one writer anyway."""

from __future__ import annotations

import threading

import pytest
from django.utils import timezone

from accounts.models import WhatsAppAccount
from events.models import Event, Log
from messaging import chats
from messaging.ingest import store_batch
from messaging.models import Chat, Message
from messaging.outbox import orders, requests, settling
from sessions_mgr import assignments, facts, services
from sessions_mgr.engines import base
from sessions_mgr.models import Session, StatusChange
from sessions_mgr.states import Desired, Status
from tests.factories import AccountFactory, WorkspaceFactory
from tests.life import LINKED, connected_account, start
from tests.product import eventually
from tests.races import THREADS, at_once, needs_many_writers, somebody_waits_for_us
from tests.said import ANN, BOB, entry, hear, message

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgres,
]


def test_eight_disconnects_at_once_are_one():
    account = connected_account()
    epoch = Session.objects.get(pk=account.pk).epoch

    results = at_once(lambda n: services.request_disconnect(account=account)[1])

    session = Session.objects.get(pk=account.pk)
    assert sorted(results) == [False] + [True] * (THREADS - 1)
    assert (session.status, session.epoch) == (Status.DISCONNECTED, epoch + 1)
    assert StatusChange.objects.filter(account=account, to_status="disconnected").count() == 1


def test_eight_connects_at_once_are_one():
    account = AccountFactory()

    at_once(lambda n: services.request_connect(account=account))

    assert Session.objects.get(pk=account.pk).status == Status.STARTING
    assert StatusChange.objects.filter(account=account).count() == 1


def test_eight_nodes_get_one_assignment():
    account = AccountFactory()
    epoch = services.request_connect(account=account).epoch

    results = at_once(
        lambda n: assignments.take_assignment(
            account_id=account.pk, node=f"node-{n}", seen_epoch=epoch
        )
    )

    assert [r for r in results if r is not None] == [epoch + 1]


def test_connect_and_disconnect_in_a_storm_end_in_a_state_that_is_whole():
    account = AccountFactory()
    verbs = [services.request_connect, services.request_disconnect, services.request_restart]

    at_once(lambda n: verbs[n % 3](account=account), times=30)

    session = Session.objects.get(pk=account.pk)
    assert session.status in (Status.STARTING, Status.DISCONNECTED)
    assert (session.desired == Desired.CONNECTED) == (session.status == Status.STARTING)


def test_disconnect_wins_over_a_connected_that_arrives_at_the_same_moment():
    account = connected_account()
    epoch = Session.objects.get(pk=account.pk).epoch

    def race(n):
        if n == 0:
            services.request_disconnect(account=account)
        else:
            facts.record_fact(
                account_id=account.pk,
                epoch=epoch,
                fact=base.Connected(**LINKED),
                at=account.created_at,
            )

    at_once(race)

    account.refresh_from_db()
    assert Session.objects.get(pk=account.pk).status == Status.DISCONNECTED
    assert account.phone_number is None


def test_the_log_is_gapless_and_ordered_whoever_writes():
    workspace = WorkspaceFactory()
    accounts = [AccountFactory(workspace=workspace) for _ in range(THREADS)]

    at_once(lambda n: services.request_connect(account=accounts[n % THREADS]), times=THREADS)
    at_once(lambda n: services.request_disconnect(account=accounts[n % THREADS]), times=THREADS)

    seqs = list(
        Event.objects.filter(workspace=workspace).order_by("seq").values_list("seq", flat=True)
    )
    assert seqs == list(range(1, 2 * THREADS + 1))
    assert Log.objects.get(workspace=workspace).last_seq == 2 * THREADS


def test_one_phone_scanned_by_eight_accounts_at_once_links_one():
    workspace = WorkspaceFactory()
    accounts = [AccountFactory(workspace=workspace) for _ in range(THREADS)]
    epochs = [start(account) for account in accounts]

    at_once(
        lambda n: facts.record_fact(
            account_id=accounts[n].pk,
            epoch=epochs[n],
            fact=base.Connected(**LINKED),
            at=accounts[n].created_at,
        )
    )

    statuses = sorted(Session.objects.values_list("status", flat=True))
    assert statuses == ["connected"] + ["failed"] * (THREADS - 1)
    assert WhatsAppAccount.objects.exclude(phone_number=None).count() == 1


@needs_many_writers
def test_a_message_to_a_chat_that_becomes_one_with_another_at_this_moment_is_accepted(monkeypatch):
    account = connected_account()
    for name in (ANN.lid, ANN.jid):
        chats.of(account, base.Party(name))
    find = orders._chat

    def find_and_be_overtaken(*args):
        found = find(*args)
        at_once(lambda n: chats.of(account, ANN), times=1)
        return found

    monkeypatch.setattr(orders, "_chat", find_and_be_overtaken)
    order = requests.parse({"to": ANN.jid, "type": "text", "text": "hello"})
    message, created = orders.enqueue(account=account, order=order, by="key:test")

    assert created
    assert Message.objects.get().chat_row == Chat.objects.get()
    assert message.outgoing.lane == ANN.jid


@needs_many_writers
def test_what_comes_in_and_what_goes_out_in_one_chat_do_not_wait_for_each_other(monkeypatch):
    account = connected_account()
    for party in (BOB, ANN):
        hear(account, message(f"first of {party.push_name}", chat=party, sender=party))
    order = requests.parse({"to": ANN.jid, "type": "text", "text": "hello"})
    ours, _ = orders.enqueue(account=account, order=order, by="key:test")
    note, chat_is_held = chats.note, threading.Event()

    def note_and_hold(chat, row):
        note(chat, row)
        if row.pk == ours.pk:
            chat_is_held.set()
            eventually(somebody_waits_for_us, what="the other waits for the chat")

    monkeypatch.setattr(chats, "note", note_and_hold)

    def outbox_or_ingest(n):
        if n == 0:
            return settling.sent(ours.pk, wa_id="3EB0", at=timezone.now())
        assert chat_is_held.wait(10)
        return store_batch(
            [entry(account, message(p.push_name, chat=p, sender=p)) for p in (BOB, ANN)]
        )

    assert at_once(outbox_or_ingest, times=2) == [True, 2]
    assert Message.objects.count() == 5
    assert Log.objects.get().last_seq == Event.objects.count()
