"""What kind of picture some bytes are, and the pictures that stand in for those we do not have.

The kind is read from the bytes: what a server says about them is not trusted.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/gif": ".gif"}
LARGEST = 2_000_000  # bytes; WhatsApp's are below 200,000
_DEFAULTS = Path(__file__).parent / "defaults"


def kind_of(data: bytes) -> str:
    """The media type, or "" for what is not a picture that browsers show."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    return ""


@cache
def default(of: str, mime_type: str) -> bytes:
    """Our own picture of a "person" or "group", as image/png or image/svg+xml."""
    suffix = ".svg" if mime_type == "image/svg+xml" else ".png"
    return (_DEFAULTS / f"{of}{suffix}").read_bytes()
