"""Proxies of numbers: which addresses may be one, and what of them may be shown."""

from __future__ import annotations

from urllib.parse import urlsplit

SCHEMES = ("http", "https", "socks5")
LONGEST = 300  # characters


def is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def without_password(url: str) -> str:
    """The address alone: user and password are a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
