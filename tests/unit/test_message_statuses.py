"""Receipts only move a message forward."""

from __future__ import annotations

import pytest

from messaging.statuses import BEFORE, STEPS, Status, is_further


@pytest.mark.parametrize("status", [s for s in Status if s not in STEPS])
def test_whatever_we_assumed_a_receipt_knows_better(status):
    assert all(is_further(step, status) for step in STEPS)


def test_the_steps_have_one_direction():
    order = ["sent", "delivered", "read", "played"]
    further = {(new, old) for new in order for old in order if is_further(new, old)}
    assert further == {(order[n], order[o]) for n in range(4) for o in range(n)}


def test_nothing_moves_to_what_is_no_step():
    assert set(BEFORE) == set(STEPS)
    assert not is_further("queued", "sent")
