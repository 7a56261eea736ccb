"""When a snapshot is due: a pure decision."""

from __future__ import annotations

import pytest

from sessions_mgr.snapshots.schedule import Facts, due
from sessions_mgr.snapshots.tables import size, table

DAY = 86_400.0
NOW = 100 * DAY
LINKED = {"connected_at": NOW - 3 * DAY, "device_jid": "1:1@s.whatsapp.net"}


def is_due(*, interval=DAY, **facts):
    base = {"changed_at": NOW, "connected_at": None, "device_jid": "", "last_at": None}
    return due(Facts(**base | facts), now=NOW, interval=interval)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param({"connected_at": NOW - 5}, False, id="just paired: its keys still change"),
        pytest.param({"connected_at": NOW - 61}, True, id="paired a minute ago, never saved"),
        pytest.param({"changed_at": NOW - 61}, True, id="at rest and never saved"),
        pytest.param({"changed_at": None}, False, id="no store here"),
        pytest.param(
            {**LINKED, "last_at": NOW - DAY - 1, "last_device_jid": LINKED["device_jid"]},
            True,
            id="changed, a day old",
        ),
        pytest.param(
            {**LINKED, "last_at": NOW - DAY + 1, "last_device_jid": LINKED["device_jid"]},
            False,
            id="changed, not yet a day old",
        ),
        pytest.param(
            {"changed_at": NOW - 3 * DAY, "last_at": NOW - 2 * DAY}, False, id="nothing has changed"
        ),
        pytest.param(
            {**LINKED, "connected_at": NOW - 61, "last_at": NOW - 100, "last_device_jid": "2:1@x"},
            True,
            id="linked anew since the last one",
        ),
        pytest.param(
            {**LINKED, "last_at": NOW - 100, "last_device_jid": "2:1@x"},
            False,
            id="another device, saved since it connected: never more often than the interval",
        ),
    ],
)
def test_when_a_snapshot_is_due(facts, expected):
    assert is_due(**facts) is expected


def test_an_interval_of_zero_turns_it_off():
    assert not is_due(interval=0, changed_at=NOW - 5 * DAY)


def test_a_table_is_as_wide_as_it_needs_to_be():
    rows = [{"a_b": "long text", "bytes": 1536}, {"a_b": None, "bytes": 3}]
    assert table(rows, ["a_b", "bytes"]).splitlines() == [
        "a b        bytes",
        "long text  1.5 KiB",
        "-          3 B",
    ]
    assert table([], ["a"]) == "(none)"
    assert size(5 * 1024**4) == "5120.0 GiB"
