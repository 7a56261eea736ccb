"""A message that came again and cannot be read twice is told as lost only where it is."""

import pytest

from sessions_mgr.engines import base
from sessions_mgr.engines.neonize_guard import Guard


class World:
    def __init__(self):
        self.told = []
        config = base.EngineConfig(store_path="postgres://nowhere", device_name="test")
        self.guard = Guard(config, listener=None, log=lambda *_: None, tell=self.told.append)

    def arrives(self, wa_id, parts=1):
        encs = '<enc type="msg" v="2"/>' * parts
        line = f'<message from="7@lid" id="{wa_id}" t="1795337168" type="text">{encs}</message>'
        self.guard.on_stanza(False, line.encode())

    def is_dropped(self, wa_id):
        line = f"Ignoring message {wa_id} from 7@lid: received message with old counter (1, 2)"
        self.guard.on_log("Client", "WARN", line)


@pytest.fixture
def world():
    return World()


def test_one_that_a_killed_life_had_in_hand_is_told(world):
    world.arrives("3EB0A1")
    world.is_dropped("3EB0A1")
    (fact,) = world.told
    assert (fact.wa_id, fact.detail) == ("3EB0A1", base.SEEN_BEFORE)


def test_one_whose_first_copy_is_on_its_way_to_us_is_not(world):
    world.arrives("3EB0A1")
    world.arrives("3EB0A1")  # on a line that was renewed
    world.is_dropped("3EB0A1")
    assert world.told == []


def test_one_of_several_parts_is_told_once(world):
    world.arrives("3EB0A1", parts=2)
    world.is_dropped("3EB0A1")
    world.is_dropped("3EB0A1")
    assert [fact.wa_id for fact in world.told] == ["3EB0A1"]


def test_one_that_never_arrived_in_this_life_is_told(world):
    """Its stanza was not seen: better one word too many than one too few."""
    world.is_dropped("3EB0A1")
    assert [fact.wa_id for fact in world.told] == ["3EB0A1"]
