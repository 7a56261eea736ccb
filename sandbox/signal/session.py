"""A session record: the current state with one remote device and the few states before it.

Both sides may start a session at the same time, or one may lose its state; whoever decrypts with
an older state makes it the current one, as libsignal does.
"""

from dataclasses import dataclass, field
from typing import Any

from sandbox.signal.agreement import OwnKeys, initiate, respond
from sandbox.signal.ciphertexts import PrekeyMessage, SignalMessage, pad, unpad
from sandbox.signal.errors import DuplicateMessageError, SignalError
from sandbox.signal.ratchet import RatchetState
from sandbox.wire.key_nodes import KeyBundle

PREKEY_MESSAGE, PLAIN_MESSAGE = "pkmsg", "msg"
MAX_STATES = 5


@dataclass(frozen=True, slots=True)
class Announcement:
    """What every message repeats until the other side has answered."""

    base_key: bytes
    prekey_id: int | None
    signed_prekey_id: int


@dataclass(slots=True)
class SessionState:
    """One ratchet, and how it came to be."""

    ratchet: RatchetState
    base_key: bytes
    announcement: Announcement | None = None


@dataclass(slots=True)
class Session:
    """Everything this device knows about one remote device; the newest state is first."""

    states: list[SessionState] = field(default_factory=list)

    def start(self, own: OwnKeys, bundle: KeyBundle) -> None:
        """Make a new session with this bundle the current one. Raises SignalError."""
        ratchet, base_key = initiate(own, bundle)
        one_time = bundle.one_time_prekey
        announcement = Announcement(
            base_key, one_time.id if one_time else None, bundle.signed_prekey.id
        )
        self._promote(SessionState(ratchet, base_key, announcement))

    def encrypt(self, own: OwnKeys, plaintext: bytes) -> tuple[str, bytes]:
        """The kind (pkmsg or msg) and the ciphertext. The session must have been started."""
        state = self.states[0]
        message = state.ratchet.encrypt(pad(plaintext)).to_bytes()
        if state.announcement is None:
            return PLAIN_MESSAGE, message
        wrapped = PrekeyMessage(
            registration=own.registration,
            prekey_id=state.announcement.prekey_id,
            signed_prekey_id=state.announcement.signed_prekey_id,
            base_key=state.announcement.base_key,
            identity=own.identity.public,
            message=message,
        )
        return PREKEY_MESSAGE, wrapped.to_bytes()

    def decrypt(self, own: OwnKeys, kind: str, ciphertext: bytes) -> bytes:
        """The plaintext of a pkmsg or msg. Raises SignalError (Duplicate... when read before)."""
        if kind == PREKEY_MESSAGE:
            return self._decrypt_prekey(own, PrekeyMessage.parse(ciphertext))
        if kind != PLAIN_MESSAGE:
            raise SignalError(f"unknown ciphertext type {kind!r}")
        return self._decrypt(SignalMessage.parse(ciphertext))

    def _decrypt_prekey(self, own: OwnKeys, message: PrekeyMessage) -> bytes:
        inner = SignalMessage.parse(message.message)
        if any(state.base_key == message.base_key for state in self.states):
            return self._decrypt(inner)
        ratchet = respond(own, message.identity, message.base_key)
        plaintext, ratchet = ratchet.decrypt(inner)
        self._promote(SessionState(ratchet, message.base_key))
        return unpad(plaintext)

    def _decrypt(self, message: SignalMessage) -> bytes:
        failure = SignalError("there is no session")
        for state in self.states:
            try:
                plaintext, state.ratchet = state.ratchet.decrypt(message)
            except SignalError as error:
                if not isinstance(failure, DuplicateMessageError):
                    failure = error
                continue
            state.announcement = None
            self._promote(state)
            return unpad(plaintext)
        raise failure

    def _promote(self, state: SessionState) -> None:
        others = [other for other in self.states if other is not state]
        self.states = [state, *others][:MAX_STATES]

    def to_document(self) -> list[dict[str, Any]]:
        """The record as JSON-compatible data."""
        return [
            {
                "ratchet": state.ratchet.to_document(),
                "base_key": state.base_key.hex(),
                "announcement": state.announcement
                and [state.announcement.prekey_id, state.announcement.signed_prekey_id],
            }
            for state in self.states
        ]

    @classmethod
    def from_document(cls, document: list[dict[str, Any]]) -> "Session":
        """The record that `to_document` wrote."""
        return cls([_state_from(entry) for entry in document])


def _state_from(entry: dict[str, Any]) -> SessionState:
    base_key = bytes.fromhex(entry["base_key"])
    announced = entry["announcement"]
    return SessionState(
        RatchetState.from_document(entry["ratchet"]),
        base_key,
        Announcement(base_key, *announced) if announced else None,
    )
