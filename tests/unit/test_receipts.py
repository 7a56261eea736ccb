"""A receipt goes out when its message is stored, and never waits for ever."""

import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions_mgr.engines import neonize_patience, neonize_receipts
from sessions_mgr.engines.neonize_patience import Patience
from sessions_mgr.engines.neonize_receipts import Receipts
from tests.unit.stanza_senders import Senders


def message(wa_id, parts=1, name="Ann"):
    encs = '<enc type="msg" v="2"><!-- 9 bytes --></enc>' * parts
    head = f'<message from="7@lid" id="{wa_id}" notify="{name}" t="1795337168" type="text">'
    return f"{head}{encs}</message>".encode()


def receipt(wa_id, kind="inactive", who='to="7@lid"'):
    kind = f' type="{kind}"' if kind else ""
    return f'<receipt id="{wa_id}" {who}{kind}/>'.encode()


def ack_of_receipt(wa_id):
    return f'<ack class="receipt" from="7@lid" id="{wa_id}" type="inactive"/>'.encode()


def ack_of_message(wa_id, more=""):
    return f'<ack class="message" id="{wa_id}" to="7@lid"{more}/>'.encode()


class World(Senders):
    """Receipts with a clock that the test moves, and threads that send."""

    def __init__(self):
        self.time = 1000.0
        self.running = False
        self.ended = 0.0
        self.dropped = []
        self.settled = []
        self.patience = Patience(
            lambda: None if self.running else self.ended, clock=lambda: self.time
        )
        self.receipts = Receipts(
            self.patience,
            on_dropped=lambda lost: self.dropped.append(lost),
            on_settled=self.settled.append,
            now=lambda: self.time,
        )
        super().__init__(self.receipts.sending)


