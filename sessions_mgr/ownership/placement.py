"""Decides which numbers a node runs, claims, hands over, and which nobody can run. Pure.

Rule: a node never takes what another living node holds. It takes what nobody holds: numbers without
an owner, released ones, and those whose owner has no lease. Handing over is therefore stop, then
release; the compare-and-set on the epoch (assignments.py) settles who was faster.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol
from uuid import UUID

CLAIM_PATIENCE = 3.0  # seconds that others get to claim what is above our share
BALANCE_PATIENCE = 10.0  # seconds of imbalance before numbers move
GROUP = 5  # numbers that are handed over at a time


@dataclass(frozen=True, slots=True)
class Number:
    """A wanted session, as the database has it."""

    account: UUID
    workspace_id: UUID
    epoch: int
    mode: Literal["connect", "unlink"] = "connect"
    proxy_url: str = ""
    owner: str = ""
    released: bool = False
    store_jid: str = ""  # whose credentials it has; empty: none, any node can start it
    connected: bool = False


class Peer(Protocol):
    @property
    def store(self) -> str: ...

    @property
    def draining(self) -> bool: ...

    @property
    def capacity(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Decision:
    run: frozenset[UUID] = frozenset()  # ours, and those to claim
    owned: frozenset[UUID] = frozenset()  # ours already
    adrift: frozenset[UUID] = frozenset()  # their credentials are where we cannot reach them
    leave: tuple[UUID, ...] = ()  # to be stopped and released now


@dataclass(slots=True)
class Placement:
    me: str
    patience: float = CLAIM_PATIENCE
    balance_patience: float = BALANCE_PATIENCE
    group: int = GROUP
    _free_since: dict[UUID, float] = field(default_factory=dict)
    _uneven_since: float | None = None

    def decide(
        self,
        numbers: Collection[Number],
        members: Mapping[str, Peer],
        reachable: Callable[[Number], bool],
        now: float,
        *,
        leaving: Collection[UUID] = (),
        blind: bool = False,
    ) -> Decision:
        """`reachable`: whether this node can use the credentials, or there are none.

        `leaving` are being stopped to be released. `blind`: who lives is not known yet, so only
        what nobody holds is free.
        """
        draining = members[self.me].draining
        owned = {n.account: n for n in numbers if n.owner == self.me and not n.released}
        free = [n for n in numbers if n.account not in owned and self._is_free(n, members, blind)]
        adrift = {n.account for n in free if n.owner and n.store_jid and not reachable(n)}
        free = [n for n in free if n.account not in adrift]
        self._free_since = {n.account: self._free_since.get(n.account, now) for n in free}
        total = len(numbers) - len(adrift)
        claimed = set() if draining else self._claims(free, members, len(owned), total, now)
        leave = self._leave(owned, members, total, now, draining, leaving)
        return Decision(
            run=frozenset(owned) | claimed,
            owned=frozenset(owned),
            adrift=frozenset(adrift),
            leave=leave,
        )

    def _is_free(self, number: Number, members: Mapping[str, Peer], blind: bool) -> bool:
        if not number.owner or number.released:
            return True
        return number.owner not in members and not blind

    def _claims(
        self,
        free: Collection[Number],
        members: Mapping[str, Peer],
        owned: int,
        total: int,
        now: float,
    ) -> set[UUID]:
        """Up to our share at once; beyond it, and what we gave away ourselves, only if nobody else
        takes it."""
        room = share(total, members) + slack(total, members) - owned
        limit = (members[self.me].capacity or math.inf) - owned
        claimed: set[UUID] = set()
        for number in sorted(free, key=lambda n: (self._free_since[n.account], n.account)):
            waited = now - self._free_since[number.account] >= self.patience
            given = number.released and number.owner == self.me and len(active(members)) > 1
            if len(claimed) < limit and (waited or (len(claimed) < room and not given)):
                claimed.add(number.account)
        return claimed

    def _leave(
        self,
        owned: Mapping[UUID, Number],
        members: Mapping[str, Peer],
        total: int,
        now: float,
        draining: bool,
        leaving: Collection[UUID],
    ) -> tuple[UUID, ...]:
        staying = [n for a, n in owned.items() if a not in leaving and n.mode == "connect"]
        staying.sort(key=lambda n: (not n.connected, n.account))
        if draining:
            count = len(staying)
        else:
            staying = [n for n in staying if n.connected]
            count = self._excess(owned, members, total, now)
        count = max(0, min(count, self.group) - len(leaving))
        return tuple(n.account for n in staying[:count])

    def _excess(
        self, owned: Mapping[UUID, Number], members: Mapping[str, Peer], total: int, now: float
    ) -> int:
        """How many are above our share, once that has lasted and somebody could take them."""
        fair = share(total, members)
        mine = members[self.me].store
        takers = [n for n, m in active(members).items() if n != self.me and m.store == mine]
        if not takers or len(owned) <= fair + slack(total, members):
            self._uneven_since = None
            return 0
        if self._uneven_since is None:
            self._uneven_since = now
        if now - self._uneven_since < self.balance_patience:
            return 0
        self._uneven_since = now  # one group at a time: should nobody take them, nothing spins
        return len(owned) - fair


def active(members: Mapping[str, Peer]) -> dict[str, Peer]:
    """The nodes that take numbers."""
    return {name: member for name, member in members.items() if not member.draining}


def share(total: int, members: Mapping[str, Peer]) -> int:
    return math.ceil(total / max(1, len(active(members))))


def slack(total: int, members: Mapping[str, Peer]) -> int:
    """What a node may hold above its share before it is worth a reconnect to even it out."""
    return 1 + share(total, members) // 10
