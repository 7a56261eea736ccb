"""Headers that let a receiver know: this is from us, it is fresh, nobody changed it. Pure.

Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over "id.timestamp.body" with the
bytes behind `whsec_`; during a rotation one signature per secret. X-Hub-Signature-256 is the HMAC
of the body alone with the secret's text as it was shown, as consumers of GOWA expect it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32
MIN_BYTES, MAX_BYTES = 24, 64  # what the standard allows


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The bytes that sign. ValueError when this is no secret of the standard's form."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not MIN_BYTES <= len(key) <= MAX_BYTES:
        raise ValueError(f"use {PREFIX} and base64 of {MIN_BYTES} to {MAX_BYTES} random bytes")
    return key


def headers(
    *, event_id: str, timestamp: int, body: bytes, secrets_: Sequence[str]
) -> dict[str, str]:
    """`secrets_`: the current one first, then those that a rotation still honours."""
    signed = f"{event_id}.{timestamp}.".encode() + body
    signatures = [
        "v1," + base64.b64encode(hmac.digest(key_of(s), signed, hashlib.sha256)).decode()
        for s in secrets_
    ]
    hub = hmac.new(secrets_[0].encode(), body, hashlib.sha256).hexdigest()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
        "X-Hub-Signature-256": f"sha256={hub}",
    }
