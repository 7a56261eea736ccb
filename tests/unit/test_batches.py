"""What is remembered within one transaction, and no longer."""

from __future__ import annotations

import pytest

from events import batches


class Reads:
    """Counts how often somebody really looked."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return self.count


def test_outside_of_a_batch_nothing_is_remembered():
    look = Reads()
    assert [batches.once("key", look), batches.once("key", look)] == [1, 2]


def test_a_batch_within_a_batch_shares_what_the_outer_one_knows():
    look = Reads()
    with batches.batch():
        assert batches.once("before", look) == 1
        with batches.batch():
            assert batches.once("before", look) == 1
            assert batches.once("inside", look) == 2
        assert batches.once("inside", look) == 2  # the end of the inner one forgets nothing
        assert batches.once("before", look) == 1
    assert batches.once("before", look) == 3


def test_what_the_inner_batch_forgets_the_outer_one_forgets():
    look = Reads()
    with batches.batch():
        batches.once("one", look)
        batches.once("other", look)
        with batches.batch():
            batches.forget("one")
        assert batches.once("one", look) == 3
        assert batches.once("other", look) == 2


def test_a_batch_that_fails_leaves_nothing_behind():
    look = Reads()
    with pytest.raises(ValueError, match="undone"), batches.batch():
        batches.once("key", look)
        raise ValueError("undone")
    assert batches.once("key", look) == 2


def test_a_function_that_is_a_batch_begins_anew_with_each_call():
    look = Reads()
    asked = batches.batch()(lambda: [batches.once("key", look), batches.once("key", look)])
    assert [asked(), asked()] == [[1, 1], [2, 2]]
