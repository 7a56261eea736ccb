"""Judge a URL before it is stored: its form, and where its name leads right now.

A name that cannot be resolved yet is accepted. Each connection is judged anew in any case.
"""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout

from django.conf import settings

from egress import addresses

PATIENCE = 2.0  # seconds for the name service

_resolvers = ThreadPoolExecutor(4, thread_name_prefix="webhook-names")


def judge(url: str) -> None:
    """addresses.Refused says why this URL must not be called."""
    target = addresses.parse(url, allow_private=settings.WEBHOOK_ALLOW_PRIVATE)
    if settings.WEBHOOK_ALLOW_PRIVATE or settings.WEBHOOK_PROXY:
        return
    try:
        found = _resolvers.submit(_addresses, target.host, target.port).result(PATIENCE)
    except (OSError, UnicodeError, FutureTimeout):
        return
    for address in found:
        try:
            addresses.check_address(address)
        except addresses.Refused:
            raise addresses.Refused(
                f"{target.host} leads to {address}, a private or special address"
            ) from None


def _addresses(host: str, port: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
