"""File names and content types as strangers write them, made safe to show, to save and to serve.

Pure. Two stored names never come from here: files are stored under ids.
"""

from __future__ import annotations

import re
import unicodedata

from . import extensions

MOST_CHARACTERS = 120
MOST_BYTES = 200  # in UTF-8; file systems take 255 and people add " (1)"
JOINER = "\u200d"  # holds an emoji family together

_PART = r"[a-z0-9][a-z0-9!#$&^_.+-]{0,58}"
_MIME = re.compile(rf"{_PART}/{_PART}")
# "voice.ogg; codecs=opus": what follows the name is a parameter of the content type.
_PARAMETERS = re.compile(r"\s*;\s*[A-Za-z0-9!#$&^_.+*-]{1,40}=.*\Z", re.DOTALL)
_FORBIDDEN = re.compile(r'[\\/:*?"<>|;%]')  # by some system, in some header, or in a URL
_EXTENSION = re.compile(r"[A-Za-z0-9]{1,10}")
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])", re.I)
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def plain_type(text: str) -> str:
    """A content type without parameters, lower case; what is none becomes octet-stream."""
    wanted = text.partition(";")[0].strip().lower()
    return wanted if _MIME.fullmatch(wanted) else extensions.UNKNOWN


def clean(text: str, mime_type: str, *, fallback: str = "file") -> str:
    """A name that is safe everywhere, with an extension that fits the (plain) content type.

    Never empty, never longer than MOST_CHARACTERS or MOST_BYTES, never with a path. Cleaning a
    clean name changes nothing.
    """
    name = "".join(character for character in text if _may_stay(character))
    name = _PARAMETERS.sub("", unicodedata.normalize("NFC", name))
    name = _FORBIDDEN.sub("_", name)
    name = re.sub(r"\s+", " ", name).strip(" .")
    stem, extension = _split(name, mime_type)
    stem = stem.strip(" .") or fallback
    if _RESERVED.fullmatch(stem.partition(".")[0].strip()):
        stem = f"_{stem}"
    return f"{_shorten(stem, len(extension) + 1)}.{extension}"


def _split(name: str, mime_type: str) -> tuple[str, str]:
    """The name without its extension, and the extension that it gets."""
    stem, dot, extension = name.rpartition(".")
    if not dot or not _EXTENSION.fullmatch(extension):
        return name, extensions.preferred(mime_type)
    if extensions.fits(extension, mime_type):
        return stem, extension
    return name, extensions.preferred(mime_type)


def _may_stay(character: str) -> bool:
    if character == JOINER:
        return True
    number = ord(character)
    nothing = number & 0xFFFE == 0xFFFE or 0xFDD0 <= number <= 0xFDEF  # noncharacters
    return not nothing and unicodedata.category(character) not in _DROPPED


def _shorten(stem: str, taken: int) -> str:
    stem = stem[: MOST_CHARACTERS - taken]
    return stem.encode()[: MOST_BYTES - taken].decode(errors="ignore").rstrip(" .") or "file"
