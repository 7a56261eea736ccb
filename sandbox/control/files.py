"""Files in control requests: the `media` object, sealed, uploaded and described."""

from collections.abc import Callable

from sandbox.contents import writing
from sandbox.contents.codec import Message
from sandbox.contents.sealed_files import seal
from sandbox.control.requests import ApiError, Fields
from sandbox.network import media_host
from sandbox.network.hub import Network
from sandbox.network.media_files import FileTooLargeError
from sandbox.network.model import Phone

MAX_PIXELS = 100_000
MAX_SECONDS = 10**6
WAVEFORM_BYTES = 64
DEFAULT_MIME_TYPES = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "audio": "audio/mpeg",
    "voice": "audio/ogg; codecs=opus",
    "document": "application/octet-stream",
    "sticker": "image/webp",
}
CAPTIONED = frozenset({"image", "video", "document"})
PICTURED = frozenset({"image", "video", "sticker"})


def file_draft(network: Network, phone: Phone, body: Fields) -> Callable[[str, str], Message]:
    """Check the file of a request and upload it; a function that makes its message, with one text
    in the caption replaced by another. Raises ApiError (422, 413)."""
    kind, media = body.text("type"), body.part("media")
    data = media.data("base64")
    if not data:
        raise media.invalid("base64", "must be base64 of a file that is not empty")
    about = _about(kind, media)
    caption = body.optional("caption") or body.optional("text")
    if caption and kind not in CAPTIONED:
        raise body.invalid("caption", f"is not for {kind}")
    sealed = seal(data, "audio" if kind == "voice" else kind)
    try:
        where = media_host.upload(network, sealed, phone.digits)
    except FileTooLargeError as error:
        raise ApiError(413, "too_large", f"media.base64: {error}", "media.base64") from error
    where["mediaKeyTimestamp"] = network.now()

    def build(old: str, new: str) -> Message:
        described = about | ({"caption": caption.replace(old, new)} if caption else {})
        return writing.file_message(kind, sealed, where, described)

    return build


def _about(kind: str, media: Fields) -> Message:
    about: Message = {"mimetype": media.text("mime_type", DEFAULT_MIME_TYPES[kind])}
    if kind in PICTURED:
        about["width"] = media.integer("width", minimum=0, maximum=MAX_PIXELS)
        about["height"] = media.integer("height", minimum=0, maximum=MAX_PIXELS)
        thumbnail = media.data("thumbnail") if "thumbnail" in media else None
        about["pngThumbnail" if kind == "sticker" else "JPEGThumbnail"] = thumbnail
    if kind in ("video", "audio", "voice"):
        about["seconds"] = media.integer("duration", minimum=0, maximum=MAX_SECONDS)
    if kind == "video":
        about["gifPlayback"] = media.flag("gif") or None
    if kind == "voice" and "waveform" in media:
        about["waveform"] = media.data("waveform")
        if len(about["waveform"]) != WAVEFORM_BYTES:
            raise media.invalid("waveform", f"must be base64 of {WAVEFORM_BYTES} bytes")
    if kind == "document":
        filename = media.optional("filename") or None
        about |= {"fileName": filename, "title": filename}
    if kind == "sticker":
        about["isAnimated"] = media.flag("animated")
    return about
