"""Size and a small preview of a picture. A stranger made the file: every limit is checked first."""

from __future__ import annotations

import io
import logging
import warnings
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, ImageOps

logger = logging.getLogger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MOST_PIXELS = 50_000_000  # a bomb of a few kB may claim any size; decoding takes 3 bytes each
SIDE = 160  # pixels of the preview's longer side
# What Pillow raises for files that are no pictures, or broken ones.
BROKEN = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError)


@dataclass(frozen=True, slots=True)
class Preview:
    width: int
    height: int
    jpeg: bytes


def preview(file: BinaryIO) -> Preview | None:
    """None for what is no picture that we can decode within the limits. Never raises for that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            return _preview(file)
        except Image.DecompressionBombError:
            logger.info("a picture claims more pixels than we decode")
        except BROKEN as exc:
            logger.info("a picture cannot be decoded: %s", exc)
    return None


def _preview(file: BinaryIO) -> Preview | None:
    with Image.open(file, formats=FORMATS) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            logger.info("a picture of %d x %d pixels is not decoded", width, height)
            return None
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        image.draft("RGB", (SIDE * 2, SIDE * 2))  # decode a JPEG small from the start
        image.thumbnail((SIDE, SIDE))
        small = ImageOps.exif_transpose(image)
        if small.mode in ("RGBA", "LA", "PA") or "transparency" in small.info:
            small = small.convert("RGBA")
            ground = Image.new("RGB", small.size, (255, 255, 255))
            ground.paste(small, mask=small.getchannel("A"))
            small = ground
        out = io.BytesIO()
        small.convert("RGB").save(out, "JPEG", quality=70)
    return Preview(*((height, width) if turned else (width, height)), out.getvalue())
