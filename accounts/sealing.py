"""Sealing of what people's second factors rest on. Fernet; the key comes from SECRET_KEY by HKDF.

SECRET_KEY_FALLBACKS still open, so that SECRET_KEY can be changed.
"""

from __future__ import annotations

import base64
import functools

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

INFO = b"switchboard second factors v1"


@functools.lru_cache(maxsize=8)
def _cipher(secret_key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=INFO).derive(secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))


def _box() -> MultiFernet:
    return MultiFernet([_cipher(k) for k in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def seal(text: str) -> str:
    return _box().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """InvalidToken when it was sealed under another SECRET_KEY, or is damaged."""
    return _box().decrypt(sealed.encode()).decode()
