"""Sealing of short secrets at rest. AES-256-GCM; one key per purpose, from SECRET_KEY by HKDF.

What is sealed for one row cannot be opened as another's. SECRET_KEY_FALLBACKS still open, so that
SECRET_KEY can be changed; `manage.py reseal` then seals everything under the new one.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

NONCE_BYTES = 12


class Unreadable(Exception):
    """Sealed under another SECRET_KEY, or damaged."""


@functools.lru_cache(maxsize=16)
def _cipher(secret_key: str, purpose: bytes) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose)
    return AESGCM(derived.derive(secret_key.encode()))


@dataclass(frozen=True, slots=True)
class Seal:
    """Secrets of one kind."""

    purpose: bytes

    def seal(self, text: str, *, for_whom: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        cipher = _cipher(settings.SECRET_KEY, self.purpose)
        return nonce + cipher.encrypt(nonce, text.encode(), for_whom.encode())

    def unseal(self, sealed: bytes | memoryview, *, for_whom: str) -> str:
        whole = bytes(sealed)
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
            try:
                opened = _cipher(key, self.purpose).decrypt(
                    whole[:NONCE_BYTES], whole[NONCE_BYTES:], for_whom.encode()
                )
            except (InvalidTag, ValueError):
                continue
            return opened.decode()
        raise Unreadable("sealed under another SECRET_KEY, or damaged")


PROXIES = Seal(b"switchboard proxies v1")
WEBHOOKS = Seal(b"switchboard webhooks v1")