@pytest.fixture(autouse=True)
def _look_often(monkeypatch):
    monkeypatch.setattr(neonize_patience, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(neonize_receipts, "ACK_DELAY_SECONDS", 0.001)


@pytest.fixture
def world():
    return World()


def test_seed_001_a_receipt_waits_until_its_message_is_stored(world):
    world.receipts.received(message("A"))
    world.receipts.received(message("B"))
    world.send(receipt("A"))
    world.send(receipt("B"))
    assert world.sent == []
    world.receipts.stored("B")
    world.threads[1].join(5)
    assert world.sent == [receipt("B")]
    world.receipts.stored("A")
    assert world.all_sent() and world.dropped == []


@pytest.mark.parametrize("kind", ["", "inactive", "sender", "peer_msg"])
def test_every_kind_of_confirmation_waits(world, kind):
    world.receipts.received(message("A"))
    world.send(receipt("A", kind))
    assert world.sent == []
    world.receipts.stored("A")
    assert world.all_sent()


@pytest.mark.parametrize("kind", ["read", "played", "retry", "read-self", "hist_sync"])
def test_other_receipts_do_not_wait(world, kind):
    world.receipts.received(message("A"))
    world.send(receipt("A", kind))
    assert world.sent == [receipt("A", kind)]


def test_a_receipt_of_what_never_came_or_is_stored_already_goes_at_once(world):
    world.receipts.received(message("A"))
    world.receipts.stored("A")
    world.send(receipt("A"))
    world.send(receipt("unknown"))
    assert len(world.sent) == 2


def test_a_group_message_is_stored_when_all_its_parts_are(world):
    world.receipts.received(message("G", parts=2))
    world.send(receipt("G", who='participant="8:3@lid" to="1@g.us"'))
    world.receipts.stored("G")
    assert world.sent == []
    world.receipts.stored("G")
    assert world.all_sent()


def test_a_name_that_looks_like_a_part_of_a_message_is_only_a_name(world):
    name = '"><enc type="msg"/><enc t="1" id="other'
    world.receipts.received(message("A", name=name))
    world.send(receipt("A"))
    world.receipts.stored("A")
    assert world.all_sent() and world.dropped == []


def test_a_message_that_was_delivered_again_while_it_is_on_its_way_waits_for_the_first_copy(world):
    world.receipts.received(message("A"))
    world.receipts.received(message("A"))
    world.receipts.ignored("A")
    world.send(receipt("A"))
    assert world.sent == []
    world.receipts.stored("A")
    assert world.all_sent()


def test_while_a_callback_runs_a_receipt_waits_however_long_it_takes(world):
    world.receipts.received(message("A"))
    world.running = True
    world.send(receipt("A"))
    world.time += 1000
    time.sleep(0.05)
    assert world.sent == [] and world.dropped == []
    world.receipts.stored("A")
    assert world.all_sent()


def test_when_all_is_quiet_a_message_that_never_came_is_told_and_its_receipt_goes(world):
    world.receipts.received(message("A"))
    world.send(receipt("A", who='participant="8:3@lid" to="1@g.us"'))
    world.ended = world.time = world.time + 9
    time.sleep(0.05)
    assert world.sent == []
    world.time += neonize_patience.QUIET_SECONDS
    assert world.all_sent()
    assert [(d.wa_id, d.chat, d.sender) for d in world.dropped] == [("A", "1@g.us", "8:3@lid")]


def test_when_many_later_ones_came_a_message_will_not_come_any_more(world):
    world.receipts.received(message("A"))
    world.running = True
    world.send(receipt("A"))
    for _ in range(neonize_patience.LATER_CALLBACKS + 1):
        world.patience.called_back()
    assert world.all_sent()
    assert [d.wa_id for d in world.dropped] == ["A"]


def test_a_part_that_has_no_meaning_delays_the_receipt_and_is_no_loss(world):
    world.receipts.received(message("A", parts=2))
    world.receipts.stored("A")
    world.send(receipt("A"))
    world.time += 2 * neonize_patience.QUIET_SECONDS
    assert world.all_sent() and world.dropped == []


def test_an_unreadable_message_is_acknowledged_when_it_is_on_record_and_asked_for_again(world):
    world.receipts.received(message("A"))
    world.send(ack_of_message("A"))
    assert world.sent == []
    world.receipts.unreadable("A")
    time.sleep(0.05)
    assert world.sent == []
    world.send(receipt("A", "retry"))
    assert world.all_sent()


def test_what_cannot_be_asked_for_again_is_acknowledged_after_a_while(world):
    world.receipts.received(message("A"))
    world.receipts.unreadable("A")
    world.send(ack_of_message("A"))
    assert world.sent == []
    world.time += 2 * neonize_patience.QUIET_SECONDS
    assert world.all_sent()


def test_an_acknowledgement_of_what_has_no_content_goes_at_once(world):
    world.receipts.received(b'<message from="7@lid" id="A" t="1795337168"><unavailable/></message>')
    world.receipts.unreadable("A")
    world.send(ack_of_message("A"))
    assert world.sent == [ack_of_message("A")]


def test_a_refusal_does_not_wait_for_a_retry(world):
    world.receipts.received(message("A"))
    world.receipts.unreadable("A")
    world.send(ack_of_message("A", ' error="487"'))
    assert world.all_sent()


def test_what_is_settled_ends_where_the_oldest_unconfirmed_message_begins(world):
    world.receipts.received(message("A"))
    world.time = 1001.0
    world.receipts.received(message("B"))
    world.time = 1002.0
    for wa_id in "BA":
        world.receipts.stored(wa_id)
        world.receipts.received(ack_of_receipt(wa_id))
    assert world.settled == [1000.0, 1002.0]


def test_when_no_receipt_is_seen_any_more_nothing_is_called_settled(world):
    for n in range(neonize_receipts.BLIND_AFTER + 1):
        world.receipts.received(message(f"M{n}"))
        world.receipts.stored(f"M{n}")
    assert world.receipts.blind
    world.receipts.received(ack_of_receipt("M0"))
    assert world.settled == []


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_receipt_ever_overtakes_its_message(data):
    """Any order in which messages arrive, are stored and receipts are tried."""
    world = World()
    parts = {f"M{n}": data.draw(st.integers(1, 2)) for n in range(data.draw(st.integers(1, 5)))}
    steps = [(wa_id, step) for wa_id, n in parts.items() for step in ["send"] + ["store"] * n]
    steps = data.draw(st.permutations(steps))
    for wa_id, n in parts.items():
        world.receipts.received(message(wa_id, parts=n))
    left = dict(parts)
    for wa_id, step in steps:
        if step == "store":
            left[wa_id] -= 1
            world.receipts.stored(wa_id)
        else:
            thread = threading.Thread(
                target=lambda wa_id=wa_id: (
                    world.receipts.sending(receipt(wa_id)),
                    world.sent.append((wa_id, left[wa_id])),
                ),
                daemon=True,
            )
            world.threads.append(thread)
            thread.start()
    assert world.all_sent() and world.dropped == []
    assert sorted(world.sent) == sorted((wa_id, 0) for wa_id in parts)
