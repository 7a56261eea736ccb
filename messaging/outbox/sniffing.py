"""What a file really is, by its first bytes. Pure. A name or a declared type proves nothing."""

from __future__ import annotations

HEAD = 64  # bytes that `sniff` wants to see
UNKNOWN = "application/octet-stream"

IMAGES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
VIDEOS = frozenset({"video/mp4", "video/3gpp"})
AUDIO = frozenset({"audio/mpeg", "audio/aac", "audio/mp4", "audio/ogg", "audio/amr"})

_STARTS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"#!AMR", "audio/amr"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"fLaC", "audio/flac"),
    (b"\x1f\x8b", "application/gzip"),
    (b"MZ", "application/x-msdownload"),
    (b"\x7fELF", "application/x-executable"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
)


def sniff(head: bytes) -> str:
    """The MIME type that the first bytes tell, UNKNOWN when they tell none."""
    for start, found in _STARTS:
        if head.startswith(start):
            return found
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[4:8] == b"ftyp":
        return _iso_media(head[8:12])
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "audio/aac"  # ADTS: layer bits are 0
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "audio/mpeg"
    return UNKNOWN


def _iso_media(brand: bytes) -> str:
    if brand.startswith(b"3g"):
        return "video/3gpp"
    if brand.startswith(b"M4A"):
        return "audio/mp4"
    if brand == b"qt  ":
        return "video/quicktime"
    if brand in (b"heic", b"heix", b"mif1", b"avif"):
        return "image/avif" if brand == b"avif" else "image/heic"
    return "video/mp4"


def is_opus(head: bytes) -> bool:
    """Whether an Ogg file holds Opus, as WhatsApp's voice notes do. Wants the first 64 bytes."""
    return head.startswith(b"OggS") and b"OpusHead" in head[:HEAD]
