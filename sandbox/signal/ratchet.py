"""The double ratchet: one session state between two devices.

Source: the Signal specification "The Double Ratchet Algorithm" and libsignal's session cipher,
message version 3. A state is changed only when a ciphertext authenticated; `decrypt` works on a
copy. States serialize to plain dictionaries so that they can be stored.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from sandbox.signal.ciphertexts import MAC_BYTES, SignalMessage
from sandbox.signal.errors import DuplicateMessageError, SignalError
from sandbox.wire.errors import WireError
from sandbox.wire.keys import DJB_TYPE, KeyPair, derive, mac

ROOT_INFO, KEYS_INFO = b"WhisperRatchet", b"WhisperMessageKeys"
MAX_SKIP = 2_000
"""libsignal refuses to jump further ahead in a chain."""
MAX_RECEIVING_CHAINS = 5
BLOCK_BITS = 128


@dataclass(frozen=True, slots=True)
class MessageKeys:
    """What encrypts exactly one message."""

    cipher: bytes
    mac: bytes
    iv: bytes

    def encrypt(self, plaintext: bytes) -> bytes:
        """AES-CBC with PKCS7 padding."""
        padder = PKCS7(BLOCK_BITS).padder()
        encryptor = Cipher(AES(self.cipher), CBC(self.iv)).encryptor()
        padded = padder.update(plaintext) + padder.finalize()
        return encryptor.update(padded) + encryptor.finalize()

    def decrypt(self, ciphertext: bytes) -> bytes:
        """The reverse. Raises SignalError."""
        unpadder = PKCS7(BLOCK_BITS).unpadder()
        decryptor = Cipher(AES(self.cipher), CBC(self.iv)).decryptor()
        try:
            padded = decryptor.update(ciphertext) + decryptor.finalize()
            return unpadder.update(padded) + unpadder.finalize()
        except ValueError as error:
            raise SignalError("the ciphertext has no valid padding") from error


@dataclass(frozen=True, slots=True)
class Chain:
    """A symmetric ratchet; `step` gives the keys of message number `index` and the next chain."""

    key: bytes
    index: int = 0

    def step(self) -> tuple[MessageKeys, "Chain"]:
        """The message keys at this index, and the chain behind them."""
        out = derive(mac(self.key, b"\x01"), 80, info=KEYS_INFO)
        keys = MessageKeys(out[:32], out[32:64], out[64:])
        return keys, Chain(mac(self.key, b"\x02"), self.index + 1)


@dataclass(slots=True)
class RatchetState:
    """One side of one session. Identities are untyped 32 byte public keys."""

    our_identity: bytes
    their_identity: bytes
    root: bytes
    ratchet: KeyPair
    sending: Chain
    previous_counter: int = 0
    receiving: dict[bytes, Chain] = field(default_factory=dict)
    skipped: dict[tuple[bytes, int], MessageKeys] = field(default_factory=dict)

    def encrypt(self, plaintext: bytes) -> SignalMessage:
        """The next message to the other side."""
        keys, following = self.sending.step()
        message = SignalMessage.seal(
            ratchet_key=self.ratchet.public,
            counter=self.sending.index,
            previous_counter=self.previous_counter,
            ciphertext=keys.encrypt(plaintext),
            mac_key=keys.mac,
            identities=DJB_TYPE + self.our_identity + DJB_TYPE + self.their_identity,
        )
        self.sending = following
        return message

    def decrypt(self, message: SignalMessage) -> tuple[bytes, "RatchetState"]:
        """The plaintext and the state to keep from now on. Raises SignalError, state unchanged."""
        state = replace(self, receiving=dict(self.receiving), skipped=dict(self.skipped))
        if message.ratchet_key not in state.receiving:
            state._turn(message.ratchet_key)
        keys = state._keys_for(message.ratchet_key, message.counter)
        identities = DJB_TYPE + self.their_identity + DJB_TYPE + self.our_identity
        if mac(keys.mac, identities + message.serialized)[:MAC_BYTES] != message.mac:
            raise SignalError("the message does not authenticate")
        return keys.decrypt(message.ciphertext), state

    def _turn(self, their_ratchet: bytes) -> None:
        """The other side has a new ratchet key: derive a receiving and a new sending chain."""
        try:
            self.receiving[their_ratchet] = self._advance_root(their_ratchet)
            self.previous_counter = max(self.sending.index - 1, 0)
            self.ratchet = KeyPair.generate()
            self.sending = self._advance_root(their_ratchet)
        except WireError as error:
            raise SignalError("the ratchet key is not usable") from error
        for old in list(self.receiving)[:-MAX_RECEIVING_CHAINS]:
            del self.receiving[old]
            self.skipped = {key: keys for key, keys in self.skipped.items() if key[0] != old}

    def _advance_root(self, their_ratchet: bytes) -> Chain:
        shared = self.ratchet.agree(their_ratchet)
        out = derive(shared, 64, salt=self.root, info=ROOT_INFO)
        self.root = out[:32]
        return Chain(out[32:])

    def _keys_for(self, their_ratchet: bytes, counter: int) -> MessageKeys:
        chain = self.receiving[their_ratchet]
        if counter < chain.index:
            keys = self.skipped.pop((their_ratchet, counter), None)
            if keys is None:
                raise DuplicateMessageError(f"message {counter} was already read")
            return keys
        if counter - chain.index > MAX_SKIP:
            raise SignalError(f"message {counter} is too far ahead of {chain.index}")
        while chain.index < counter:
            index = chain.index
            self.skipped[their_ratchet, index], chain = chain.step()
        keys, self.receiving[their_ratchet] = chain.step()
        return keys

    def to_document(self) -> dict[str, Any]:
        """The state as JSON-compatible data; keys as hex."""
        return {
            "our_identity": self.our_identity.hex(),
            "their_identity": self.their_identity.hex(),
            "root": self.root.hex(),
            "ratchet": self.ratchet.private.hex(),
            "sending": [self.sending.key.hex(), self.sending.index],
            "previous_counter": self.previous_counter,
            "receiving": [
                [ratchet.hex(), chain.key.hex(), chain.index]
                for ratchet, chain in self.receiving.items()
            ],
            "skipped": [
                [ratchet.hex(), index, keys.cipher.hex(), keys.mac.hex(), keys.iv.hex()]
                for (ratchet, index), keys in self.skipped.items()
            ],
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "RatchetState":
        """The state that `to_document` wrote."""
        key = bytes.fromhex
        chain_key, index = document["sending"]
        return cls(
            our_identity=key(document["our_identity"]),
            their_identity=key(document["their_identity"]),
            root=key(document["root"]),
            ratchet=KeyPair.from_private(key(document["ratchet"])),
            sending=Chain(key(chain_key), index),
            previous_counter=document["previous_counter"],
            receiving={
                key(ratchet): Chain(key(chain), position)
                for ratchet, chain, position in document["receiving"]
            },
            skipped={
                (key(ratchet), position): MessageKeys(key(cipher), key(mac_key), key(iv))
                for ratchet, position, cipher, mac_key, iv in document["skipped"]
            },
        )
