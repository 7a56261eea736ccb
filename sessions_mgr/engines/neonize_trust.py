"""Lets a sandbox worker trust the sandbox's Noise certificate, in its own memory only.

whatsmeow verifies WhatsApp's certificate against one public key in the data of the library. A
sandbox worker overwrites these 32 bytes after loading it. No file changes, and `sandbox_guard`
has refused to come this far unless the process can reach nothing but the sandbox.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

# The public key that whatsmeow calls WACertPubKey.
WHATSAPP_KEY = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")


class AnchorNotFound(RuntimeError):
    """The library does not contain WhatsApp's key exactly once: this is not the version we know."""


def replace_trust_anchor(library: str, anchor: bytes) -> None:
    """Make this process trust `anchor` instead of WhatsApp. Call after loading, before connecting.

    Raises AnchorNotFound, having changed nothing, when the place is not certain.
    """
    if len(anchor) != len(WHATSAPP_KEY):
        raise ValueError(f"a trust anchor has {len(WHATSAPP_KEY)} bytes, not {len(anchor)}")
    if not sys.platform.startswith("linux"):
        raise AnchorNotFound("the sandbox can only be trusted on Linux yet")
    places = [
        start + offset
        for start, end in _writable_ranges(library)
        for offset in _find_all(ctypes.string_at(start, end - start), WHATSAPP_KEY)
    ]
    if len(places) != 1:
        raise AnchorNotFound(f"found WhatsApp's key {len(places)} times in {library}")
    ctypes.memmove(places[0], anchor, len(anchor))


def _writable_ranges(library: str) -> list[tuple[int, int]]:
    """The read-write private mappings of the library: its initialised data."""
    ranges = []
    with Path("/proc/self/maps").open() as maps:
        for line in maps:
            fields = line.split(maxsplit=5)
            if len(fields) < 6 or fields[5].strip() != library or not fields[1].startswith("rw"):
                continue
            start, end = (int(part, 16) for part in fields[0].split("-"))
            ranges.append((start, end))
    return ranges


def _find_all(haystack: bytes, needle: bytes) -> list[int]:
    found, at = [], haystack.find(needle)
    while at >= 0:
        found.append(at)
        at = haystack.find(needle, at + 1)
    return found
