"""Pairing by code, both sides played here."""

import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sandbox.link_code import normalize_code, open_bundle, unwrap_key, wrap_key
from sandbox.pairing import PairingError
from sandbox.wire.keys import KeyPair, derive

CODE = "ABCD-1234"


def bundle_of(companion: KeyPair, account: KeyPair, shared: bytes, random: bytes) -> bytes:
    salt, nonce = os.urandom(32), os.urandom(12)
    key = derive(shared, 32, salt=salt, info=b"link_code_pairing_key_bundle_encryption_key")
    plain = companion.public + account.public + random
    return salt + nonce + AESGCM(key).encrypt(nonce, plain, None)


def test_who_knows_the_code_gets_the_same_secret() -> None:
    account, phone, companion, ephemeral = (KeyPair.generate() for _ in range(4))
    wrapped = wrap_key(CODE, ephemeral.public)
    companion_ephemeral = unwrap_key("abcd1234", wrapped)
    assert companion_ephemeral == ephemeral.public
    random = os.urandom(32)
    shared = ephemeral.agree(phone.public)
    bundle = open_bundle(
        bundle_of(companion, account, shared, random),
        account=account,
        ephemeral=phone,
        companion_ephemeral=companion_ephemeral,
    )
    expected = derive(shared + companion.agree(account.public) + random, 32, info=b"adv_secret")
    assert (bundle.companion_identity, bundle.adv_secret) == (companion.public, expected)


def test_a_wrong_code_gives_a_wrong_key_and_no_bundle() -> None:
    account, phone, companion, ephemeral = (KeyPair.generate() for _ in range(4))
    wrong = unwrap_key("XXXX-9999", wrap_key(CODE, ephemeral.public))
    assert wrong != ephemeral.public
    shared = ephemeral.agree(phone.public)
    with pytest.raises(PairingError):
        open_bundle(
            bundle_of(companion, account, shared, bytes(32)),
            account=account,
            ephemeral=phone,
            companion_ephemeral=wrong,
        )


def test_a_bundle_for_another_phone_is_refused() -> None:
    account, phone, companion, ephemeral = (KeyPair.generate() for _ in range(4))
    shared = ephemeral.agree(phone.public)
    with pytest.raises(PairingError):
        open_bundle(
            bundle_of(companion, KeyPair.generate(), shared, bytes(32)),
            account=account,
            ephemeral=phone,
            companion_ephemeral=ephemeral.public,
        )


def test_a_wrapped_key_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(PairingError):
        unwrap_key(CODE, b"short")


def test_a_code_is_normalized() -> None:
    assert normalize_code(" abcd-1234 ") == "ABCD1234"
