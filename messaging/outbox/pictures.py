"""Pictures and stickers made fit for WhatsApp. Nothing is believed: a file is decoded whole."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from .errors import MEDIA_INVALID, MEDIA_TOO_LARGE, MediaProblem

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
PIXELS_MOST = 60_000_000  # a file of a few bytes may claim any size
THUMBNAIL = 100  # pixels of its longer side
STICKER = 512  # pixels of both sides
STICKER_MOST = 1_048_576  # bytes
BROKEN = (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, IndexError)


@dataclass(frozen=True, slots=True)
class Picture:
    mime_type: str
    width: int
    height: int
    thumbnail: bytes  # a small JPEG
    animated: bool = False
    # The file in a form that WhatsApp shows, where the given one is not.
    converted: bytes | None = None


def photo(path: Path) -> Picture:
    """A JPEG or PNG as it is, other pictures as a JPEG or PNG. MediaProblem when it is broken."""
    image = _opened(path)
    kind = image.format or ""
    still = ImageOps.exif_transpose(image)
    converted = None
    if kind not in ("JPEG", "PNG"):
        kind = "PNG" if _see_through(still) else "JPEG"
        converted = _encoded(still if kind == "PNG" else still.convert("RGB"), kind)
    return Picture(
        f"image/{kind.lower()}", still.width, still.height, _thumbnail(still), False, converted
    )


def sticker(path: Path) -> Picture:
    """A WebP of at most STICKER_MOST bytes; other pictures are scaled into one."""
    image = _opened(path)
    animated = bool(getattr(image, "is_animated", False))
    converted = None
    width, height = image.width, image.height
    if image.format != "WEBP":
        if animated:
            raise MediaProblem(MEDIA_INVALID, "Send an animated sticker as WebP.")
        square = ImageOps.pad(image.convert("RGBA"), (STICKER, STICKER), color=(0, 0, 0, 0))
        converted = _encoded(square, "WEBP")
        width = height = STICKER
    size = len(converted) if converted is not None else path.stat().st_size
    if size > STICKER_MOST:
        raise MediaProblem(MEDIA_TOO_LARGE, f"A sticker has at most {STICKER_MOST:,} bytes.")
    return Picture("image/webp", width, height, b"", animated, converted)


def _opened(path: Path) -> Image.Image:
    """Decoded, so that a truncated file is found now and not on somebody's phone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            image = Image.open(io.BytesIO(path.read_bytes()), formats=FORMATS)
            if image.width * image.height > PIXELS_MOST:
                raise MediaProblem(
                    MEDIA_TOO_LARGE, f"The picture has more than {PIXELS_MOST:,} pixels."
                )
            image.load()
        except Image.DecompressionBombError:
            raise MediaProblem(
                MEDIA_TOO_LARGE, f"The picture has more than {PIXELS_MOST:,} pixels."
            ) from None
        except BROKEN:
            raise MediaProblem(
                MEDIA_INVALID,
                "The file is no picture that can be read; use a whole JPEG, PNG, WebP or GIF.",
            ) from None
    return image


def _see_through(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def _thumbnail(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    if _see_through(small):
        ground = Image.new("RGB", small.size, (255, 255, 255))
        small = small.convert("RGBA")
        ground.paste(small, mask=small.getchannel("A"))
        small = ground
    return _encoded(small.convert("RGB"), "JPEG")


def _encoded(image: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    if kind == "JPEG":
        image.save(out, kind, quality=85)
    else:
        image.save(out, kind)
    return out.getvalue()
