"""The server side of the handshake against a client side written from the specification."""

import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sandbox.wire import protobuf, xeddsa
from sandbox.wire.errors import HandshakeError, WireError
from sandbox.wire.keys import KeyPair
from sandbox.wire.noise import CipherState, NoiseIdentity, ServerHandshake, nonce

NOW = 1_800_000_000.0


class Client:
    """The initiator of Noise XX, with WhatsApp's protobuf around the messages."""

    def __init__(self) -> None:
        self.static = KeyPair.generate()
        self.ephemeral = KeyPair.generate()
        self.state = CipherState()
        self.server_static = b""
        self.chain = b""

    def hello(self) -> bytes:
        self.state.mix_hash(self.ephemeral.public)
        return protobuf.encode([(2, protobuf.encode([(1, self.ephemeral.public)]))])

    def finish(self, server_hello: bytes, payload: bytes) -> bytes:
        answer = protobuf.decode(server_hello).message(3)
        server_ephemeral = answer.data(1)
        self.state.mix_hash(server_ephemeral)
        self.state.mix_key(self.ephemeral.agree(server_ephemeral))
        self.server_static = self.state.decrypt(answer.data(2))
        self.state.mix_key(self.ephemeral.agree(self.server_static))
        self.chain = self.state.decrypt(answer.data(3))
        static = self.state.encrypt(self.static.public)
        self.state.mix_key(self.static.agree(server_ephemeral))
        encrypted = self.state.encrypt(payload)
        return protobuf.encode([(4, protobuf.encode([(1, static), (2, encrypted)]))])

    def ciphers(self) -> tuple[AESGCM, AESGCM]:
        return self.state.split()


def test_both_sides_end_with_the_same_keys() -> None:
    identity, client = NoiseIdentity.generate(), Client()
    server = ServerHandshake(identity, NOW)
    done = server.finish(client.finish(server.answer_hello(client.hello()), b"the payload"))
    assert (done.client_key, done.payload) == (client.static.public, b"the payload")
    assert client.server_static == identity.static.public
    upstream, downstream = client.ciphers()
    for counter, text in enumerate([b"one", b"two"]):
        assert done.transport.decrypt(upstream.encrypt(nonce(counter), text, None)) == text
        assert downstream.decrypt(nonce(counter), done.transport.encrypt(text), None) == text


def test_the_certificate_chain_leads_from_the_root_to_the_static_key() -> None:
    identity = NoiseIdentity.generate()
    chain = protobuf.decode(identity.certificate_chain(NOW))
    leaf, intermediate = chain.message(1), chain.message(2)
    assert xeddsa.verify(identity.root.public, intermediate.data(1), intermediate.data(2))
    assert xeddsa.verify(intermediate.message(1).data(3), leaf.data(1), leaf.data(2))
    assert leaf.message(1).data(3) == identity.static.public
    assert intermediate.message(1).integer(2) == 0
    assert leaf.message(1).integer(2) == intermediate.message(1).integer(1)
    assert leaf.message(1).integer(4) < NOW < leaf.message(1).integer(5)


def test_a_changed_finish_does_not_authenticate() -> None:
    client = Client()
    server = ServerHandshake(NoiseIdentity.generate(), NOW)
    finish = bytearray(client.finish(server.answer_hello(client.hello()), b"payload"))
    finish[-1] ^= 1
    with pytest.raises(HandshakeError):
        server.finish(bytes(finish))


@pytest.mark.parametrize("hello", [b"", b"\xff" * 40, protobuf.encode([(2, b"")])])
def test_a_hello_that_is_none_is_refused(hello: bytes) -> None:
    with pytest.raises(WireError):
        ServerHandshake(NoiseIdentity.generate(), NOW).answer_hello(hello)


def test_random_ciphertext_is_refused() -> None:
    client = Client()
    server = ServerHandshake(NoiseIdentity.generate(), NOW)
    done = server.finish(client.finish(server.answer_hello(client.hello()), b""))
    with pytest.raises(HandshakeError):
        done.transport.decrypt(os.urandom(40))
