"""Small files that are what their names say, for pages and tests that send them."""

from __future__ import annotations

import io
import struct

from PIL import Image, ImageDraw


def _picture(kind: str, size: tuple[int, int], mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    image = Image.new(mode, size, "teal")
    ImageDraw.Draw(image).ellipse((10, 10, size[0] - 10, size[1] - 10), fill="gold")
    image.save(out, kind)
    return out.getvalue()


def mp4() -> bytes:
    """The head of a video and some bytes: WhatsApp carries what it is given."""
    return (
        struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"mp42", 0, b"mp42", b"isom")
        + struct.pack(">I4s", 1032, b"mdat")
        + bytes(range(256)) * 4
    )


def mp3() -> bytes:
    """An ID3 tag without frames, and frames of silence: MPEG 1, layer 3, 128 kbit/s, 44.1 kHz."""
    return b"ID3\x03\x00\x00\x00\x00\x00\x00" + (b"\xff\xfb\x90\x64" + bytes(413)) * 20


def voice() -> bytes:
    """Two seconds of silence as Ogg with Opus: header, tags, and one packet on each page."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, 48_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 4) + b"test" + struct.pack("<I", 0)
    packets = [b"\xf8\xff\xfe"] * 100  # 20 ms of silence each
    pages = [_ogg(2, 0, 0, [head]), _ogg(0, 0, 1, [tags]), _ogg(4, 96_000, 2, packets)]
    return b"".join(pages)


def _ogg(flags: int, granule: int, number: int, packets: list[bytes]) -> bytes:
    def page(checksum: int) -> bytes:
        form = struct.pack(
            "<4sBBqIIIB", b"OggS", 0, flags, granule, 7, number, checksum, len(packets)
        )
        return form + bytes(len(packet) for packet in packets) + b"".join(packets)

    return page(_checksum(page(0)))


def _checksum(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


def example_files() -> dict[str, bytes]:
    return {
        "photo.jpg": _picture("JPEG", (640, 480)),
        "shot.png": _picture("PNG", (300, 200)),
        "clip.mp4": mp4(),
        "song.mp3": mp3(),
        "voice.ogg": voice(),
        "offer.pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
        "sticker.webp": _picture("WEBP", (512, 512), "RGBA"),
        "broken.jpg": _picture("JPEG", (640, 480))[:900],
    }
