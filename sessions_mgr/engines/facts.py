"""How a fact travels: as JSON, one dataclass each. No Django, no neonize in here.

Rule: every fact is a frozen dataclass with a `kind`, made of what JSON can say; `to_wire` and
`from_wire` are each other's inverse. The facts themselves are in lines.py and said.py.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar


class WireError(ValueError):
    """A worker sent a fact that this version does not understand."""


_KINDS: dict[str, type[EngineEvent]] = {}


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something that happened to one connection. `kind` is its name on the wire."""

    kind: ClassVar[str] = ""

    def __init_subclass__(cls, *, kind: str = "") -> None:
        if kind:  # dataclass(slots=True) builds the class a second time, without the keyword
            cls.kind = kind
            _KINDS[kind] = cls
        elif cls.kind:
            _KINDS[cls.kind] = cls

    def to_wire(self) -> dict[str, Any]:
        return {"kind": self.kind, "data": dataclasses.asdict(self)}


def from_wire(raw: dict[str, Any]) -> EngineEvent:
    """The fact that `to_wire` described. Unknown kinds and fields raise WireError."""
    try:
        event_class = _KINDS[raw["kind"]]
        data = dict(raw["data"])
    except (KeyError, TypeError, ValueError) as exc:
        raise WireError(f"not an engine event: {raw!r:.200}") from exc
    known = {f.name: f for f in dataclasses.fields(event_class)}
    if unknown := data.keys() - known.keys():
        raise WireError(f"{event_class.kind} has no field {sorted(unknown)[0]!r}")
    try:
        for name, shape in _NESTED.items():
            if name in known and isinstance(data.get(name), dict):
                data[name] = shape(**data[name])
        for name in _PARTIES & known.keys():
            data[name] = [Party(**party) for party in data.get(name) or ()]
        return event_class(**data)
    except TypeError as exc:
        raise WireError(f"{event_class.kind}: {exc}") from exc


@dataclass(frozen=True, slots=True)
class Party:
    """A person, group or channel, by every name that the engine knows for it."""

    jid: str
    lid: str = ""
    phone_number: str = ""
    push_name: str = ""
    type: str = "user"  # user, group, broadcast, newsletter


@dataclass(frozen=True, slots=True)
class MediaRef:
    """A file that a message carries. `locator` is the engine's own way to fetch and decrypt it."""

    locator: str  # opaque; goes back to the engine that made it
    mime_type: str = ""  # as the sender wrote it, parameters included
    filename: str = ""  # as the sender wrote it
    size: int = 0  # bytes
    sha256: str = ""  # hex, of the decrypted file
    width: int = 0
    height: int = 0
    duration: float = 0.0  # seconds
    thumbnail: str = ""  # base64 JPEG, small
    waveform: str = ""  # base64, 64 bytes of 0..100
    animated: bool = False


_NESTED: dict[str, type[Any]] = {"chat": Party, "sender": Party, "media": MediaRef}
_PARTIES = frozenset({"joined", "left", "promoted", "demoted", "participants", "people"})
