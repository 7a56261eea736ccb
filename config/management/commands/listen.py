"""`manage.py listen`: the live feed in the terminal, and on to a local URL while you develop.

Talks to any Switchboard over its websocket, with a key, so it needs no access to its database. It
resumes by cursor after every break. What it forwards is signed like a webhook.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from console.summaries import summary
from webhooks import signing

KEY_VARIABLE = "SWITCHBOARD_API_KEY"
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0  # seconds between connections
FORWARD_TIMEOUT = 10.0  # seconds
FATAL = {
    4400: "the filters are wrong",
    4401: "the key is wrong or may not read",
    4404: "there is no such account in this workspace",
    4410: "this cursor is no longer kept; choose a later --after",
}


class Command(BaseCommand):
    help = "Print the live feed; with --forward-to also POST each event, signed, to that URL."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--url", default=settings.PUBLIC_URL, help="the Switchboard to listen to"
        )
        parser.add_argument("--key", help=f"API key with scope read; default: {KEY_VARIABLE}")
        parser.add_argument("--after", type=int, help="begin after this seq; default: from now on")
        parser.add_argument("--types", default="", help="comma separated")
        parser.add_argument("--account", default="", help="only this account's events")
        parser.add_argument("--json", action="store_true", help="print whole events, one a line")
        parser.add_argument("--forward-to", metavar="URL", help="POST each event there, in order")
        parser.add_argument("--secret", help="signs what is forwarded; default: a new one")
        parser.add_argument("--count", type=int, default=0, help="end after so many events")

    def handle(self, *args: Any, **options: Any) -> None:
        key = options["key"] or settings.LISTEN_API_KEY
        if not key:
            raise CommandError(f"give an API key by --key or {KEY_VARIABLE}", returncode=2)
        secret = options["secret"] or signing.new_secret()
        try:
            signing.key_of(secret)
        except ValueError as exc:
            raise CommandError(f"--secret: {exc}", returncode=2) from None
        if options["forward_to"] and not options["secret"]:
            print(f"Forwarded events are signed with {secret}", file=sys.stderr, flush=True)
        with suppress(KeyboardInterrupt):
            asyncio.run(Listener(options, key, secret).run())


class Listener:
    def __init__(self, options: dict[str, Any], key: str, secret: str) -> None:
        self._options, self._key, self._secret = options, key, secret
        self._cursor: int | None = options["after"]
        self._left: int = options["count"] or -1
        self._client = httpx.AsyncClient(timeout=FORWARD_TIMEOUT, trust_env=False)

    async def run(self) -> None:
        pause = FIRST_PAUSE
        async with self._client:
            while self._left:
                try:
                    await self._read()
                except ConnectionClosed as exc:
                    code = exc.rcvd.code if exc.rcvd else 0
                    if code in FATAL:
                        raise CommandError(f"{FATAL[code]} ({code})") from None
                    pause = FIRST_PAUSE
                except InvalidURI:
                    raise CommandError(
                        "--url is not valid: use http(s)://host", returncode=2
                    ) from None
                except (OSError, TimeoutError, InvalidHandshake) as exc:
                    self._say(f"cannot reach {self._options['url']}: {exc}; trying again")
                if self._left:
                    await asyncio.sleep(pause)
                    pause = min(LONGEST_PAUSE, pause * 2)

    def _address(self) -> str:
        parts = urlsplit(self._options["url"])
        query = {
            name: value
            for name, value in (
                ("after", self._cursor),
                ("types", self._options["types"]),
                ("account", self._options["account"]),
            )
            if value not in (None, "")
        }
        scheme = {"https": "wss", "http": "ws"}.get(parts.scheme, parts.scheme)
        return f"{scheme}://{parts.netloc}/ws/v1/events?{urlencode(query)}"

    async def _read(self) -> None:
        protocols = [Subprotocol("switchboard.v1"), Subprotocol(f"bearer.{self._key}")]
        async with connect(self._address(), subprotocols=protocols, proxy=None) as socket:
            async for text in socket:
                frame = json.loads(text)
                if frame["type"] == "hello":
                    if self._cursor is None:
                        self._cursor = frame["seq"]
                    self._say(f"listening to {self._options['url']} after seq {self._cursor}")
                elif frame["type"] == "error":
                    raise CommandError(frame["detail"], returncode=2)
                elif "seq" in frame:
                    await self._event(frame)
                    self._cursor = frame["seq"]
                    self._left -= 1
                    if not self._left:
                        return

    async def _event(self, event: dict[str, Any]) -> None:
        if self._options["json"]:
            line = json.dumps(event, ensure_ascii=False)
        else:
            words = summary(event["type"], event["data"])
            line = f"{event['occurred_at']}  {event['seq']:>6}  {event['type']:22}  {words}"
        if self._options["forward_to"]:
            line += f"  -> {await self._forward(event)}"
        # A message may hold what would steer the terminal.
        print("".join(c if c.isprintable() else " " for c in line), flush=True)

    async def _forward(self, event: dict[str, Any]) -> str:
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        proof = signing.headers(
            event_id=event["id"], timestamp=int(time.time()), body=body, secrets_=[self._secret]
        )
        began = time.monotonic()
        try:
            answer = await self._client.post(
                self._options["forward_to"],
                content=body,
                headers={"Content-Type": "application/json", **proof},
            )
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            return f"failed: {str(exc) or type(exc).__name__}"
        return f"{answer.status_code} in {(time.monotonic() - began) * 1000:.0f} ms"

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)
