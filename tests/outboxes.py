"""An outbox that a test drives by hand: a worker with a ledger, a clock that the test moves."""

from __future__ import annotations

import asyncio
import base64
from contextlib import asynccontextmanager
from datetime import timedelta

from django.utils import timezone

from messaging.outbox import orders, requests
from messaging.outbox.dispatcher import Dispatcher
from sessions_mgr.commands import CommandFailed


class Killed(BaseException):
    """The process ends here, as by kill -9."""


class FakeWorker:
    """What a worker promises of `send`, in memory: once per request id, whatever gets lost.

    `sent` is what WhatsApp got, in order. `fail(op, code)` refuses the next call, `lose_answer()`
    sends and answers nothing, `die_before(...)`/`die_after(...)` kill the caller around an op.
    """

    def __init__(self) -> None:
        self.sent: list[dict] = []
        self.calls: list[tuple[str, dict]] = []
        self.done: dict[str, dict] = {}
        self.begun_before: set[str] = set()  # begun in an earlier life, outcome unknown
        self.ledger_since = 0  # epoch
        self.remembers = False  # the wa_ids of what was begun
        self.files: dict[str, bytes] = {}
        self.unregistered: set[str] = set()
        self._failures: list[tuple[str, CommandFailed]] = []
        self._lost = 0
        self._killers: dict[tuple[str, str], int] = {}
        self.during_send = None

    def fail(self, op, code, detail="no", times=1, **extra):
        for _ in range(times):
            self._failures.append((op, CommandFailed(code, detail, extra)))

    def lose_answer(self, times=1):
        self._lost += times

    def die(self, when, op):
        self._killers[when, op] = 1

    def __call__(self, account, op, args, timeout):
        self.calls.append((op, args))
        self._kill("before", op)
        for n, (name, exc) in enumerate(self._failures):
            if name == op:
                del self._failures[n]
                raise exc
        result = getattr(self, f"_{op}")(args)
        self._kill("after", op)
        if op == "send" and self._lost:
            self._lost -= 1
            raise CommandFailed("timeout", "The worker did not answer.")
        return result

    def _kill(self, when, op):
        if self._killers.pop((when, op), 0):
            raise Killed

    def ops(self):
        return [op for op, _ in self.calls]

    def texts(self):
        return [one["content"].get("text") for one in self.sent]

    def _send(self, args):
        request_id, first_epoch = args["request_id"], args["first_epoch"]
        if request_id in self.done:
            return self.done[request_id]
        if request_id in self.begun_before:
            extra = {"wa_id": f"WA-{args['content']['text']}"} if self.remembers else {}
            raise CommandFailed("unknown_outcome", "begun in an earlier life", extra)
        if first_epoch and self.ledger_since > first_epoch:
            raise CommandFailed("unknown_outcome", "the ledger is younger")
        wa_id = f"WA{len(self.sent) + 1:04d}"
        self.sent.append({**args, "wa_id": wa_id})
        self.done[request_id] = {
            "wa_id": wa_id,
            "timestamp": timezone.now().timestamp(),
            "chat": {"jid": args["to"], "lid": "", "type": _type(args["to"])},
        }
        if self.during_send:
            self.during_send(self.sent[-1])
        return self.done[request_id]

    def _upload_begin(self, args):
        self.files[args["upload_id"]] = b""
        return {}

    def _upload_chunk(self, args):
        data = base64.b64decode(args["data"])
        assert len(data) <= 384 * 1024
        assert args["offset"] == len(self.files[args["upload_id"]])
        self.files[args["upload_id"]] += data
        return {"received": len(self.files[args["upload_id"]])}

    def _typing(self, args):
        return {}

    def _check_numbers(self, args):
        return {
            "results": [
                {
                    "number": number,
                    "registered": number not in self.unregistered,
                    "jid": f"{number[1:]}@s.whatsapp.net",
                    "lid": f"9{number[1:]}@lid",
                }
                for number in args["numbers"]
            ]
        }


def _type(jid):
    return "group" if jid.endswith("@g.us") else "user"


class Outbox:
    def __init__(self, worker: FakeWorker) -> None:
        self.worker = worker
        # Ahead of the clock by which rows are written, so that all of them are due.
        self.now = timezone.now() + timedelta(seconds=1)
        self.rested: list[float] = []
        self.dispatcher = self._new()

    def _new(self) -> Dispatcher:
        return Dispatcher(
            asyncio.Event(),
            ask=self.worker,
            clock=lambda: self.now,
            rest=self.rested.append,
        )

    async def step(self) -> int:
        """One turn and everything that it started. How much that was."""
        # Never behind the clock by which rows are written, also on a slow machine.
        self.now = max(self.now, timezone.now())
        count = await self.dispatcher.step()
        await self.dispatcher.settle()
        return count

    async def until_quiet(self) -> None:
        for _ in range(200):
            if not await self.step():
                return
        raise AssertionError("the outbox never comes to rest")

    async def pass_time(self, seconds: float, step: float = 0.0) -> None:
        """Let time go by; what is due on the way is done in steps."""
        left = seconds
        while left > 0:
            part = min(left, step or seconds)
            self.now += timedelta(seconds=part)
            left -= part
            await self.dispatcher.sweep()
            await self.until_quiet()

    async def restart(self) -> None:
        """Another process takes over once the lease of this one is over."""
        await self.dispatcher.aclose()
        self.dispatcher = self._new()
        self.now += timedelta(seconds=31)


@asynccontextmanager
async def outbox(worker=None):
    it = Outbox(worker or FakeWorker())
    try:
        yield it
    finally:
        await it.dispatcher.settle()
        await it.dispatcher.aclose()


def queue(account, text="hello", *, to="+15550002", key=None, **body):
    """Put a message into the queue; the row."""
    body = {"to": to, "type": "text", **({"text": text} if text is not None else {}), **body}
    order = requests.parse({name: value for name, value in body.items() if value is not None})
    return orders.enqueue(account=account, order=order, by="test", key=key)[0]
