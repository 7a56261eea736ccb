"""Sessions between two Signal peers: order, loss, duplicates, both starting, lost state."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.signal.agreement import OwnKeys
from sandbox.signal.ciphertexts import pad, unpad
from sandbox.signal.errors import DuplicateMessageError, SignalError
from sandbox.signal.ratchet import MAX_SKIP
from sandbox.signal.session import Session
from sandbox.wire import xeddsa
from sandbox.wire.key_nodes import KeyBundle, PublicPrekey
from sandbox.wire.keys import DJB_TYPE, KeyPair


class Peer:
    """A device with its keys and its session with the other one."""

    def __init__(self) -> None:
        self.keys = OwnKeys(KeyPair.generate(), 77, 1, KeyPair.generate())
        self.session = Session()

    def bundle(self) -> KeyBundle:
        public = self.keys.signed_prekey.public
        signature = xeddsa.sign(self.keys.identity.private, DJB_TYPE + public)
        signed = PublicPrekey(1, public, signature)
        return KeyBundle(b"\0\0\0M", self.keys.identity.public, signed, None)

    def encrypt(self, text: bytes) -> tuple[str, bytes]:
        return self.session.encrypt(self.keys, text)

    def decrypt(self, message: tuple[str, bytes]) -> bytes:
        return self.session.decrypt(self.keys, *message)

    def restart(self) -> None:
        self.session = Session.from_document(self.session.to_document())


@pytest.fixture
def peers() -> tuple[Peer, Peer]:
    return acquainted()


def acquainted() -> tuple[Peer, Peer]:
    first, second = Peer(), Peer()
    first.session.start(first.keys, second.bundle())
    return first, second


def test_prekey_messages_are_repeated_until_the_other_side_answers(
    peers: tuple[Peer, Peer],
) -> None:
    first, second = peers
    messages = [first.encrypt(b"one"), first.encrypt(b"two")]
    assert [kind for kind, _ in messages] == ["pkmsg", "pkmsg"]
    assert [second.decrypt(message) for message in messages] == [b"one", b"two"]
    assert first.decrypt(second.encrypt(b"answer")) == b"answer"
    assert first.encrypt(b"three")[0] == "msg"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=25), st.integers())
def test_messages_arrive_in_any_order_across_restarts(
    steps: list[tuple[bool, bool]], seed: int
) -> None:
    first, second = acquainted()
    assert second.decrypt(first.encrypt(b"start")) == b"start"
    shuffled = random.Random(seed)
    for number, (from_first, restart) in enumerate(steps):
        sender, receiver = (first, second) if from_first else (second, first)
        texts = [b"%d-%d" % (number, index) for index in range(3)]
        messages = [(text, sender.encrypt(text)) for text in texts]
        shuffled.shuffle(messages)
        for text, message in messages:
            assert receiver.decrypt(message) == text
        if restart:
            receiver.restart()


def test_a_skipped_message_is_still_read_later(peers: tuple[Peer, Peer]) -> None:
    first, second = peers
    late, soon = first.encrypt(b"late"), first.encrypt(b"soon")
    assert second.decrypt(soon) == b"soon"
    first.decrypt(second.encrypt(b"turn the ratchet"))
    assert second.decrypt(first.encrypt(b"next chain")) == b"next chain"
    assert second.decrypt(late) == b"late"


def test_a_message_is_read_once(peers: tuple[Peer, Peer]) -> None:
    first, second = peers
    message = first.encrypt(b"once")
    second.decrypt(message)
    with pytest.raises(DuplicateMessageError):
        second.decrypt(message)


def test_a_forged_message_changes_nothing(peers: tuple[Peer, Peer]) -> None:
    first, second = peers
    second.decrypt(first.encrypt(b"start"))
    first.decrypt(second.encrypt(b"answer"))
    kind, ciphertext = first.encrypt(b"genuine")
    before = second.session.to_document()
    with pytest.raises(SignalError):
        second.decrypt((kind, ciphertext[:-1] + bytes([ciphertext[-1] ^ 1])))
    assert second.session.to_document() == before
    assert second.decrypt((kind, ciphertext)) == b"genuine"


def test_both_sides_may_start_at_the_same_time() -> None:
    first, second = Peer(), Peer()
    first.session.start(first.keys, second.bundle())
    second.session.start(second.keys, first.bundle())
    from_first, from_second = first.encrypt(b"from first"), second.encrypt(b"from second")
    assert second.decrypt(from_first) == b"from first"
    assert first.decrypt(from_second) == b"from second"
    for number in range(4):
        text = b"%d" % number
        assert second.decrypt(first.encrypt(text)) == text
        assert first.decrypt(second.encrypt(text)) == text


def test_a_peer_that_forgot_everything_starts_again(peers: tuple[Peer, Peer]) -> None:
    first, second = peers
    second.decrypt(first.encrypt(b"start"))
    first.decrypt(second.encrypt(b"answer"))
    first.session = Session()
    with pytest.raises(SignalError):
        first.decrypt(second.encrypt(b"unreadable"))
    first.session.start(first.keys, second.bundle())
    assert second.decrypt(first.encrypt(b"again")) == b"again"
    assert first.decrypt(second.encrypt(b"welcome back")) == b"welcome back"


def test_a_jump_too_far_ahead_is_refused(peers: tuple[Peer, Peer]) -> None:
    first, second = peers
    second.decrypt(first.encrypt(b"start"))
    for _ in range(MAX_SKIP + 2):
        far = first.encrypt(b"far")
    with pytest.raises(SignalError):
        second.decrypt(far)


def test_a_bundle_with_a_foreign_signature_is_refused() -> None:
    first, second, third = Peer(), Peer(), Peer()
    genuine, foreign = second.bundle(), third.bundle()
    bundle = KeyBundle(genuine.registration, genuine.identity, foreign.signed_prekey, None)
    with pytest.raises(SignalError):
        first.session.start(first.keys, bundle)


@given(st.binary(max_size=120), st.sampled_from(["pkmsg", "msg", "skmsg"]))
def test_any_bytes_are_refused_with_one_kind_of_error(data: bytes, kind: str) -> None:
    with pytest.raises(SignalError):
        Peer().decrypt((kind, data))


@given(st.binary(max_size=64))
def test_padding_is_removed_again(plaintext: bytes) -> None:
    assert unpad(pad(plaintext)) == plaintext
