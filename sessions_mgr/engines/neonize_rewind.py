"""Winds Signal sessions back, so that a message can be decrypted that was decrypted already.

whatsmeow stores the next step of a ratchet before anybody has the message. When the process is
killed in between, WhatsApp delivers the message again (no receipt was sent), but its key is gone:
"old counter". Here is the way back. From the states that a record went through (neonize_undo keeps
them) each receiving chain gets the key that it had at the beginning. Nothing that is for sending
changes, so no key is ever used for two messages of ours.

A chain that began in that time is computed anew, from the root key and ratchet key before it
(double ratchet) or from the keys of the first message (X3DH), and is used only if it leads to the
key that was stored: a wrong guess changes nothing. Pure: records as whatsmeow's libsignal writes
them (JSON, bytes in base64) in, records out. Source: go.mau.fi/libsignal, Signal's specifications.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_STEPS = 2000  # libsignal keeps no more keys of one chain either
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """The private keys that others begin a session with; `one_time` were used up lately."""

    identity: bytes
    signed_pre_key: bytes
    one_time: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Past:
    """What the rows of one table were, oldest first: (row, content; None: it was not there)."""

    changes: Sequence[tuple[str, bytes | None]]

    def rows(self) -> set[str]:
        return {row for row, _ in self.changes}

    def at_first(self) -> Iterator[bytes]:
        """The content of each row before its first change."""
        seen: set[str] = set()
        for row, content in self.changes:
            if row not in seen and content is not None:
                yield content
            seen.add(row)


class NotUnderstood(ValueError):
    """A record is not of the form that this version knows."""


# Sessions of two ----------------------------------------------------------------------------------


def rewind_sessions(
    past: Past, present: Mapping[str, bytes], keys: DeviceKeys
) -> tuple[dict[str, bytes], int]:
    """The rows to be written, and how many chains could not be wound back.

    Raises NotUnderstood when a record has another form than the one we know.
    """
    history = [_states(content) for _, content in past.changes if content is not None]
    known_before = {name for content in past.at_first() for name in _states(content)}
    changed: dict[str, bytes] = {}
    stuck = 0
    for row in past.rows() & present.keys():
        record = _parse(present[row])
        touched = False
        for name, state in _named_states(record):
            steps = [states[name] for states in history if name in states] + [state]
            for chain in state.get("ReceiverChains") or []:
                start = _beginning(chain, steps, name in known_before, keys)
                if start is None:
                    stuck += 1
                    continue
                before = {"ChainKey": start["ChainKey"], "MessageKeys": start["MessageKeys"] or []}
                if chain | before != chain:
                    chain |= before
                    touched = True
        if touched:
            changed[row] = json.dumps(record, separators=(",", ":")).encode()
    return changed, stuck


def _beginning(chain: Json, steps: list[Json], known_before: bool, keys: DeviceKeys) -> Json | None:
    """The chain as it was at the first of `steps`, or before any of its keys was used."""
    name = chain["SenderRatchetKeyPublic"]
    for n, state in enumerate(steps):
        found: Json | None = next(
            (c for c in state["ReceiverChains"] or [] if c["SenderRatchetKeyPublic"] == name), None
        )
        if found is None:
            continue
        if n > 0:
            before = steps[n - 1]
            candidates: Iterable[bytes] = [
                _ratchet(
                    _bytes(before["RootKey"]),
                    _bytes(before["SenderChain"]["SenderRatchetKeyPrivate"]),
                    _point(name),
                )
            ]
        elif known_before or state.get("PendingPreKey"):
            return found  # it is older than our past, or a session that we began
        else:
            candidates = _first_chains(state, keys, _point(name))
        return _first_that_leads_to(found, candidates)
    return None


def _first_chains(state: Json, keys: DeviceKeys, ratchet_key: bytes) -> Iterator[bytes]:
    """What the sender of a first message may have computed, with each one-time key or none."""
    theirs, base = _point(state["RemoteIdentityPublic"]), _point(state["SenderBaseKey"])
    shared = b"\xff" * 32
    shared += _agree(keys.signed_pre_key, theirs)
    shared += _agree(keys.identity, base)
    shared += _agree(keys.signed_pre_key, base)
    for last in (*(_agree(key, base) for key in keys.one_time), b""):
        root = _derive(shared + last, bytes(32), b"WhisperText")[:32]
        yield _ratchet(root, keys.signed_pre_key, ratchet_key)


def _first_that_leads_to(found: Json, candidates: Iterable[bytes]) -> Json | None:
    index, wanted = found["ChainKey"]["Index"], _bytes(found["ChainKey"]["Key"])
    if index > MAX_STEPS:
        return None
    for first in candidates:
        key = first
        for _ in range(index):
            key = hmac.digest(key, b"\x02", "sha256")
        if key == wanted:
            return {"ChainKey": {"Key": _text(first), "Index": 0}, "MessageKeys": []}
    return None


def _states(content: bytes) -> dict[str, Json]:
    return dict(_named_states(_parse(content)))


def _named_states(record: Json) -> Iterator[tuple[str, Json]]:
    """Present and former sessions with one device, each by the key that began it."""
    try:
        for state in (record["SessionState"], *(record["PreviousStates"] or [])):
            if state and state["SenderBaseKey"]:
                yield state["SenderBaseKey"], state
    except (KeyError, TypeError) as exc:
        raise NotUnderstood(f"a session record without {exc}") from exc


# Sender keys of groups ----------------------------------------------------------------------------


def rewind_sender_keys(past: Past, present: Mapping[str, bytes]) -> dict[str, bytes]:
    """The rows to be written: others' keys as they were when we first saw them in `past`.

    Our own key, the one with a private half, never goes back.
    """
    changed: dict[str, bytes] = {}
    for row in past.rows() & present.keys():
        record = _parse(present[row])
        states = _sender_states(record)
        if any(any(_bytes(state["SigningKeyPrivate"] or "")) for state in states):
            continue  # ours; in others' the private half is all zeros
        first: dict[int, Json] = {}
        for changed_row, content in past.changes:
            if changed_row == row and content is not None:
                for state in _sender_states(_parse(content)):
                    first.setdefault(state["KeyID"], state)
        touched = False
        for state in states:
            start = first.get(state["KeyID"])
            if start and start["SenderChainKey"] != state["SenderChainKey"]:
                state["SenderChainKey"], state["Keys"] = start["SenderChainKey"], start["Keys"]
                touched = True
        if touched:
            changed[row] = json.dumps(record, separators=(",", ":")).encode()
    return changed


def _sender_states(record: Json) -> list[Json]:
    try:
        states = list(record["SenderKeyStates"] or [])
        for state in states:
            _ = state["KeyID"], state["SenderChainKey"], state["Keys"], state["SigningKeyPrivate"]
    except (KeyError, TypeError) as exc:
        raise NotUnderstood(f"a sender key record without {exc}") from exc
    return states


# Small things -------------------------------------------------------------------------------------


def _parse(content: bytes) -> Json:
    try:
        record = json.loads(content)
    except ValueError as exc:
        raise NotUnderstood("a record that is not JSON") from exc
    if not isinstance(record, dict):
        raise NotUnderstood("a record that is no object")
    return record


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _point(text: str) -> bytes:
    """A public key without the byte for its kind."""
    return _bytes(text)[-32:]


def _agree(private: bytes, public: bytes) -> bytes:
    # Here and not above: only this rare path needs it, and every worker would pay the memory.
    from cryptography.hazmat.primitives.asymmetric import x25519

    ours = x25519.X25519PrivateKey.from_private_bytes(private)
    return ours.exchange(x25519.X25519PublicKey.from_public_bytes(public))


def _ratchet(root: bytes, private: bytes, public: bytes) -> bytes:
    """The first key of the chain that a new ratchet key begins."""
    return _derive(_agree(private, public), root, b"WhisperRatchet")[32:]


def _derive(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF with SHA-256, 64 bytes."""
    key = hmac.digest(salt, secret, hashlib.sha256)
    first = hmac.digest(key, info + b"\x01", hashlib.sha256)
    return first + hmac.digest(key, first + info + b"\x02", hashlib.sha256)
