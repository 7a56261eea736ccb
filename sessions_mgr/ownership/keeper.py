"""Keeps this node's lease on the bus, and knows who else lives. A thread with its own connection.

Everything that could make the node wait (the database, the supervisor's loop, a slow disk) is
elsewhere, so nothing but the end of this process can stop it from giving up in time. What is
decided is in lease.py; this carries it out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js.api import KeyValueConfig, StorageType, StreamConfig
from nats.js.kv import KeyValue

from ..bus.address import BusAddress
from ..bus.client import connect
from ..bus.streams import NODE_LEASES
from . import clock, members
from .lease import Do, Holder, Lease, Step, Terms
from .members import Member

logger = logging.getLogger(__name__)

WATCH = 0.1  # seconds between two looks at the deadlines
PATIENT_MISSES = 2  # renewals without an answer until the connection is made anew
_STREAM = f"KV_{NODE_LEASES}"
_AWAY = (OSError, TimeoutError, nats.errors.Error, nats.js.errors.Error)


@dataclass(frozen=True, slots=True)
class Duties:
    """What the node does when its standing changes. Called in the keeper's thread."""

    changed: Callable[[], None]  # held or not, or other nodes came and went: look now
    renewed: Callable[[float], None]  # no worker may live after this moment of the lease's clock
    kill: Callable[[], object]  # end every worker, now


