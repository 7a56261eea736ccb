"""The last stanzas that went by, by name, so that tests can say what a client did."""

from collections import deque
from dataclasses import asdict, dataclass

from sandbox.wire.nodes import Node

CAPACITY = 5_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One stanza: `direction` is `in` (from a client) or `out`; texts are empty when absent."""

    id: int
    direction: str
    connection: int
    device: str
    tag: str
    type: str
    xmlns: str
    child: str
    stanza_id: str
    error: str


class Journal:
    """A bounded ring of entries with increasing ids."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._entries: deque[Entry] = deque(maxlen=capacity)
        self._last_id = 0

    def add(self, direction: str, connection: int, device: str, node: Node) -> None:
        """Note a stanza."""
        self._last_id += 1
        children = node.children
        error = node.child("error")
        self._entries.append(
            Entry(
                id=self._last_id,
                direction=direction,
                connection=connection,
                device=device,
                tag=node.tag,
                type=node.text("type"),
                xmlns=node.text("xmlns"),
                child=children[0].tag if children else "",
                stanza_id=node.text("id"),
                error=error.text("code") if error else node.text("error"),
            )
        )

    def after(self, entry_id: int) -> list[dict[str, object]]:
        """The entries with a greater id that are still in the ring, oldest first."""
        return [asdict(entry) for entry in self._entries if entry.id > entry_id]
