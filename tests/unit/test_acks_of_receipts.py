"""The ack of a receipt goes out when the receipt is stored, and never waits for ever."""

import pytest

from sessions_mgr.engines import neonize_patience
from sessions_mgr.engines.neonize_acks import KINDS, Acks
from sessions_mgr.engines.neonize_patience import REMEMBERED, Patience
from tests.unit.stanza_senders import Senders


def receipt(wa_id, kind="", who='from="7@lid"', inside=""):
    kind = f' type="{kind}"' if kind else ""
    end = f">{inside}</receipt>" if inside else "/>"
    return f'<receipt {who} id="{wa_id}" t="1795337168"{kind}{end}'.encode()


def ack(wa_id, kind="", who='to="7@lid"'):
    kind = f' type="{kind}"' if kind else ""
    return f'<ack class="receipt" id="{wa_id}" {who}{kind}/>'.encode()


class World(Senders):
    def __init__(self):
        self.time, self.ended = 1000.0, 1000.0
        self.patience = Patience(lambda: self.ended, clock=lambda: self.time)
        self.acks = Acks(self.patience)
        super().__init__(self.acks.sending)


@pytest.fixture(autouse=True)
def _look_often(monkeypatch):
    monkeypatch.setattr(neonize_patience, "LOOK_SECONDS", 0.01)


@pytest.fixture
def world():
    return World()


@pytest.mark.parametrize("kind", [kind.decode() for kind in KINDS])
def test_every_kind_that_we_report_waits_until_it_is_stored(world, kind):
    world.acks.received(receipt("A", kind))
    world.send(ack("A", kind))
    assert world.sent == []
    world.acks.stored("A", KINDS[kind.encode()])
    assert world.all_sent()


@pytest.mark.parametrize("kind", ["retry", "sender", "read-self", "hist_sync", "server-error"])
def test_other_kinds_do_not_wait(world, kind):
    world.acks.received(receipt("A", kind))
    world.send(ack("A", kind))
    assert world.sent == [ack("A", kind)]


def test_what_is_stored_already_or_never_came_is_acknowledged_at_once(world):
    world.acks.received(receipt("A"))
    world.acks.stored("A", "DELIVERED")
    world.send(ack("A"))
    world.send(ack("B"))
    assert world.sent == [ack("A"), ack("B")]


def test_read_is_not_delivered(world):
    world.acks.received(receipt("A"))
    world.acks.received(receipt("A", "read"))
    world.send(ack("A", "read"))
    world.acks.stored("A", "DELIVERED")
    assert world.sent == []
    world.acks.stored("A", "READ")
    assert world.all_sent()


def test_receipts_of_two_members_of_a_group_are_two(world):
    for who in ("8:1@lid", "9:1@lid"):
        world.acks.received(receipt("G", who=f'from="1@g.us" participant="{who}"'))
        world.send(ack("G", who=f'to="1@g.us" participant="{who}"'))
    world.acks.stored("G", "DELIVERED")
    assert world.sent == []
    world.acks.stored("G", "DELIVERED")
    assert world.all_sent()


def test_a_list_of_messages_is_one_receipt(world):
    more = '<list><item id="B"/><item id="C"/></list>'
    world.acks.received(receipt("A", "read", inside=more))
    world.send(ack("A", "read"))
    world.acks.stored("A", "READ")
    assert world.all_sent()


def test_a_receipt_of_many_members_waits_for_each_of_them(world):
    members = '<user jid="8@lid" t="1"/><user jid="9@lid" t="1"/>'
    inside = "".join(f'<participants key="{g}">{members}</participants>' for g in ("G1", "G2"))
    world.acks.received(receipt("S", "read", 'from="1@g.us"', inside))
    world.send(ack("S", "read", 'to="1@g.us"'))
    for wa_id in ("G1", "G1", "G2"):
        world.acks.stored(wa_id, "READ")
    assert world.sent == []
    world.acks.stored("G2", "READ")
    assert world.all_sent()


def test_a_receipt_that_never_comes_out_of_the_engine_is_acknowledged_when_all_is_quiet(world):
    world.acks.received(receipt("A"))
    world.send(ack("A"))
    world.time += neonize_patience.QUIET_SECONDS - 1
    assert world.sent == []
    world.time += 2
    assert world.all_sent()
    world.acks.received(receipt("A"))  # told again: it counts from the beginning
    world.send(ack("A"))
    world.acks.stored("A", "DELIVERED")
    assert world.all_sent()


def test_stanzas_that_are_nothing_of_the_kind_pass(world):
    world.acks.received(b'<message id="A" from="7@lid"/>')
    world.acks.stored("A", "DELIVERED")
    world.send(b'<ack class="message" id="A" to="7@lid"/>')
    world.send(b'<receipt id="A" to="7@lid"/>')
    assert len(world.sent) == 2


def test_what_is_never_acknowledged_is_forgotten_some_day(world):
    for n in range(REMEMBERED + 10):
        world.acks.received(receipt(str(n)))
    world.send(ack("0"))
    assert world.sent == [ack("0")]
    world.send(ack(str(REMEMBERED)))
    assert world.sent == [ack("0")]
    world.acks.stored(str(REMEMBERED), "DELIVERED")
    assert world.all_sent()
