"""Moves facts from the spool to the stream, and carries commands to the worker.

One thread with its own event loop owns the connection to NATS. It tries for as long as the worker
lives; an absent bus only makes the spool longer. Facts go out in order, a window at a time; a row
leaves the spool when the stream said that it has it. After a failure the window is sent again from
its first unanswered fact, and the stream drops what it has already by the id.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError

from .commands import Commands
from .config import WorkerConfig
from .spool import Spool, Spooled

logger = logging.getLogger(__name__)

WINDOW = 64
REQUESTS = 16  # answered at once; most of their time they wait for WhatsApp
ACK_SECONDS = 5.0
RECONNECT_SECONDS = 0.5
REST_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)  # after the first, second ... failure in a row


class Forwarder:
    def __init__(
        self,
        *,
        spool: Spool,
        config: WorkerConfig,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._spool = spool
        self._config = config
        self._on_failure = on_failure
        self._subject = f"evt.{config.workspace_id}.{config.account_id}"
        self._requests = f"cmd.{config.account_id}"
        self._commands: Commands | None = None
        self._pool = ThreadPoolExecutor(REQUESTS, thread_name_prefix="command")
        self._loop = asyncio.new_event_loop()
        self._news = asyncio.Event()
        self._nats: Client | None = None
        self._all_sent = threading.Event()
        self._failed = False

    def start(self) -> None:
        threading.Thread(target=self._run, name="forwarder", daemon=True).start()

    def notify(self) -> None:
        """There is something new in the spool. From any thread."""
        self._all_sent.clear()
        self._loop.call_soon_threadsafe(self._news.set)

    def serve(self, commands: Commands) -> None:
        """From now on requests are answered."""
        self._commands = commands
        self._loop.call_soon_threadsafe(self._news.set)

    def flush(self, seconds: float) -> bool:
        """Wait until the stream has everything. False when there is no bus, or not enough time.

        What stays behind is safe in the spool and goes out with the account's next worker.
        """
        self.notify()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._all_sent.wait(0.05):
                if len(self._spool) == 0:
                    return True
                self.notify()  # a fact came between the last look and the signal
            if self._failed or self._nats is None or not self._nats.is_connected:
                return not self._failed and len(self._spool) == 0
        return False

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._forward_for_ever())
        except BaseException as exc:  # facts would pile up unseen
            logger.critical("the forwarder failed", exc_info=True)
            self._failed = True
            self._on_failure(exc)

    async def _forward_for_ever(self) -> None:
        failures = 0
        subscribed = False
        while True:
            try:
                if self._nats is None:
                    self._nats = await self._connect()
                if not subscribed and self._commands is not None:
                    await self._nats.subscribe(self._requests, cb=self._on_command)
                    subscribed = True
                self._news.clear()
                if await self._send_window(self._nats):
                    failures = 0
                    continue
                self._all_sent.set()
                await self._news.wait()
            except (NatsError, OSError, TimeoutError) as exc:
                rest = REST_SECONDS[min(failures, len(REST_SECONDS) - 1)]
                failures += 1
                logger.warning("the stream does not take facts (%r), again in %s s", exc, rest)
                await asyncio.sleep(rest)

    async def _connect(self) -> Client:
        """Returns once connected; nats-py itself tries for ever, now and later."""
        return await nats.connect(
            self._config.nats_url,
            token=self._config.nats_token or None,
            name=f"worker {self._config.account_id}",
            connect_timeout=2,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_SECONDS,
            ping_interval=20,
            error_cb=_log_error,
        )

    async def _send_window(self, client: Client) -> bool:
        """Send the oldest facts. False when there are none; raises what the first failure was."""
        facts = self._spool.oldest(WINDOW)
        if not facts:
            return False
        answers = await asyncio.gather(
            *(self._publish(client, fact) for fact in facts), return_exceptions=True
        )
        stored = []
        error: BaseException | None = None
        for fact, answer in zip(facts, answers, strict=True):
            if answer is None:
                stored.append(fact.seq)
            elif isinstance(answer, MaxPayloadError):
                self._spool.refuse(fact, "larger than the bus allows")
            else:
                error = answer
                break
        self._spool.delete(stored)
        if error is not None:
            raise error
        return True

    async def _publish(self, client: Client, fact: Spooled) -> None:
        await client.jetstream(timeout=ACK_SECONDS).publish(
            self._subject, fact.body, headers={"Nats-Msg-Id": fact.id}
        )

    async def _on_command(self, message: Msg) -> None:
        # Each in its own task: one slow answer must not hold up the next request.
        task = self._loop.create_task(self._answer(message))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _answer(self, message: Msg) -> None:
        assert self._commands is not None
        reply = await self._loop.run_in_executor(self._pool, self._commands.answer, message.data)
        with contextlib.suppress(NatsError):
            await message.respond(reply)


async def _log_error(error: Exception) -> None:
    logger.warning("NATS: %r", error)
