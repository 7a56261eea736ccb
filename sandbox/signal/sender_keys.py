"""Sender keys: how one device encrypts once for a whole group.

The owner of a key tells each member device its chain once (a distribution message, sent pairwise);
from then on every message is encrypted with the chain and signed. Source: libsignal groups/ and
protocol/SenderKeyMessage, message version 3; message keys are derived with the info `WhisperGroup`.
"""

import secrets
from dataclasses import dataclass, field
from typing import Any

from sandbox.signal.ciphertexts import PUBLIC_BYTES, VERSION, pad, unpad
from sandbox.signal.errors import DuplicateMessageError, SignalError
from sandbox.signal.ratchet import MessageKeys
from sandbox.wire import protobuf, xeddsa
from sandbox.wire.errors import WireError
from sandbox.wire.keys import DJB_TYPE, KeyPair, derive, mac

GROUP_MESSAGE = "skmsg"
KEYS_INFO = b"WhisperGroup"
MAX_SKIP = 2_000
MAX_STATES = 5
MAX_SKIPPED = 2_000
KEY_ID_BITS = 31


@dataclass(frozen=True, slots=True)
class SenderChain:
    """A symmetric ratchet; `step` gives the keys of message number `iteration` and what follows."""

    key: bytes
    iteration: int = 0

    def step(self) -> tuple[bytes, "SenderChain"]:
        """The seed of the message at this iteration, and the chain behind it."""
        seed = mac(self.key, b"\x01")
        return seed, SenderChain(mac(self.key, b"\x02"), self.iteration + 1)


@dataclass(frozen=True, slots=True)
class Distribution:
    """What a member device must know to read messages from now on."""

    key_id: int
    chain: SenderChain
    signing_key: bytes

    @classmethod
    def parse(cls, data: bytes) -> "Distribution":
        """Read a distribution message. Raises SignalError."""
        try:
            fields = protobuf.decode(_after_version(data))
            signing_key = fields.sized(4, PUBLIC_BYTES)
            chain = SenderChain(fields.sized(3, 32), fields.integer(2))
            return cls(fields.integer(1), chain, signing_key.removeprefix(DJB_TYPE))
        except WireError as error:
            raise SignalError("not a sender key distribution message") from error

    def to_bytes(self) -> bytes:
        """The distribution message."""
        return VERSION + protobuf.encode(
            [
                (1, self.key_id),
                (2, self.chain.iteration),
                (3, self.chain.key),
                (4, DJB_TYPE + self.signing_key),
            ]
        )


@dataclass(slots=True)
class SenderKey:
    """The own key of a device in one group."""

    key_id: int
    chain: SenderChain
    signing: KeyPair

    @classmethod
    def generate(cls) -> "SenderKey":
        """A new random key."""
        chain = SenderChain(secrets.token_bytes(32))
        return cls(secrets.randbits(KEY_ID_BITS), chain, KeyPair.generate())

    def distribution(self) -> Distribution:
        """What lets others read from the next message on."""
        return Distribution(self.key_id, self.chain, self.signing.public)

    def encrypt(self, plaintext: bytes) -> bytes:
        """The `skmsg` ciphertext of the next message."""
        seed, following = self.chain.step()
        body = VERSION + protobuf.encode(
            [
                (1, self.key_id),
                (2, self.chain.iteration),
                (3, _keys(seed).encrypt(pad(plaintext))),
            ]
        )
        self.chain = following
        return body + xeddsa.sign(self.signing.private, body)

    def to_document(self) -> dict[str, Any]:
        """The key as JSON-compatible data."""
        return {
            "key_id": self.key_id,
            "chain": [self.chain.key.hex(), self.chain.iteration],
            "signing": self.signing.private.hex(),
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "SenderKey":
        """The key that `to_document` wrote."""
        key, iteration = document["chain"]
        signing = KeyPair.from_private(bytes.fromhex(document["signing"]))
        return cls(document["key_id"], SenderChain(bytes.fromhex(key), iteration), signing)


@dataclass(slots=True)
class ReceivedKey:
    """Another device's key, and the seeds of messages that have not come yet."""

    key_id: int
    chain: SenderChain
    signing_key: bytes
    skipped: dict[int, bytes] = field(default_factory=dict)

    def seed_for(self, iteration: int) -> bytes:
        """The seed of one message; it is used up. Raises SignalError."""
        if iteration < self.chain.iteration:
            seed = self.skipped.pop(iteration, None)
            if seed is None:
                raise DuplicateMessageError(f"message {iteration} was already read")
            return seed
        if iteration - self.chain.iteration > MAX_SKIP:
            raise SignalError(f"message {iteration} is too far ahead of {self.chain.iteration}")
        while self.chain.iteration < iteration:
            index = self.chain.iteration
            self.skipped[index], self.chain = self.chain.step()
        for old in list(self.skipped)[:-MAX_SKIPPED]:
            del self.skipped[old]
        seed, self.chain = self.chain.step()
        return seed


@dataclass(slots=True)
class ReceivedKeys:
    """All keys that one device has used in one group; the newest is first."""

    keys: list[ReceivedKey] = field(default_factory=list)

    def learn(self, distribution: Distribution) -> None:
        """Take a distribution message; one for a key that is known changes nothing."""
        if any(key.key_id == distribution.key_id for key in self.keys):
            return
        key = ReceivedKey(distribution.key_id, distribution.chain, distribution.signing_key)
        self.keys = [key, *self.keys][:MAX_STATES]

    def decrypt(self, data: bytes) -> bytes:
        """The plaintext of a `skmsg`. Raises SignalError (Duplicate... when read before)."""
        body, signature = data[: -xeddsa.SIGNATURE_BYTES], data[-xeddsa.SIGNATURE_BYTES :]
        try:
            fields = protobuf.decode(_after_version(body))
            key_id, iteration, ciphertext = fields.integer(1), fields.integer(2), fields.data(3)
        except WireError as error:
            raise SignalError("not a sender key message") from error
        key = next((key for key in self.keys if key.key_id == key_id), None)
        if key is None:
            raise SignalError(f"the sender key {key_id} is unknown")
        if not xeddsa.verify(key.signing_key, body, signature):
            raise SignalError("the message is not signed by its sender")
        return unpad(_keys(key.seed_for(iteration)).decrypt(ciphertext))

    def to_document(self) -> list[dict[str, Any]]:
        """The keys as JSON-compatible data."""
        return [
            {
                "key_id": key.key_id,
                "chain": [key.chain.key.hex(), key.chain.iteration],
                "signing_key": key.signing_key.hex(),
                "skipped": {str(index): seed.hex() for index, seed in key.skipped.items()},
            }
            for key in self.keys
        ]

    @classmethod
    def from_document(cls, document: list[dict[str, Any]]) -> "ReceivedKeys":
        """The keys that `to_document` wrote."""
        return cls([_received_from(entry) for entry in document])


def _received_from(entry: dict[str, Any]) -> ReceivedKey:
    chain, iteration = entry["chain"]
    return ReceivedKey(
        key_id=entry["key_id"],
        chain=SenderChain(bytes.fromhex(chain), iteration),
        signing_key=bytes.fromhex(entry["signing_key"]),
        skipped={int(index): bytes.fromhex(seed) for index, seed in entry["skipped"].items()},
    )


def _keys(seed: bytes) -> MessageKeys:
    out = derive(seed, 48, info=KEYS_INFO)
    return MessageKeys(cipher=out[16:], mac=b"", iv=out[:16])


def _after_version(data: bytes) -> bytes:
    if not data or data[0] >> 4 != VERSION[0] >> 4:
        raise SignalError("not message version 3")
    return data[1:]
