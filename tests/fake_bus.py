"""A bus with one pretended worker behind it: answers commands as a test says, and notes them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from sessions_mgr.bus import carriers
from sessions_mgr.bus.client import BusUnavailable, NoResponders

Answer = Callable[[dict[str, Any]], dict[str, Any]] | dict[str, Any] | Exception


class Refusal(Exception):
    """The worker's {code, detail}."""

    def __init__(self, code: str, detail: str = "because of the test") -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


class FakeBus:
    """`answers[op]` is a result, a function of the args, or an exception to raise.

    Without an entry nobody listens. `asked` holds (account id, op, args, timeout).
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, str, dict[str, Any], float]] = []
        self._lock = threading.Lock()

    def request(self, subject: str, payload: dict[str, Any], timeout: float) -> dict[str, Any]:
        if not subject.startswith("cmd."):
            raise NoResponders(subject)
        op, args = payload["op"], payload["args"]
        with self._lock:
            self.asked.append((subject.removeprefix("cmd."), op, args, timeout))
        answer = self.answers.get(op, NoResponders(subject))
        try:
            if callable(answer):
                answer = answer(args)
            if isinstance(answer, Exception):
                raise answer
        except Refusal as exc:
            return {"ok": False, "error": {"code": exc.code, "detail": exc.detail}}
        return {"ok": True, "result": answer}

    def ops(self) -> list[str]:
        return [op for _account, op, _args, _timeout in self.asked]

    def args(self, op: str) -> list[dict[str, Any]]:
        return [args for _account, asked, args, _timeout in self.asked if asked == op]

    def publish(self, subject: str, payload: Any) -> None:
        """Hints are for nobody here."""

    def subscribe(self, subject: str, callback: Any) -> None:
        """Nothing ever comes."""

    def request_all(self, subject: str, payload: Any, seconds: float) -> list[dict[str, Any]]:
        raise BusUnavailable("there is no bus in this test")

    def wait_until_connected(self, timeout: float) -> bool:
        return True


@pytest.fixture(name="bus")
def fake_bus(monkeypatch: pytest.MonkeyPatch) -> FakeBus:
    made = FakeBus()
    monkeypatch.setattr(carriers, "current", lambda: made)
    return made
