"""A picture made fit for a group: square, JPEG, of the size that WhatsApp shows."""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

SIDE = 640  # pixels
LARGEST = 10 * 1_048_576  # bytes of what is given
PIXELS_MOST = 50_000_000  # a file of a few bytes may claim any size
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
BROKEN = (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, IndexError)


class NoPicture(ValueError):
    """The bytes are no picture that can be used. The text says why."""


def square_jpeg(data: bytes) -> bytes:
    """The middle of the picture as a JPEG of SIDE x SIDE."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
                if opened.width * opened.height > PIXELS_MOST:
                    raise NoPicture(f"use at most {PIXELS_MOST:,} pixels.")
                image = ImageOps.exif_transpose(opened).convert("RGBA")
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise NoPicture(f"use at most {PIXELS_MOST:,} pixels.") from None
        except NoPicture:
            raise
        except BROKEN:
            raise NoPicture("use a whole JPEG, PNG, WebP or GIF.") from None
    image = ImageOps.fit(image, (SIDE, SIDE))
    ground = Image.new("RGB", image.size, (255, 255, 255))
    ground.paste(image, mask=image.getchannel("A"))
    out = io.BytesIO()
    ground.save(out, "JPEG", quality=85)
    return out.getvalue()
