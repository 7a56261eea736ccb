"""The QR text and the signatures that bind a companion to its phone."""

import base64

import pytest

from sandbox.pairing import IdentityOffer, PairingError, parse_qr
from sandbox.wire import protobuf, xeddsa
from sandbox.wire.keys import KeyPair, mac

KEYS = [bytes([number]) * 32 for number in (1, 2, 3)]


def qr_text(prefix: str = "https://wa.me/settings/linked_devices#", ref: str = "2@ref/+=") -> str:
    return prefix + ",".join([ref, *(base64.b64encode(key).decode() for key in KEYS), "1"])


@pytest.mark.parametrize("prefix", ["https://wa.me/settings/linked_devices#", ""])
def test_a_code_is_read_with_and_without_its_url(prefix: str) -> None:
    code = parse_qr(qr_text(prefix))
    assert code.ref == "2@ref/+="
    assert [code.noise_key, code.identity, code.adv_secret] == KEYS


@pytest.mark.parametrize("text", ["", "hello", "a,b,c,d", "ref,AAAA,AAAA,AAAA", qr_text(ref="")])
def test_what_is_not_a_code_is_refused(text: str) -> None:
    with pytest.raises(PairingError):
        parse_qr(text)


def make_offer(account: KeyPair, companion: KeyPair) -> IdentityOffer:
    return IdentityOffer.sign(account, companion.public, raw_id=1, key_index=2, now=3)


def countersign(offer: IdentityOffer, companion: KeyPair) -> bytes:
    signed = b"\x06\x01" + offer.details + companion.public + offer.account_key
    return offer.signed + protobuf.encode([(4, xeddsa.sign(companion.private, signed))])


def test_the_phone_signs_the_companions_identity() -> None:
    account, companion = KeyPair.generate(), KeyPair.generate()
    offer = make_offer(account, companion)
    outer = protobuf.decode(offer.authenticated(b"secret"))
    assert outer.data(2) == mac(b"secret", outer.data(1))
    signed = outer.message(1)
    message = b"\x06\x00" + signed.data(1) + companion.public
    assert xeddsa.verify(account.public, message, signed.data(3))


def test_the_companions_signature_is_checked() -> None:
    account, companion = KeyPair.generate(), KeyPair.generate()
    offer = make_offer(account, companion)
    answer = countersign(offer, companion)
    assert offer.accept(answer) == answer
    for wrong in (countersign(offer, KeyPair.generate()), b"", b"\xff"):
        with pytest.raises(PairingError):
            offer.accept(wrong)
