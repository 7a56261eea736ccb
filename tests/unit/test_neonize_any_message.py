"""Whatever WhatsApp sends: no message ends the worker, and none that says something vanishes."""

import json
import random

import pytest

from sessions_mgr.engines import base, neonize_contents, neonize_messages
from tests.unit.messages import content, event


def every_field():
    return [field.name for field in content().DESCRIPTOR.fields]


def fill(message, rng, depth):
    """Set random fields of a protobuf message, down to `depth`."""
    fields = list(message.DESCRIPTOR.fields)
    for field in rng.sample(fields, min(len(fields), rng.randint(1, 6))):
        values = [_value(field, rng) for _ in range(rng.randint(1, 3))]
        if field.message_type is None:
            if field.is_repeated:
                getattr(message, field.name).extend(values)
            else:
                setattr(message, field.name, values[0])
        elif field.is_repeated:
            if depth and not field.message_type.GetOptions().map_entry:
                fill(getattr(message, field.name).add(), rng, depth - 1)
        else:
            getattr(message, field.name).SetInParent()
            if depth:
                fill(getattr(message, field.name), rng, depth - 1)


def _value(field, rng):
    if field.enum_type is not None:
        return rng.choice(field.enum_type.values).number
    match field.cpp_type:
        case field.CPPTYPE_STRING:
            text = rng.choice(["", "x", "a@b", "1:2@s.whatsapp.net", "‮emoji 👩‍👩‍👧", "\x00"])
            return text if field.type == field.TYPE_STRING else text.encode()
        case field.CPPTYPE_BOOL:
            return rng.choice([True, False])
        case field.CPPTYPE_DOUBLE | field.CPPTYPE_FLOAT:
            return rng.choice([0.0, -1.5, float("inf"), float("nan")])
        case field.CPPTYPE_UINT32 | field.CPPTYPE_UINT64:
            return rng.choice([0, 1, 2**31, 2**32 - 1])
        case _:
            return rng.choice([0, 1, -1, 2**31 - 1])


@pytest.mark.parametrize("name", every_field())
def test_no_message_ends_the_worker_or_vanishes(name, caplog):
    rng = random.Random(name)
    for _ in range(25):
        said = content()
        field = said.DESCRIPTOR.fields_by_name[name]
        if field.message_type is None:
            setattr(said, name, "text")
        else:
            getattr(said, name).SetInParent()
            fill(getattr(said, name), rng, depth=3)
        fact = neonize_messages.message(event(said))
        if fact is not None:
            wire = json.dumps(fact.to_wire(), allow_nan=False)
            assert base.from_wire(json.loads(wire)) == fact
        else:
            inner = neonize_contents.unwrap(said)[0]
            quiet = neonize_contents.field_of(inner)
            assert quiet in ("", "protocolMessage")
    assert "could not be read" not in caplog.text
