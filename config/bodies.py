"""The largest request body that the web process takes in.

Daphne reads a whole body before any of our code runs, however large. So the limit is set where the
headers arrive: a body that is announced as too large is refused at once and never read, one that
grows too large without saying so is refused when it does.

And the length of a body that came in chunks is told as if it had been announced: parsers take a
body without a length for an empty one, and its fields would be missing.
"""

from __future__ import annotations

import json
from typing import Any

from daphne import http_protocol
from twisted.internet import reactor

from accounts.api.problems import body as problem

LINGER = 2.0  # seconds in which a client that is still sending can read the answer


class BoundedRequest(http_protocol.WebRequest):
    most = 0  # bytes; set by `install`

    refused = False
    taken = 0

    def gotLength(self, length: int | None) -> None:
        super().gotLength(0 if length is not None and length > self.most else length)
        if length is not None and length > self.most:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        self.taken += len(data)
        if self.taken > self.most and not self.refused:
            self._refuse()
        if not self.refused:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if not self.refused:
            if self.taken and not self.requestHeaders.hasHeader(b"content-length"):
                self.requestHeaders.setRawHeaders(b"content-length", [b"%d" % self.taken])
            super().requestReceived(command, path, version)

    def _refuse(self) -> None:
        self.refused = True
        detail = f"Send at most {self.most:,} bytes."
        answer = json.dumps(problem(413, "too_large", detail)).encode()
        transport: Any = self.channel.transport
        transport.write(
            b"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/problem+json\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer)
        )
        clock: Any = reactor
        clock.callLater(LINGER, transport.loseConnection)


def install(most: int) -> None:
    """Have every request of this process bounded to `most` bytes. Before the server starts."""
    BoundedRequest.most = most
    http_protocol.WebRequest = BoundedRequest
