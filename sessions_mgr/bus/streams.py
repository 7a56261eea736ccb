"""The streams and subjects of the bus, and how they are created. Names only; no Django."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

EVENTS = "EVENTS"
INGEST = "ingest"  # the durable consumer that writes facts into SQL
MAX_AGE = timedelta(days=7)
DEDUPLICATION = timedelta(minutes=10)
ACK_WAIT = 30.0  # seconds until a fact that was not acknowledged is delivered again
HINT_SESSIONS = "hint.sessions"
NODES = "nodes.ping"  # every node answers {"ok": true, "node": name}
NODES_STATS = "nodes.stats"  # every node answers with its figures: node.py, `stats`
NODE_LEASES = "nodes"  # the key-value bucket of leases: one entry per living node


def fact_subject(workspace_id: UUID, account_id: UUID) -> str:
    return f"evt.{workspace_id}.{account_id}"


def command_subject(account_id: UUID | str) -> str:
    return f"cmd.{account_id}"


def node_subject(node: str, verb: str) -> str:
    """What one node answers: stats, drain, undrain. Each answer is its figures."""
    return f"nodes.{verb}.{node}"


def hint_subject(workspace_id: UUID | str) -> str:
    return f"hint.events.{workspace_id}"


async def ensure(js: JetStreamContext) -> None:
    """Create the stream, or bring it to this version's configuration."""
    stream = StreamConfig(
        name=EVENTS,
        subjects=["evt.>"],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_age=MAX_AGE.total_seconds(),
        duplicate_window=DEDUPLICATION.total_seconds(),
    )
    try:
        await js.stream_info(EVENTS)
        await js.update_stream(stream)
    except NotFoundError:
        await js.add_stream(stream)


def ingest_consumer() -> ConsumerConfig:
    """The durable consumer of ingest: pushed, in order, each acknowledged after the commit."""
    return ConsumerConfig(
        durable_name=INGEST,
        deliver_group=INGEST,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT,
        max_ack_pending=1000,
    )
