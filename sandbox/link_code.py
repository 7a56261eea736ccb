"""The cryptography of pairing by an 8-character code, from the phone's side.

Source: whatsmeow pair-code.go. Both sides hide an ephemeral key under the code (PBKDF2, AES-CTR);
only who knows the code gets the other's key, and the key bundle that follows is authenticated.
"""

import hashlib
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from sandbox.pairing import PairingError
from sandbox.wire.errors import WireError
from sandbox.wire.keys import KeyPair, derive

PBKDF2_ROUNDS = 2 << 16
SALT_BYTES, IV_BYTES, KEY_BYTES, GCM_NONCE_BYTES = 32, 16, 32, 12
WRAPPED_BYTES = SALT_BYTES + IV_BYTES + KEY_BYTES
BUNDLE_KEY_INFO = b"link_code_pairing_key_bundle_encryption_key"
ADV_SECRET_INFO = b"adv_secret"


def normalize_code(code: str) -> str:
    """The code as the key derivation wants it: no dash, no spaces, upper case."""
    return code.replace("-", "").replace(" ", "").upper()


def wrap_key(code: str, public: bytes) -> bytes:
    """Hide a public key under the code: salt, IV, ciphertext. Slow on purpose."""
    salt, iv = os.urandom(SALT_BYTES), os.urandom(IV_BYTES)
    return salt + iv + _cipher(code, salt, iv, public)


def unwrap_key(code: str, wrapped: bytes) -> bytes:
    """The hidden public key; a wrong code gives a wrong key, not an error. Slow on purpose.

    Raises PairingError when `wrapped` has the wrong size.
    """
    if len(wrapped) != WRAPPED_BYTES:
        raise PairingError("the wrapped companion key has the wrong size")
    salt, rest = wrapped[:SALT_BYTES], wrapped[SALT_BYTES:]
    return _cipher(code, salt, rest[:IV_BYTES], rest[IV_BYTES:])


def _cipher(code: str, salt: bytes, iv: bytes, data: bytes) -> bytes:
    password = normalize_code(code).encode()
    key = hashlib.pbkdf2_hmac("sha256", password, salt, PBKDF2_ROUNDS, KEY_BYTES)
    encryptor = Cipher(AES(key), CTR(iv)).encryptor()
    return encryptor.update(data) + encryptor.finalize()


@dataclass(frozen=True, slots=True)
class KeyBundle:
    """What the companion reveals once it has the phone's key."""

    companion_identity: bytes
    adv_secret: bytes


def open_bundle(
    bundle: bytes, *, account: KeyPair, ephemeral: KeyPair, companion_ephemeral: bytes
) -> KeyBundle:
    """Decrypt the companion's key bundle and derive the secret for pair-success.

    Raises PairingError when the two sides did not use the same code.
    """
    salt, rest = bundle[:SALT_BYTES], bundle[SALT_BYTES:]
    try:
        shared = ephemeral.agree(companion_ephemeral)
        key = derive(shared, KEY_BYTES, salt=salt, info=BUNDLE_KEY_INFO)
        plain = AESGCM(key).decrypt(rest[:GCM_NONCE_BYTES], rest[GCM_NONCE_BYTES:], None)
    except (InvalidTag, ValueError, WireError) as error:
        raise PairingError("the code is wrong") from error
    identity, account_key, random = plain[:32], plain[32:64], plain[64:]
    if account_key != account.public:
        raise PairingError("the companion answered to another phone")
    secret = shared + account.agree(identity) + random
    return KeyBundle(identity, derive(secret, KEY_BYTES, info=ADV_SECRET_INFO))
