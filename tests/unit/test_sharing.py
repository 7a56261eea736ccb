"""An answer that many share: made once, not kept for long, and never a failure."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from console.sharing import Shared


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_an_answer_is_shared_until_it_is_old(clock):
    made = []
    shared = Shared(lambda key: made.append(key) or len(made), 4.0, clock)
    assert [shared.get("en"), shared.get("en"), shared.get("de")] == [1, 1, 2]
    clock.now += 3.9
    assert shared.get("en") == 1
    clock.now += 0.1
    assert shared.get("en") == 3
    assert made == ["en", "de", "en"]


def test_it_is_as_old_as_its_end_however_long_it_took(clock):
    def slow(_key):
        clock.now += 10
        return clock.now

    shared = Shared(slow, 4.0, clock)
    assert shared.get("en") == shared.get("en")


def test_what_is_forgotten_is_made_anew(clock):
    made = iter(range(9))
    shared = Shared(lambda _key: next(made), 4.0, clock)
    shared.get("en")
    shared.forget()
    assert shared.get("en") == 1


def test_a_failure_is_nobody_elses_answer(clock):
    answers = iter([RuntimeError("away"), "fine"])

    def make(_key):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    shared = Shared(make, 4.0, clock)
    with pytest.raises(RuntimeError):
        shared.get("en")
    assert shared.get("en") == "fine"


def test_who_asks_meanwhile_waits_for_the_same_answer(clock):
    begun, go = threading.Event(), threading.Event()
    made = []

    def make(key):
        begun.set()
        assert go.wait(10)
        made.append(key)
        return "answer"

    shared = Shared(make, 4.0, clock)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(shared.get, "en")
        assert begun.wait(10)
        others = [pool.submit(shared.get, "en") for _ in range(3)]
        go.set()
        assert {future.result(10) for future in (first, *others)} == {"answer"}
    assert made == ["en"]
