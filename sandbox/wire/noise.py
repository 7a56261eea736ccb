"""The server side of Noise_XX_25519_AESGCM_SHA256 as WhatsApp's web protocol speaks it.

Source: whatsmeow handshake.go and socket/noisehandshake.go. Differences from plain Noise: the
protocol name is the initial hash and key, the prologue is the four byte header, the messages are
protobuf, and the server proves its static key with a two link certificate chain.
"""

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sandbox.wire import protobuf, xeddsa
from sandbox.wire.errors import HandshakeError
from sandbox.wire.frames import HEADER
from sandbox.wire.keys import KeyPair, derive

PROTOCOL_NAME = b"Noise_XX_25519_AESGCM_SHA256\x00\x00\x00\x00"
CERTIFICATE_SECONDS = 365 * 86_400
CLOCK_SKEW_SECONDS = 86_400

CLIENT_HELLO, SERVER_HELLO, CLIENT_FINISH = 2, 3, 4
"""Field numbers of HandshakeMessage."""

ROOT_SERIAL, INTERMEDIATE_SERIAL, LEAF_SERIAL = 0, 1, 2
"""whatsmeow demands issuer serial 0 in the intermediate certificate: the pinned root."""


@dataclass(frozen=True, slots=True)
class NoiseIdentity:
    """The network's keys: the root that clients pin, the intermediate, the server's static key."""

    root: KeyPair
    intermediate: KeyPair
    static: KeyPair

    @classmethod
    def generate(cls) -> "NoiseIdentity":
        """Fresh keys."""
        return cls(KeyPair.generate(), KeyPair.generate(), KeyPair.generate())

    def certificate_chain(self, now: float) -> bytes:
        """The serialized chain root > intermediate > static key, valid around `now` (seconds)."""
        leaf = _certificate(
            LEAF_SERIAL, INTERMEDIATE_SERIAL, self.static.public, self.intermediate, now
        )
        intermediate = _certificate(
            INTERMEDIATE_SERIAL, ROOT_SERIAL, self.intermediate.public, self.root, now
        )
        return protobuf.encode([(1, leaf), (2, intermediate)])


def _certificate(serial: int, issuer: int, key: bytes, signer: KeyPair, now: float) -> bytes:
    not_before = int(now) - CLOCK_SKEW_SECONDS
    not_after = int(now) + CERTIFICATE_SECONDS
    details = protobuf.encode([(1, serial), (2, issuer), (3, key), (4, not_before), (5, not_after)])
    return protobuf.encode([(1, details), (2, xeddsa.sign(signer.private, details))])


class CipherState:
    """The running hash, chaining key and cipher of a handshake (either side)."""

    def __init__(self) -> None:
        self.hash = PROTOCOL_NAME
        self._chaining_key = PROTOCOL_NAME
        self._cipher = AESGCM(PROTOCOL_NAME)
        self._counter = 0
        self.mix_hash(HEADER)

    def mix_hash(self, data: bytes) -> None:
        """Authenticate `data` as part of the transcript."""
        self.hash = hashlib.sha256(self.hash + data).digest()

    def mix_key(self, secret: bytes) -> None:
        """Fold a shared secret into the keys; the nonce starts again at zero."""
        self._chaining_key, key = self._expand(secret)
        self._cipher = AESGCM(key)
        self._counter = 0

    def encrypt(self, plaintext: bytes) -> bytes:
        """Encrypt for the peer and add the ciphertext to the transcript."""
        ciphertext = self._cipher.encrypt(nonce(self._counter), plaintext, self.hash)
        self._counter += 1
        self.mix_hash(ciphertext)
        return ciphertext

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Decrypt what the peer sent. Raises HandshakeError when it does not authenticate."""
        try:
            plaintext = self._cipher.decrypt(nonce(self._counter), ciphertext, self.hash)
        except (InvalidTag, ValueError) as error:
            raise HandshakeError("handshake ciphertext does not authenticate") from error
        self._counter += 1
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[AESGCM, AESGCM]:
        """The transport ciphers (client to server, server to client)."""
        upstream, downstream = self._expand(b"")
        return AESGCM(upstream), AESGCM(downstream)

    def _expand(self, secret: bytes) -> tuple[bytes, bytes]:
        out = derive(secret, 64, salt=self._chaining_key)
        return out[:32], out[32:]


class Transport:
    """The encrypted stream after the handshake, as seen by one side."""

    def __init__(self, *, reading: AESGCM, writing: AESGCM) -> None:
        self._reading = reading
        self._writing = writing
        self._read_counter = 0
        self._write_counter = 0

    def encrypt(self, plaintext: bytes) -> bytes:
        """The next outgoing ciphertext; ciphertexts must be sent in the order they were made."""
        ciphertext = self._writing.encrypt(nonce(self._write_counter), plaintext, None)
        self._write_counter += 1
        return ciphertext

    def decrypt(self, ciphertext: bytes) -> bytes:
        """The plaintext of the next incoming ciphertext. Raises HandshakeError."""
        try:
            plaintext = self._reading.decrypt(nonce(self._read_counter), ciphertext, None)
        except (InvalidTag, ValueError) as error:
            raise HandshakeError("transport ciphertext does not authenticate") from error
        self._read_counter += 1
        return plaintext


@dataclass(frozen=True, slots=True)
class Handshaken:
    """What the server knows when the handshake is done."""

    client_key: bytes
    payload: bytes
    transport: Transport


class ServerHandshake:
    """One handshake: `answer_hello`, then `finish`, once each and in this order."""

    def __init__(self, identity: NoiseIdentity, now: float) -> None:
        self._identity = identity
        self._now = now
        self._state = CipherState()
        self._ephemeral = KeyPair.generate()

    def answer_hello(self, message: bytes) -> bytes:
        """The ServerHello for a ClientHello. Raises WireError."""
        hello = protobuf.decode(message).message(CLIENT_HELLO)
        client_ephemeral = hello.sized(1, 32)
        state = self._state
        state.mix_hash(client_ephemeral)
        state.mix_hash(self._ephemeral.public)
        state.mix_key(self._ephemeral.agree(client_ephemeral))
        static = state.encrypt(self._identity.static.public)
        state.mix_key(self._identity.static.agree(client_ephemeral))
        chain = state.encrypt(self._identity.certificate_chain(self._now))
        server_hello = protobuf.encode([(1, self._ephemeral.public), (2, static), (3, chain)])
        return protobuf.encode([(SERVER_HELLO, server_hello)])

    def finish(self, message: bytes) -> Handshaken:
        """Read the ClientFinish. Raises WireError."""
        finish = protobuf.decode(message).message(CLIENT_FINISH)
        client_key = self._state.decrypt(finish.data(1))
        if len(client_key) != 32:
            raise HandshakeError("the client's static key is not 32 bytes")
        self._state.mix_key(self._ephemeral.agree(client_key))
        payload = self._state.decrypt(finish.data(2))
        upstream, downstream = self._state.split()
        return Handshaken(client_key, payload, Transport(reading=upstream, writing=downstream))


def nonce(counter: int) -> bytes:
    """The 12 byte AES-GCM nonce for a message counter."""
    return bytes(8) + counter.to_bytes(4, "big")
