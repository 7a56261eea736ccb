"""From the stream into SQL: one transaction per batch, then the acknowledgement.

A fact is in the database, or parked whole in UnreadFact, before the stream hears that we have it.
Redeliveries are recognised by the fact's id. `store` is the whole decision; `Ingest` is the shell.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import nats.errors
from asgiref.sync import sync_to_async
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    transaction,
)
from django.utils import timezone
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from accounts import purging
from accounts.models import WhatsAppAccount
from events import batches
from events import services as event_log
from sessions_mgr import facts
from sessions_mgr.bus import address, streams
from sessions_mgr.bus.client import connect
from sessions_mgr.engines import base
from sessions_mgr.models import SeenFact
from sessions_mgr.states import SIGNALS

from . import inbox
from .models import UnreadFact

logger = logging.getLogger(__name__)

BATCH = 100
TURN = 0.25  # seconds that a batch may hold what others, who send, wait for
# After these the account is read anew; all others only look at it.
CHANGES_THE_ACCOUNT = (*SIGNALS, base.Restricted)
CHECK_INTERVAL = 5.0  # seconds between looks whether stream and consumer still exist
RETRY_DELAY = 1.0  # seconds after the database refused a batch


class Unreadable(Exception):
    """The stream holds something that is not a fact of a known account."""


@dataclass(frozen=True, slots=True)
class StreamFact:
    """One entry of the stream, parsed."""

    id: str
    workspace_id: UUID
    account_id: UUID
    epoch: int
    at: datetime
    event: base.EngineEvent


def parse(body: bytes) -> StreamFact:
    """Unreadable says what is wrong. What no database can hold is taken out of the texts."""
    try:
        raw = json.loads(body)
        if b"\\u0000" in body or b"\\ud" in body.lower():
            raw["data"] = _storable(raw["data"])
        return StreamFact(
            id=str(raw["id"]),
            workspace_id=UUID(raw["workspace_id"]),
            account_id=UUID(raw["account_id"]),
            epoch=int(raw["epoch"]),
            at=datetime.fromtimestamp(float(raw["at"]), UTC),
            event=base.from_wire({"kind": raw["kind"], "data": raw["data"]}),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError) as exc:
        raise Unreadable(f"{type(exc).__name__}: {exc}") from exc


def _storable(value: Any) -> Any:
    """Without NUL characters and halves of surrogate pairs, which strangers may write."""
    if isinstance(value, str):
        return value.replace("\0", "").encode(errors="replace").decode()
    if isinstance(value, list):
        return [_storable(part) for part in value]
    if isinstance(value, dict):
        return {str(_storable(name)): _storable(part) for name, part in value.items()}
    return value


def _first_sight(fact_id: str) -> bool:
    """Remember the fact. False when it was known. One statement, as every fact pays for it."""
    table = connection.ops.quote_name(SeenFact._meta.db_table)
    at = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(  # the only part that is put in is the name of our own table
            f"INSERT INTO {table} (fact_id, at) VALUES (%s, %s) ON CONFLICT DO NOTHING",  # noqa: S608
            [fact_id, at],
        )
        return bool(cursor.rowcount == 1)


@transaction.atomic
def store(fact: StreamFact) -> None:
    """Write the fact and everything that follows from it. Again is a no-op."""
    if not _first_sight(fact.id):
        return
    known = ("account", fact.account_id, fact.workspace_id)
    if isinstance(fact.event, CHANGES_THE_ACCOUNT):
        batches.forget(known)
    account = batches.once(known, lambda: _account(fact))
    if account is None and purging.is_gone(fact.workspace_id):
        return  # of a workspace that was deleted: nothing of it is kept any more
    if account is None:
        raise Unreadable(f"no account {fact.account_id} in workspace {fact.workspace_id}")
    facts.record_fact(account_id=account.pk, epoch=fact.epoch, fact=fact.event, at=fact.at)
    inbox.record(account=account, fact=fact.event, at=fact.at)
    if isinstance(fact.event, CHANGES_THE_ACCOUNT):
        batches.forget(known)


def _account(fact: StreamFact) -> WhatsAppAccount | None:
    return (
        WhatsAppAccount.objects.select_related("workspace")
        .filter(pk=fact.account_id, workspace_id=fact.workspace_id)
        .first()
    )


def store_entry(subject: str, body: bytes) -> None:
    """Store one entry, or park it where a person can find it, so that one fact stops no other.

    A database that is away or locked is no fact's fault: that is raised.
    """
    try:
        store(parse(body))
    except Unreadable as exc:
        batches.forget()
        _park(subject, body, UnreadFact.UNREADABLE, str(exc))
    except (OperationalError, InterfaceError):
        raise
    except IntegrityError:
        batches.forget()
        _store_again(subject, body)
    except Exception as exc:
        batches.forget()
        logger.exception("a fact on %s could not be stored", subject)
        _park(subject, body, UnreadFact.BROKEN, f"{type(exc).__name__}: {exc}")


def _store_again(subject: str, body: bytes) -> None:
    """Another process made the same row at the same time; now it is there."""
    try:
        store(parse(body))
    except IntegrityError as exc:
        batches.forget()
        logger.exception("a fact on %s contradicts what is stored", subject)
        _park(subject, body, UnreadFact.CONFLICT, str(exc))


def _park(subject: str, body: bytes, reason: str, problem: str) -> None:
    logger.error("parked a fact on %s: %s", subject, problem)
    UnreadFact.objects.create(
        body=body, subject=subject[:200], reason=reason, problem=problem.replace("\0", "")
    )


def store_batch(entries: Sequence[tuple[str, bytes]]) -> int:
    """As many of the first entries as a TURN is long for, in one transaction. How many these are.
    DatabaseError means that none of them is stored."""
    stored = 0
    with transaction.atomic(), batches.batch():
        event_log.take_turns(pk__in=_workspaces(subject for subject, _body in entries))
        end = time.monotonic() + TURN
        for subject, body in entries:
            store_entry(subject, body)
            stored += 1
            if time.monotonic() >= end:
                break
    return stored


def _workspaces(subjects: Iterable[str]) -> set[UUID]:
    """Those whose facts these are, by `evt.<workspace>.<account>`."""
    found = set()
    for subject in subjects:
        with suppress(ValueError, IndexError):  # it will be parked
            found.add(UUID(subject.split(".")[1]))
    return found


def _store_in_thread(entries: Sequence[tuple[str, bytes]]) -> int:
    """As store_batch, where no request begins and ends: a broken connection is not used again."""
    close_old_connections()
    return store_batch(entries)


class Ingest:
    """Keeps the durable consumer alive and feeds `store_batch`, until `stop` is set."""

    def __init__(
        self, stop: asyncio.Event, gate: AbstractAsyncContextManager[Any] | None = None
    ) -> None:
        """`gate` is held around each batch, where writers of one process must take turns."""
        self._stop = stop
        self._gate = gate or nullcontext()
        self._queue: asyncio.Queue[Msg] = asyncio.Queue()
        self._left: list[Msg] = []  # of the last batch; they come before the queue
        self._subscription: JetStreamContext.PushSubscription | None = None

    async def run(self) -> None:
        client = await self._connect()
        if client is None:
            return
        js = client.jetstream()
        keeper = asyncio.ensure_future(self._keep_subscribed(js))
        try:
            while not self._stop.is_set():
                await self._next_batch()
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
            await client.close()

    async def _connect(self) -> Client | None:
        while not self._stop.is_set():
            found = address.find()
            try:
                if found is not None:
                    return await connect(found.url, found.token, name="ingest")
            except (OSError, nats.errors.Error, TimeoutError) as exc:
                logger.warning("ingest: bus not reachable yet: %s", exc)
            await self._pause(0.25)
        return None

    async def _keep_subscribed(self, js: JetStreamContext) -> None:
        """Create stream and consumer, and again when the bus came back without them."""
        while True:
            try:
                if self._subscription is None or not await self._exists(js):
                    await self._subscribe(js)
            except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as exc:
                logger.warning("ingest: no stream yet: %s", str(exc) or type(exc).__name__)
                await asyncio.sleep(0.25)
                continue
            await asyncio.sleep(CHECK_INTERVAL)

    async def _exists(self, js: JetStreamContext) -> bool:
        try:
            await js.consumer_info(streams.EVENTS, streams.INGEST)
        except NotFoundError:
            return False
        return True

    async def _subscribe(self, js: JetStreamContext) -> None:
        await streams.ensure(js)
        if self._subscription is not None:
            await self._subscription.unsubscribe()
        self._subscription = await js.subscribe(
            "evt.>",
            queue=streams.INGEST,
            durable=streams.INGEST,
            stream=streams.EVENTS,
            config=streams.ingest_consumer(),
            manual_ack=True,
            cb=self._queue.put,
        )
        logger.info("ingest: reading the stream")

    async def _first(self) -> list[Msg]:
        """What is left of the last batch, or else the next message once there is one."""
        if self._left:
            left, self._left = self._left, []
            return left
        getter = asyncio.ensure_future(self._queue.get())
        stopper = asyncio.ensure_future(self._stop.wait())
        done, pending = await asyncio.wait({getter, stopper}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return [getter.result()] if getter in done else []

    async def _next_batch(self) -> None:
        batch = await self._first()
        if not batch:
            return
        while len(batch) < BATCH and not self._queue.empty():
            batch.append(self._queue.get_nowait())
        try:
            async with self._gate:
                stored = await sync_to_async(_store_in_thread)([(m.subject, m.data) for m in batch])
        except DatabaseError as exc:
            logger.warning("ingest: the database refused %d facts: %s", len(batch), exc)
            await self._pause(RETRY_DELAY)
            for message in batch:
                await message.nak()
            return
        self._left = batch[stored:]
        for message in batch[:stored]:
            await message.ack()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
