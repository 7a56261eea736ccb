"""Faults: what a test or a demonstration wants to go wrong, for whom, and for how long.

Armed faults wait to be asked about; drop, stream_error and failure also act at once on a device
that is connected (see `provoke`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

DROP = "drop"
STREAM_ERROR = "stream_error"
FAILURE = "failure"
SLOW = "slow"
MUTE = "mute"
NO_AVATAR = "no_avatar"
AVATAR_TIMEOUT = "avatar_timeout"
REFUSE_CONNECTIONS = "refuse_connections"
PASSKEY = "passkey"
REJECT_SEND_463 = "reject_send_463"
MEDIA_GONE = "media_gone"
MEDIA_SLOW = "media_slow"
MEDIA_CORRUPT = "media_corrupt"

IMMEDIATE = frozenset({DROP, STREAM_ERROR})
"""Act on the connections of the moment and leave nothing armed."""
KINDS = IMMEDIATE | {
    FAILURE,
    SLOW,
    MUTE,
    NO_AVATAR,
    AVATAR_TIMEOUT,
    REFUSE_CONNECTIONS,
    PASSKEY,
    REJECT_SEND_463,
    MEDIA_GONE,
    MEDIA_SLOW,
    MEDIA_CORRUPT,
}
DELAYS = frozenset({SLOW, MEDIA_SLOW})
"""Their seconds are how late things come, not how long the fault lasts."""
MEDIA_STATUSES = frozenset({403, 404, 410})
"""What a media host answers for a file that it will not give; `code` of media_gone."""
REACH_OUT_TIME_LOCK = 463


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a fault hits: everybody (no digits), a phone's devices, or one device."""

    digits: str = ""
    device: int | None = None

    def covers(self, digits: str, device: int | None) -> bool:
        """Whether this phone and device are hit."""
        if not self.digits:
            return True
        return self.digits == digits and self.device in (None, device)


@dataclass(slots=True, eq=False)
class Fault:
    """One armed fault. `remaining` uses and the time `until` (seconds, monotonic) may end it."""

    kind: str
    target: Target = field(default_factory=Target)
    seconds: float | None = None
    count: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    until: float | None = None
    used: int = 0

    def to_document(self) -> dict[str, Any]:
        """The fault as the control API shows it."""
        return {
            "kind": self.kind,
            "phone_number": f"+{self.target.digits}" if self.target.digits else None,
            "device": self.target.device,
            "seconds": self.seconds,
            "count": self.count,
            "used": self.used,
            **self.parameters,
        }


class Faults:
    """The armed faults. The clock counts seconds and never jumps."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._armed: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        """Arm a fault; for DELAYS the seconds are the delay, otherwise how long it lasts."""
        if fault.seconds is not None and fault.kind not in DELAYS:
            fault.until = self._clock() + fault.seconds
        self._armed.append(fault)

    def armed(self) -> list[Fault]:
        """The faults that are still in force, oldest first."""
        now = self._clock()
        self._armed = [
            fault
            for fault in self._armed
            if (fault.until is None or now < fault.until)
            and (fault.count is None or fault.used < fault.count)
        ]
        return list(self._armed)

    def use(self, kind: str, digits: str = "", device: int | None = None) -> Fault | None:
        """The fault of this kind that hits now, counted as used once; None when there is none."""
        for fault in self.armed():
            if fault.kind == kind and fault.target.covers(digits, device):
                fault.used += 1
                return fault
        return None

    def clear(self, kind: str | None = None, target: Target | None = None) -> list[Fault]:
        """Disarm the faults of this kind and target (None: all); returns them."""
        cleared = [
            fault
            for fault in self.armed()
            if kind in (None, fault.kind) and target in (None, fault.target)
        ]
        self._armed = [fault for fault in self._armed if fault not in cleared]
        return cleared