class LeaseKeeper:
    """`start`, wait for `decided`, ask `token` and `living` at any time, `release` at the end."""

    def __init__(
        self, *, me: Member, ttl: float, find: Callable[[], BusAddress | None], duties: Duties
    ) -> None:
        self.me = me
        self.lease = Lease(Terms(ttl), me.instance)
        self.decided = threading.Event()  # the lease was gained or refused for the first time
        self.duties = duties
        self._find = find
        self._living: dict[str, Member] = {}
        self._seen_at = float("-inf")  # when we last saw who lives
        self._blind_until = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        self._client: Client | None = None
        self._address: BusAddress | None = None
        self._kv: KeyValue | None = None
        self._misses = 0
        self._was_held = False
        self._killed_at: float | None = None
        self._news, self._ending = asyncio.Event(), asyncio.Event()

    # From any thread --------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def token(self) -> int | None:
        """The fencing token, None while workers may not run here."""
        return self.lease.token(clock.now())

    @property
    def refused(self) -> bool:
        return self.lease.refused

    def living(self) -> Mapping[str, Member]:
        """The nodes with a lease, this one always among them."""
        return {**self._living, self.me.node: self.me}

    def blind(self) -> bool:
        """Whether a node that we do not see may well be alive.

        So it is until we have looked, when that was long ago, and while the bus may not know.
        """
        now = clock.now()
        return now < self._blind_until or now - self._seen_at > self.lease.terms.ttl / 2

    def drain(self, draining: bool) -> None:
        """Say in the lease that this node gives its numbers away, or no longer."""

        def change() -> None:
            if self.me.draining != draining:
                self.me = self.me.drained(draining)
                self.lease.hurry()
                self._news.set()

        self._loop.call_soon_threadsafe(change)

    def release(self) -> None:
        """Give the lease back, when no worker is left: others take over without waiting."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(3.0)

    # The thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._main())
        except BaseException:
            logger.critical("the lease's thread failed", exc_info=True)
            self.duties.kill()
            raise
        finally:
            left = asyncio.all_tasks(self._loop)  # of connections that did not end in time
            for task in left:
                task.cancel()
            if left:
                self._loop.run_until_complete(asyncio.wait(left, timeout=1.0))
            self._loop.close()

    async def _main(self) -> None:
        tasks = [asyncio.ensure_future(t) for t in (self._hold(), self._guard(), self._observe())]
        ended = asyncio.ensure_future(self._ending.wait())
        done, _ = await asyncio.wait([*tasks, ended], return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, ended):
            task.cancel()
        await asyncio.gather(*tasks, ended, return_exceptions=True)
        for task in done:
            task.result()
        await self._give_back()

    async def _hold(self) -> None:
        while True:
            now = clock.now()
            step = self.lease.step(now)
            if step.do is Do.WAIT:
                self._news.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), max(0.0, step.at - now))
                continue
            try:
                await asyncio.wait_for(self._take(step), self._timeout())
                self._misses = 0
            except _AWAY as exc:
                self._misses += 1
                level = logging.DEBUG if self._misses == 1 else logging.WARNING
                logger.log(level, "lease: no answer to %s (%s)", step.do, _name(exc))
                self.lease.missed(clock.now())
                if self._misses % PATIENT_MISSES == 0:
                    await self._hang_up()
            self._notice()

    async def _take(self, step: Step) -> None:
        kv = await self._bucket()
        if self._seen_at == float("-inf"):
            await self._look_around()
        if step.do is Do.LOOK:
            self.lease.saw(await self._holder(kv), clock.now())
            return
        sent = clock.now()
        value = self.me.to_json()
        try:
            if step.do is Do.CREATE:
                revision = await kv.create(self.me.node, value)
            else:
                revision = await kv.update(self.me.node, value, last=step.revision)
        except nats.js.errors.KeyWrongLastSequenceError:
            self.lease.overtaken()
            return
        self.lease.stored(revision, sent=sent, now=clock.now())
        self.duties.renewed(self.lease.kill_at)

    async def _holder(self, kv: KeyValue) -> Holder | None:
        entry = await self._entry(kv, self.me.node)
        if entry is None:
            return None
        revision, member = entry
        if member is None:
            return Holder("", revision)
        holder = Holder(
            member.instance,
            revision,
            dead=members.is_dead(member),
            alive=member.instance != self.me.instance and members.is_alive_here(member),
        )
        if holder.dead and member.draining:
            self.me = self.me.drained(True)  # a crash does not undo a drain
        return holder

    async def _entry(self, kv: KeyValue, node: str) -> tuple[int, Member | None] | None:
        try:
            entry = await kv.get(node)
        except nats.js.errors.KeyNotFoundError:
            return None
        try:
            member = Member.from_json(entry.value or b"")
        except ValueError:
            member = None
        return entry.revision or 0, member

    def _notice(self) -> None:
        """Tell the node when its standing has changed."""
        now = clock.now()
        held = self.lease.held(now)
        if self.lease.vanished_at is not None:
            self._blind_until = self.lease.vanished_at + self.lease.terms.ttl
        if held and not self._was_held:
            logger.info("lease of %s held, term %d", self.me.node, self.lease.term)
            self._killed_at = None
        elif self._was_held and not held:
            logger.error("lease of %s cannot be renewed: its workers are stopped", self.me.node)
        changed, self._was_held = held != self._was_held, held
        if held or self.lease.refused:
            self.decided.set()
        if changed:
            self.duties.changed()

    async def _guard(self) -> None:
        """Independent of answers: the deadlines are kept even while a request hangs."""
        while True:
            await asyncio.sleep(WATCH)
            self._notice()
            deadline = self.lease.kill_at
            if self.lease.term and clock.now() >= deadline and self._killed_at != deadline:
                self._killed_at = deadline
                self.duties.kill()

    async def _observe(self) -> None:
        """Who else lives."""
        while True:
            try:
                await asyncio.wait_for(self._look_around(), self._timeout())
            except _AWAY as exc:
                logger.debug("lease: cannot see the other nodes (%s)", _name(exc))
            await asyncio.sleep(min(1.0, self.lease.terms.ttl / 10))

    async def _look_around(self) -> None:
        kv = self._kv
        if kv is None:
            return  # connecting is the other task's business
        began = clock.now()
        info = await kv._js.stream_info(_STREAM, subjects_filter=">")
        found: dict[str, Member] = {}
        for subject in info.state.subjects or {}:
            node = subject.rpartition(".")[2]
            if (entry := await self._entry(kv, node)) is not None:
                found[node] = entry[1] or Member.unreadable(node)
        if changed := _seen(found) != _seen(self._living):
            known = ", ".join(f"{n}{' (drains)' if m.draining else ''}" for n, m in found.items())
            logger.info("living nodes: %s", known or "none")
        self._living, self._seen_at = found, began
        if changed:
            self.duties.changed()

    # The bucket -------------------------------------------------------------------------------

    async def _bucket(self) -> KeyValue:
        address = self._find()
        if address is None:
            raise nats.errors.NoServersError
        if self._client is not None and address != self._address:
            await self._hang_up()  # our own server came back on another port
        if self._client is None:
            self._client = await connect(address.url, address.token, name=f"lease {self.me.node}")
            self._address, self._kv = address, None
        if self._kv is None:
            self._kv = await self._open(self._client)
        return self._kv

    async def _open(self, client: Client) -> KeyValue:
        """The bucket as it is. Its time to live is the law for all nodes."""
        js = client.jetstream(timeout=self._timeout())
        ttl = self.lease.terms.ttl
        try:
            info = await js.stream_info(_STREAM, subjects_filter=">")
        except nats.js.errors.NotFoundError:
            await js.create_key_value(
                KeyValueConfig(bucket=NODE_LEASES, ttl=ttl, history=1, storage=StorageType.FILE)
            )
            self._blind_until = clock.now() + ttl
            return await js.key_value(NODE_LEASES)
        if info.config.max_age != ttl:
            alone = set(info.state.subjects or {}) <= {f"$KV.{NODE_LEASES}.{self.me.node}"}
            if alone and not self.lease.term:
                await js.update_stream(_lasting(info.config, ttl))
            elif info.config.max_age:
                logger.warning(
                    "NODE_LEASE_TTL is %g s here, but %g s among the nodes that live: that one "
                    "counts",
                    ttl,
                    info.config.max_age,
                )
                self.lease.terms = Terms(info.config.max_age)
        self._note_age(info.created)
        return await js.key_value(NODE_LEASES)

    def _note_age(self, created: object) -> None:
        """A bucket younger than a lease may not know all who live."""
        if isinstance(created, datetime):
            age = (datetime.now(UTC) - created).total_seconds()
            if 0 <= age < self.lease.terms.ttl:
                left = self.lease.terms.ttl - age
                self._blind_until = max(self._blind_until, clock.now() + left)

    async def _give_back(self) -> None:
        with contextlib.suppress(*_AWAY):
            await asyncio.wait_for(self._delete(), min(1.0, self._timeout()))
            logger.info("lease of %s given back", self.me.node)
        await self._hang_up()

    async def _delete(self) -> None:
        if not self.lease.held(clock.now()):
            return
        kv = await self._bucket()
        entry = await self._entry(kv, self.me.node)
        if entry and entry[1] and entry[1].instance == self.me.instance:
            await kv.delete(self.me.node, last=entry[0])

    async def _hang_up(self) -> None:
        client, self._client, self._kv = self._client, None, None
        if client is not None:
            with contextlib.suppress(*_AWAY):
                await asyncio.wait_for(client.close(), 0.5)

    def _timeout(self) -> float:
        return min(2.0, self.lease.terms.ttl / 6)


def _lasting(config: StreamConfig, ttl: float) -> StreamConfig:
    return config.evolve(max_age=ttl, duplicate_window=min(ttl, 120.0))


def _seen(found: Mapping[str, Member]) -> dict[str, tuple[str, bool]]:
    return {name: (member.instance, member.draining) for name, member in found.items()}


def _name(error: BaseException) -> str:
    return str(error) or type(error).__name__
