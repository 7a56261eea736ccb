"""Sealing of what endpoints must keep secret: signing secrets and custom headers.

AES-256-GCM; the key comes from SECRET_KEY by HKDF, and what is sealed for one endpoint cannot be
opened as another's. SECRET_KEY_FALLBACKS still open, so that SECRET_KEY can be changed.
"""

from __future__ import annotations

import functools
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

NONCE_BYTES = 12
INFO = b"switchboard webhooks v1"


class Unreadable(Exception):
    """Sealed under another SECRET_KEY, or damaged."""


@functools.lru_cache(maxsize=8)
def _cipher(secret_key: str) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=INFO)
    return AESGCM(derived.derive(secret_key.encode()))


def seal(text: str, *, for_whom: str) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(settings.SECRET_KEY).encrypt(nonce, text.encode(), for_whom.encode())


def unseal(sealed: bytes | memoryview, *, for_whom: str) -> str:
    whole = bytes(sealed)
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            opened = _cipher(key).decrypt(
                whole[:NONCE_BYTES], whole[NONCE_BYTES:], for_whom.encode()
            )
        except (InvalidTag, ValueError):
            continue  # not under this key; one of the older ones may open it
        return opened.decode()
    raise Unreadable("sealed under another SECRET_KEY, or damaged")
