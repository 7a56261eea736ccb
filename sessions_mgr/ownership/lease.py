"""The lease of one node as a state machine: told what happened, it says what to do next.

Pure: no clock, no bus. The bus keeps an entry for at most `ttl` after it was stored, and it was
stored after it was sent; so whoever counts from the moment of *sending* stops before anybody else
can see the entry gone. All times are seconds of one clock that also runs while the machine sleeps.

    sent          + 2/3 ttl               + 5/6 ttl              + ttl
    | held        | yield: workers stop   | kill: none is left   | others may take over
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Terms:
    """What the time to live means, in seconds after the last renewal was sent."""

    ttl: float

    @property
    def renew_after(self) -> float:
        return self.ttl / 3

    @property
    def yield_after(self) -> float:
        return self.ttl * 2 / 3

    @property
    def kill_after(self) -> float:
        return self.ttl * 5 / 6

    @property
    def retry_after(self) -> float:
        return min(0.5, self.ttl / 12)


class Do(StrEnum):
    LOOK = "look"  # read the entry of this name
    CREATE = "create"  # store it if there is none
    RENEW = "renew"  # store it if its revision is still `revision`
    WAIT = "wait"  # nothing before `at`


@dataclass(frozen=True, slots=True)
class Step:
    do: Do
    revision: int = 0
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the name, as read from the bus."""

    instance: str
    revision: int
    dead: bool = False  # proven: its process was on this machine and is no more
    alive: bool = False  # proven: its process is on this machine


class Lease:
    def __init__(self, terms: Terms, instance: str) -> None:
        self.terms = terms
        self.instance = instance
        self.term = 0  # counts the times that the lease was gained; the fencing token of a node
        self.refused = False  # another living process has this name
        self.vanished_at: float | None = None  # when a lease that was still good was gone
        self._revision = 0  # 0: not known, look first
        self._may_create = False
        self._sent: float | None = None  # when the renewal that holds was sent
        self._next = float("-inf")
        self._other: Holder | None = None

    # What holds -------------------------------------------------------------------------------

    def held(self, now: float) -> bool:
        """Whether workers may be started and kept."""
        return self._sent is not None and now < self._sent + self.terms.yield_after

    def token(self, now: float) -> int | None:
        """The term, while it is held: the same before and after means held all the time."""
        return self.term if self.held(now) else None

    @property
    def kill_at(self) -> float:
        """From then on no worker of this node may be alive."""
        return float("-inf") if self._sent is None else self._sent + self.terms.kill_after

    # What to do -------------------------------------------------------------------------------

    def step(self, now: float) -> Step:
        if now < self._next:
            return Step(Do.WAIT, at=self._next)
        if self._may_create:
            return Step(Do.CREATE)
        if self._revision:
            return Step(Do.RENEW, self._revision)
        return Step(Do.LOOK)

    def hurry(self) -> None:
        """What the entry says has changed: store it now."""
        self._next = float("-inf")

    # What happened ----------------------------------------------------------------------------

    def stored(self, revision: int, *, sent: float, now: float) -> None:
        """A create or renewal, sent at `sent`, was accepted."""
        if not self.held(now):
            self.term += 1
        self._revision, self._sent = revision, sent
        self._may_create, self._other, self.refused = False, None, False
        self._next = sent + self.terms.renew_after

    def missed(self, now: float) -> None:
        """No answer: what was asked for may have happened or not."""
        self._next = now + self.terms.retry_after

    def overtaken(self) -> None:
        """The bus holds another revision, or an entry where there was to be none."""
        self._revision, self._may_create = 0, False
        self._next = float("-inf")

    def saw(self, holder: Holder | None, now: float) -> None:
        """The answer to a look."""
        self._next = float("-inf")
        if holder is None:
            if self.held(now):
                self.vanished_at = now  # the bus has lost its memory: of the others' leases too
            self._may_create = True
        elif holder.instance == self.instance:
            self._revision = holder.revision  # our own, whose acknowledgement was lost
        elif holder.dead:
            self._revision = holder.revision
            self._sent = None
        else:
            self._watch(holder, now)

    def _watch(self, holder: Holder, now: float) -> None:
        """Somebody else has our name. Alive when proven, or when it renews while we look on."""
        self._sent = None  # whatever we held is over
        before, self._other = self._other, holder
        renewed = (
            before is not None
            and before.instance == holder.instance
            and before.revision != holder.revision
        )
        self.refused = self.refused or holder.alive or renewed
        self._next = now + self.terms.retry_after
