"""The timer of a chat: whose word counts, and that what we send takes it over."""

from __future__ import annotations

import pytest
from channels.db import database_sync_to_async as in_thread

from messaging import groups, threads
from messaging.models import Chat, Message
from sessions_mgr.engines import base
from tests.life import connected_account
from tests.outboxes import FakeWorker, outbox, queue
from tests.said import ANN, GROUP, NOON, hear, message, told

DAY, WEEK = 86_400, 604_800


def timer(seconds, at=NOON, chat=ANN, sender=ANN):
    return base.GroupChanged(chat, sender, at, settings={"expires_in": seconds})


def history(seconds, since=None, chat=ANN):
    known = {"jid": chat.jid, "lid": chat.lid, "expires_in": seconds, "expires_since": since}
    return base.ChatsSynced([known])


def group(seconds):
    return {"jid": GROUP.jid, "subject": "Lunch", "expires_in": seconds, "participants": []}


@pytest.mark.django_db
class TestWhoseWordCounts:
    @pytest.fixture
    def account(self):
        return connected_account()

    @pytest.mark.parametrize(
        ("facts", "seconds"),
        [
            pytest.param([timer(DAY)], DAY, id="set"),
            pytest.param([timer(DAY), timer(0, NOON + 1)], 0, id="set and turned off"),
            pytest.param([timer(DAY, NOON + 1), timer(WEEK)], DAY, id="an older word comes late"),
            pytest.param([timer(DAY), timer(DAY)], DAY, id="told twice"),
            pytest.param([timer(-5)], 0, id="less than nothing"),
            pytest.param([timer("week")], 0, id="no number"),
            pytest.param([timer(2**40)], 0, id="longer than anybody waits"),
            pytest.param([history(WEEK)], WEEK, id="the phone's history"),
            pytest.param([history(WEEK), timer(DAY)], DAY, id="news after history"),
            pytest.param([timer(DAY), history(WEEK)], DAY, id="history without a time after news"),
            pytest.param([timer(DAY), history(WEEK, NOON - 9)], DAY, id="older history after news"),
            pytest.param(
                [message(content={"expires_in": WEEK, "expires_since": NOON - 9})],
                WEEK,
                id="a message says since when",
            ),
            pytest.param(
                [message(content={"expires_in": WEEK})], 0, id="a message of another time"
            ),
            pytest.param(
                [timer(0), message(content={"expires_in": WEEK, "expires_since": NOON - 9})],
                0,
                id="a message of before it was turned off",
            ),
            pytest.param(
                [message(content={"expires_in": DAY, "expires_since": NOON + WEEK})],
                0,
                id="a timer of a time to come",
            ),
        ],
    )
    def test_of_a_chat_of_two(self, account, facts, seconds):
        hear(account, *facts)

        [shown] = threads.describe_chats(account, Chat.objects.all())
        assert shown["disappearing_seconds"] == seconds

    @pytest.mark.parametrize(
        ("facts", "seconds"),
        [
            pytest.param(
                [base.GroupJoined(GROUP, NOON, "Lunch", expires_in=DAY)], DAY, id="joined"
            ),
            pytest.param(
                [base.GroupJoined(GROUP, NOON, "Lunch"), timer(WEEK, chat=GROUP)], WEEK, id="set"
            ),
            pytest.param(
                [
                    timer(0, NOON - 99, chat=GROUP),
                    message(chat=GROUP, content={"expires_in": DAY, "expires_since": NOON - 9}),
                ],
                0,
                id="a member's message sets nothing",
            ),
        ],
    )
    def test_of_a_group(self, account, facts, seconds):
        hear(account, *facts)

        assert Chat.objects.get(jid=GROUP.jid).disappearing_seconds == seconds

    def test_a_group_that_is_asked_for_says_what_is_now_and_a_later_change_counts(self, account):
        hear(account, base.GroupJoined(GROUP, NOON, "Lunch", expires_in=DAY))

        groups.described(account, group(WEEK))
        assert Chat.objects.get().disappearing_seconds == WEEK

        hear(account, timer(0, NOON + 1, chat=GROUP))
        assert Chat.objects.get().disappearing_seconds == 0

    def test_two_chats_that_turn_out_to_be_one_keep_the_newer_timer(self, account):
        by_number, by_lid = base.Party(ANN.jid), base.Party(ANN.lid, ANN.lid)
        hear(account, timer(DAY, NOON + 5, by_lid), timer(WEEK, NOON, by_number))

        hear(account, message())

        assert [chat.disappearing_seconds for chat in Chat.objects.all()] == [DAY]

    def test_it_is_told_for_a_chat_of_two_as_for_a_group(self, account):
        hear(account, timer(DAY))

        assert told(account, "group.updated")[0]["settings"] == {"expires_in": DAY}


@in_thread
def chat_with_timer(seconds):
    account = connected_account()
    hear(account, message(), timer(seconds))
    return account


@in_thread
def put(account, **body):
    return queue(account, to=ANN.jid, **body)


@in_thread
def hears(account, *facts):
    hear(account, *facts)


@in_thread
def look(queued):
    return Message.objects.get(pk=queued.pk)


@pytest.mark.django_db(transaction=True)
class TestWhatWeSend:
    async def test_takes_over_the_timer(self):
        account = await chat_with_timer(WEEK)
        queued = await put(account)
        async with outbox() as it:
            await it.until_quiet()

        [sent] = it.worker.sent
        assert (sent["content"]["expires_in"], sent["content"]["expires_since"]) == (WEEK, NOON)
        assert (await look(queued)).content["expires_in"] == WEEK

    async def test_has_none_where_it_is_off(self):
        account = await chat_with_timer(0)
        await put(account)
        async with outbox() as it:
            await it.until_quiet()

        assert "expires_in" not in it.worker.sent[0]["content"]

    async def test_a_reaction_has_none(self):
        account = await chat_with_timer(WEEK)
        known = await in_thread(Message.objects.get)()
        await put(account, text=None, type="reaction", message_id=str(known.pk), emoji="👍")
        async with outbox() as it:
            await it.until_quiet()

        [sent] = it.worker.sent
        assert sent["content"]["type"] == "reaction"
        assert "expires_in" not in sent["content"]

    async def test_what_waited_gets_the_timer_of_its_first_try_and_keeps_it(self):
        account = await chat_with_timer(WEEK)
        queued = await put(account)
        await hears(account, timer(DAY, NOON + 1))
        worker = FakeWorker()
        worker.fail("send", "timeout")  # it may have gone out by now
        async with outbox(worker) as it:
            await it.until_quiet()
            await hears(account, timer(0, NOON + 2))
            await it.pass_time(30)

        [sent] = worker.sent
        assert sent["content"]["expires_in"] == DAY
        assert (await look(queued)).content["expires_in"] == DAY
