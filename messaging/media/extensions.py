"""File name extensions by content type, shipped with the program.

The operating system's own table is never asked: small images have none (seed 003: on Alpine a voice
note was stored as ".bin", or under a name made of its MIME parameters), and every machine must give
the same name. The first extension of a type is the one that is added; the others are accepted.
"""

from __future__ import annotations

UNKNOWN = "application/octet-stream"

BY_TYPE: dict[str, tuple[str, ...]] = {
    # pictures
    "image/jpeg": ("jpg", "jpeg", "jpe", "jfif"),
    "image/png": ("png",),
    "image/webp": ("webp",),
    "image/gif": ("gif",),
    "image/bmp": ("bmp",),
    "image/tiff": ("tiff", "tif"),
    "image/heic": ("heic",),
    "image/heif": ("heif",),
    "image/avif": ("avif",),
    "image/svg+xml": ("svg",),
    "image/x-icon": ("ico",),
    # sound
    "audio/ogg": ("ogg", "oga", "opus"),
    "audio/opus": ("opus",),
    "audio/mpeg": ("mp3", "mpga"),
    "audio/mp3": ("mp3",),
    "audio/mp4": ("m4a", "mp4"),
    "audio/x-m4a": ("m4a",),
    "audio/aac": ("aac",),
    "audio/amr": ("amr",),
    "audio/wav": ("wav",),
    "audio/x-wav": ("wav",),
    "audio/flac": ("flac",),
    "audio/webm": ("weba", "webm"),
    "audio/3gpp": ("3gp",),
    # video
    "video/mp4": ("mp4", "m4v"),
    "video/3gpp": ("3gp", "3gpp"),
    "video/quicktime": ("mov", "qt"),
    "video/webm": ("webm",),
    "video/x-matroska": ("mkv",),
    "video/x-msvideo": ("avi",),
    "video/mpeg": ("mpeg", "mpg"),
    "video/ogg": ("ogv",),
    # documents
    "application/pdf": ("pdf",),
    "application/msword": ("doc", "dot"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("docx",),
    "application/vnd.ms-excel": ("xls", "xlt"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ("xlsx",),
    "application/vnd.ms-powerpoint": ("ppt", "pps"),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ("pptx",),
    "application/vnd.oasis.opendocument.text": ("odt",),
    "application/vnd.oasis.opendocument.spreadsheet": ("ods",),
    "application/vnd.oasis.opendocument.presentation": ("odp",),
    "application/rtf": ("rtf",),
    "application/epub+zip": ("epub",),
    "application/json": ("json",),
    "application/xml": ("xml",),
    "application/zip": ("zip",),
    "application/x-7z-compressed": ("7z",),
    "application/vnd.rar": ("rar",),
    "application/x-rar-compressed": ("rar",),
    "application/x-tar": ("tar",),
    "application/gzip": ("gz", "tgz"),
    "application/vnd.android.package-archive": ("apk",),
    "application/was": ("was",),
    "text/csv": ("csv",),
    "text/html": ("html", "htm"),
    "text/calendar": ("ics",),
    "text/vcard": ("vcf",),
    "text/x-vcard": ("vcf",),
    "text/xml": ("xml",),
}

# Of these types any extension is as good as another: the type says too little.
ANY = frozenset({UNKNOWN, "text/plain", "application/x-zip-compressed"})
FALLBACK = {UNKNOWN: "bin", "text/plain": "txt", "application/x-zip-compressed": "zip"}


def preferred(mime_type: str) -> str:
    """Without the dot. Every type has one."""
    known = BY_TYPE.get(mime_type)
    return known[0] if known else FALLBACK.get(mime_type, "bin")


def fits(extension: str, mime_type: str) -> bool:
    """Whether a name may keep this extension. Of a type that we do not know it may."""
    known = BY_TYPE.get(mime_type)
    return known is None or extension.lower() in known
