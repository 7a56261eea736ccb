"""Files as WhatsApp encrypts them before they go to a media host.

Source: whatsmeow upload.go and download.go. HKDF-SHA256 of the media key with a text that names
the kind gives IV (16), cipher key (32) and MAC key (32); the body is AES-256-CBC with PKCS7
padding, followed by the first ten bytes of HMAC-SHA256 over IV and body.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from sandbox.wire.keys import derive, mac

KEY_BYTES = 32
MAC_BYTES = 10
EXPANDED_BYTES = 112
BLOCK_BITS = 128
HISTORY = "md-msg-hist"
KEY_INFO = {
    "image": b"WhatsApp Image Keys",
    "sticker": b"WhatsApp Image Keys",
    "video": b"WhatsApp Video Keys",
    "audio": b"WhatsApp Audio Keys",
    "document": b"WhatsApp Document Keys",
    HISTORY: b"WhatsApp History Keys",
}
"""By the kind of file; the names are those of the media host's paths, but for stickers."""


class SealedFileError(Exception):
    """The file is not what the message says: hash, MAC or padding is wrong."""


@dataclass(frozen=True, slots=True)
class SealedFile:
    """An encrypted file and what a message tells about it."""

    body: bytes
    media_key: bytes
    plain_sha256: bytes
    size: int
    """Of the file before encryption, in bytes."""

    @property
    def sha256(self) -> bytes:
        """The hash of the encrypted file, by which the media host knows it."""
        return hashlib.sha256(self.body).digest()


def seal(data: bytes, kind: str, media_key: bytes | None = None) -> SealedFile:
    """Encrypt a file; `kind` is one of KEY_INFO. The key is random unless given."""
    key = media_key or secrets.token_bytes(KEY_BYTES)
    iv, cipher_key, mac_key = _keys(key, kind)
    padder = PKCS7(BLOCK_BITS).padder()
    encryptor = Cipher(AES(cipher_key), CBC(iv)).encryptor()
    body = encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()
    sealed = body + mac(mac_key, iv + body)[:MAC_BYTES]
    return SealedFile(sealed, key, hashlib.sha256(data).digest(), len(data))


def unseal(
    body: bytes, kind: str, media_key: bytes, *, sha256: bytes, plain_sha256: bytes
) -> bytes:
    """Check and decrypt a file. Raises SealedFileError, which says what is wrong."""
    if hashlib.sha256(body).digest() != sha256:
        raise SealedFileError("the hash of the encrypted file is wrong")
    iv, cipher_key, mac_key = _keys(media_key, kind)
    ciphertext, tag = body[:-MAC_BYTES], body[-MAC_BYTES:]
    if not hmac.compare_digest(mac(mac_key, iv + ciphertext)[:MAC_BYTES], tag):
        raise SealedFileError("the file does not authenticate")
    decryptor = Cipher(AES(cipher_key), CBC(iv)).decryptor()
    unpadder = PKCS7(BLOCK_BITS).unpadder()
    try:
        padded = decryptor.update(ciphertext) + decryptor.finalize()
        data = unpadder.update(padded) + unpadder.finalize()
    except ValueError as error:
        raise SealedFileError("the file has no valid padding") from error
    if hashlib.sha256(data).digest() != plain_sha256:
        raise SealedFileError("the hash of the decrypted file is wrong")
    return data


def _keys(media_key: bytes, kind: str) -> tuple[bytes, bytes, bytes]:
    expanded = derive(media_key, EXPANDED_BYTES, info=KEY_INFO[kind])
    return expanded[:16], expanded[16:48], expanded[48:80]
