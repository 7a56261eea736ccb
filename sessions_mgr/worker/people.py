"""The operations about people: pictures, numbers, names, presence, read marks."""

from __future__ import annotations

import base64
import dataclasses
import re
import time
from collections.abc import Callable
from typing import Any

from ..engines.base import Engine, EngineError
from . import pictures

PICTURE_SECONDS = 2.0
NUMBERS = 100
NAMES = 2000  # in one answer
READ_MARKS = 500
_WA_ID = re.compile(r"[0-9A-Za-z_.:-]{1,128}")
_NUMBER = re.compile(r"\+\d{5,15}")


class People:
    def __init__(self, engine: Engine, proxy_url: str) -> None:
        self._engine = engine
        self._proxy_url = proxy_url

    def operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        return {
            "picture": self.picture,
            "check_numbers": self.check_numbers,
            "contact_names": self.contact_names,
            "presence": self.presence,
            "typing": self.typing,
            "mark_read": self.mark_read,
        }

    def picture(self, args: dict[str, Any]) -> dict[str, Any]:
        until = time.monotonic() + float(args.get("timeout", PICTURE_SECONDS))
        link = self._engine.people.picture(
            str(args["jid"]),
            str(args.get("known_id") or ""),
            community=bool(args.get("community", False)),
        )
        if link.state == "unchanged":
            return {"state": "unchanged"}
        if link.state != "found":
            return {"picture_id": "", "state": link.state}
        left = until - time.monotonic()
        if left <= 0:
            raise EngineError("timeout", "WhatsApp took too long to say where the picture is.")
        data, mime_type = pictures.fetch(link.url, proxy_url=self._proxy_url, seconds=left)
        return {
            "picture_id": link.picture_id,
            "mime_type": mime_type,
            "data": base64.b64encode(data).decode(),
        }

    def check_numbers(self, args: dict[str, Any]) -> dict[str, Any]:
        numbers = [str(number) for number in args["numbers"]]
        if not 1 <= len(numbers) <= NUMBERS:
            raise EngineError("invalid_request", f"1 to {NUMBERS} numbers at a time")
        for number in numbers:
            if not _NUMBER.fullmatch(number):
                raise EngineError("invalid_phone_number", f"not E.164: {number!r:.40}")
        results = self._engine.people.check_numbers(list(dict.fromkeys(numbers)))
        return {"results": [dataclasses.asdict(result) for result in results]}

    def contact_names(self, args: dict[str, Any]) -> dict[str, Any]:
        """{contacts, next}: in the order of jids, from behind `after`; next is "" at the end."""
        after = str(args.get("after") or "")
        known = sorted(self._engine.people.names(), key=lambda person: person.jid)
        rest = [person for person in known if person.jid > after]
        page = rest[:NAMES]
        more = len(rest) > len(page)
        return {
            "contacts": [dataclasses.asdict(person) for person in page],
            "next": page[-1].jid if more else "",
        }

    def presence(self, args: dict[str, Any]) -> dict[str, Any]:
        state = args["state"]
        if state not in ("available", "unavailable"):
            raise EngineError("invalid_request", "a state is available or unavailable")
        self._engine.people.announce(state)
        return {}

    def typing(self, args: dict[str, Any]) -> dict[str, Any]:
        state = args["state"]
        if state not in ("typing", "recording", "paused"):
            raise EngineError("invalid_request", "a state is typing, recording or paused")
        self._engine.people.typing(str(args["to"]), state)
        return {}

    def mark_read(self, args: dict[str, Any]) -> dict[str, Any]:
        wa_ids = [str(wa_id) for wa_id in args["wa_ids"]]
        if not 1 <= len(wa_ids) <= READ_MARKS or not all(map(_WA_ID.fullmatch, wa_ids)):
            raise EngineError("invalid_request", f"1 to {READ_MARKS} message ids at a time")
        self._engine.people.mark_read(
            str(args["chat"]),
            str(args.get("sender") or ""),
            wa_ids,
            played=bool(args.get("played", False)),
        )
        return {}
