"""The media host as clients see it: where it is, its paths, and how phones use it.

Source: whatsmeow mediaconn.go, upload.go and download.go. Every device gets a host name of its
own, because a download says nothing else about who asks. A download path must hold a question
mark already: clients append `&hash=...` to it.
"""

import base64
import binascii
import re

from sandbox.contents.codec import Message
from sandbox.contents.reading import SealedPart
from sandbox.contents.sealed_files import SealedFile, SealedFileError, unseal
from sandbox.network.connection import Connection
from sandbox.network.hub import Network
from sandbox.network.registry import answers
from sandbox.wire.nodes import Attribute, Node

DOMAIN = "whatsapp.net"
HOST_NAME = re.compile(r"media-([0-9]+)-([0-9]+)\.whatsapp\.net")
DOWNLOADS = "/v/t62.7118-24/"
UPLOADS = re.compile(r"/mms/([a-z-]+)/([A-Za-z0-9_=-]+)")
ENDING = ".enc"
TTL_SECONDS = 3_600
AUTH_TTL_SECONDS = 21_600
MAX_BUCKETS = 12


class NoFileError(Exception):
    """The media host does not have the file (any more)."""


@answers("w:m", "set", "media_conn")
def media_connection(connection: Connection, iq: Node) -> list[Node]:
    """Which hosts take and give files, and the authorisation for it."""
    device = connection.require_device()
    attrs: dict[str, Attribute] = {
        "auth": connection.network.media_auth,
        "ttl": TTL_SECONDS,
        "auth_ttl": AUTH_TTL_SECONDS,
        "max_buckets": MAX_BUCKETS,
    }
    host = host_of(device.phone.digits, device.number)
    content = [Node("download", {}, []), Node("upload", {}, [])]
    return [Node("media_conn", attrs, [Node("host", {"hostname": host}, content)])]


def host_of(digits: str, device: int) -> str:
    """The media host name that this device is given."""
    return f"media-{digits}-{device}.{DOMAIN}"


def device_at(host: str) -> tuple[str, int | None]:
    """Whose media host name this is: digits and device; empty for any other host."""
    match = HOST_NAME.fullmatch(host.partition(":")[0])
    return (match[1], int(match[2])) if match else ("", None)


def direct_path(name: str) -> str:
    """The path under which a file can be had."""
    return f"{DOWNLOADS}{name}{ENDING}?ccb=11-4&oh=sandbox"


def name_in(target: str) -> str:
    """The file's name in a download path; empty for any other path."""
    path = target.partition("?")[0]
    if not (path.startswith(DOWNLOADS) and path.endswith(ENDING)):
        return ""
    return path.removeprefix(DOWNLOADS).removesuffix(ENDING)


def upload_name(target: str) -> str:
    """The file's name (hexadecimal SHA-256) in an upload path; empty for any other path."""
    match = UPLOADS.fullmatch(target.partition("?")[0])
    if match is None:
        return ""
    try:
        return base64.urlsafe_b64decode(match[2]).hex()
    except (binascii.Error, ValueError):
        return ""


def upload(network: Network, sealed: SealedFile, sender: str) -> Message:
    """A phone puts its file on the host; the fields of a message that say where. `sender` is its
    digits. Raises media_files.FileTooLargeError."""
    path = direct_path(network.media.put(sealed.body))
    return {"URL": f"https://{host_of(sender, 0)}{path}", "directPath": path}


def download(network: Network, file: SealedPart) -> bytes:
    """A phone fetches and decrypts a file. Raises NoFileError, SealedFileError."""
    part = file.part
    body = network.media.read(name_in(part.get("directPath", "")))
    if body is None:
        raise NoFileError("the media host does not have the file")
    if len(part.get("mediaKey", b"")) != 32:
        raise SealedFileError("the message holds no media key")
    return unseal(
        body,
        file.kind,
        part["mediaKey"],
        sha256=part.get("fileEncSHA256", b""),
        plain_sha256=part.get("fileSHA256", b""),
    )
