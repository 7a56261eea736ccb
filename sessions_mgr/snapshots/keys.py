"""The keys that seal snapshots: STORE_KEYS, or one that is derived from SECRET_KEY."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from .envelope import KEY_BYTES, Keyring

_PURPOSE = b"switchboard/store-snapshots/1"


def keyring() -> Keyring:
    """The configured keys in their order. The derived key comes last, to open what it has sealed.

    So an installation that sets STORE_KEYS later still opens its older snapshots.
    """
    return Keyring((*settings.STORE_KEYS, derived_key(settings.SECRET_KEY)))


def derived_key(secret: str) -> bytes:
    """HKDF-SHA256 of the installation's secret; changes when SECRET_KEY does."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=_PURPOSE).derive(secret.encode())
