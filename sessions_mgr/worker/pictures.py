"""Fetches a profile picture from the address that the engine found: https, small, and in time.

By the way that the engine's own traffic takes: the account's proxy in the live network, the one in
the environment in the sandbox; certificates as in SSL_CERT_FILE.
"""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from ..engines.base import EngineError

PICTURE_BYTES = 1024 * 1024
READ_BYTES = 32 * 1024
_TYPES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"RIFF", "image/webp"),
    (b"GIF8", "image/gif"),
)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def fetch(url: str, *, proxy_url: str, seconds: float) -> tuple[bytes, str]:
    """(bytes, mime type). EngineError picture_failed, or timeout after `seconds`."""
    if urlsplit(url).scheme != "https":
        raise EngineError("picture_failed", "The picture is not at an https address.")
    until = time.monotonic() + seconds
    proxies = {"https": proxy_url} if proxy_url else urllib.request.getproxies_environment()
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler(proxies),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        _NoRedirects(),
    )
    try:
        with opener.open(url, timeout=max(0.05, seconds)) as answer:
            data = b""
            while chunk := answer.read1(READ_BYTES):
                data += chunk
                if len(data) > PICTURE_BYTES:
                    raise EngineError("picture_failed", "The picture is too large.")
                if time.monotonic() > until:
                    raise EngineError("timeout", "The picture came too slowly.")
    except TimeoutError:
        raise EngineError("timeout", "The picture did not come in time.") from None
    except urllib.error.HTTPError as exc:
        exc.close()
        raise EngineError("picture_failed", f"The picture's server answered {exc.code}.") from None
    except (OSError, http.client.HTTPException, ValueError) as exc:
        raise EngineError("picture_failed", f"The picture could not be fetched: {exc}") from None
    return data, _type_of(data)


def _type_of(data: bytes) -> str:
    for beginning, mime_type in _TYPES:
        if data.startswith(beginning):
            return mime_type
    raise EngineError("picture_failed", "What came is not a picture.")
