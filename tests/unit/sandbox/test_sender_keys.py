"""Sender keys: one encryption for a whole group."""

from __future__ import annotations

import pytest

from sandbox.signal.errors import DuplicateMessageError, SignalError
from sandbox.signal.sender_keys import MAX_SKIP, Distribution, ReceivedKeys, SenderKey


def member_of(key: SenderKey) -> ReceivedKeys:
    """Somebody who was told the key now."""
    keys = ReceivedKeys()
    keys.learn(Distribution.parse(key.distribution().to_bytes()))
    return keys


def test_every_member_reads_the_same_ciphertext() -> None:
    key = SenderKey.generate()
    members = [member_of(key), member_of(key)]
    ciphertext = key.encrypt(b"to all")
    assert [member.decrypt(ciphertext) for member in members] == [b"to all"] * 2


def test_messages_are_read_in_any_order_and_once() -> None:
    key = SenderKey.generate()
    member = member_of(key)
    first, second, third = (key.encrypt(text) for text in (b"1", b"2", b"3"))
    assert [member.decrypt(one) for one in (third, first, second)] == [b"3", b"1", b"2"]
    with pytest.raises(DuplicateMessageError):
        member.decrypt(second)


def test_a_newcomer_cannot_read_what_was_said_before() -> None:
    key = SenderKey.generate()
    before = key.encrypt(b"before")
    newcomer = member_of(key)
    with pytest.raises(SignalError):
        newcomer.decrypt(before)
    assert newcomer.decrypt(key.encrypt(b"after")) == b"after"


def test_a_key_that_was_never_told_cannot_be_used() -> None:
    with pytest.raises(SignalError, match="unknown"):
        ReceivedKeys().decrypt(SenderKey.generate().encrypt(b"?"))


def test_telling_a_key_again_does_not_turn_it_back() -> None:
    key = SenderKey.generate()
    told = key.distribution()
    member = member_of(key)
    first = key.encrypt(b"1")
    member.decrypt(first)
    member.learn(told)
    with pytest.raises(DuplicateMessageError):
        member.decrypt(first)


def test_an_old_key_stays_readable_next_to_a_new_one() -> None:
    old, new = SenderKey.generate(), SenderKey.generate()
    member = member_of(old)
    late = old.encrypt(b"late")
    member.learn(new.distribution())
    assert member.decrypt(new.encrypt(b"new")) == b"new"
    assert member.decrypt(late) == b"late"


@pytest.mark.parametrize("position", [5, -1, -40])
def test_a_changed_ciphertext_is_refused_and_uses_nothing_up(position: int) -> None:
    key = SenderKey.generate()
    member = member_of(key)
    ciphertext = key.encrypt(b"true")
    changed = bytearray(ciphertext)
    changed[position] ^= 1
    with pytest.raises(SignalError):
        member.decrypt(bytes(changed))
    assert member.decrypt(ciphertext) == b"true"


def test_nobody_jumps_too_far_ahead() -> None:
    key = SenderKey.generate()
    member = member_of(key)
    for _ in range(MAX_SKIP + 1):
        _, key.chain = key.chain.step()
    with pytest.raises(SignalError, match="too far"):
        member.decrypt(key.encrypt(b"far"))


def test_keys_are_written_down_and_read_again() -> None:
    key = SenderKey.generate()
    member = member_of(key)
    skipped, read = key.encrypt(b"skipped"), key.encrypt(b"read")
    member.decrypt(read)
    key = SenderKey.from_document(key.to_document())
    member = ReceivedKeys.from_document(member.to_document())
    assert member.decrypt(key.encrypt(b"next")) == b"next"
    assert member.decrypt(skipped) == b"skipped"


@pytest.mark.parametrize("data", [b"", b"\x33", b"\x23\x08\x01", b"\x33\xff"])
def test_nonsense_is_no_distribution_message(data: bytes) -> None:
    with pytest.raises(SignalError):
        Distribution.parse(data)
