"""The operations about groups. Documents as in docs/worker-protocol.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..engines.base import Engine, EngineError, GroupSettings
from .transfers import Transfers

SUBJECT_CHARACTERS = 100
DESCRIPTION_CHARACTERS = 2048
PARTICIPANTS = 256  # in one order
ANSWER_BYTES = 700_000  # of JSON; the bus takes 1 MB
PICTURE_BYTES = 1024 * 1024
_LINK = "https://chat.whatsapp.com/"


class Groups:
    def __init__(self, engine: Engine, transfers: Transfers) -> None:
        self._engine = engine
        self._transfers = transfers

    def operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        return {
            "group_list": self.all,
            "group_info": self.info,
            "group_create": self.create,
            "group_participants": self.participants,
            "group_update": self.update,
            "group_picture": self.picture,
            "group_invite": self.invite,
            "group_join": self.join,
            "group_leave": self.leave,
            "group_requests": self.requests,
            "group_decide": self.decide,
        }

    def all(self, _: dict[str, Any]) -> dict[str, Any]:
        """{groups}. When the answer would be too long for the bus, the members of the later groups
        are left out: `participants` is null there, and group_info has them."""
        groups, length = self._engine.groups.all(), 0
        for group in groups:
            length += len(json.dumps(group))
            if length > ANSWER_BYTES:
                group["participants"] = None
        return {"groups": groups}

    def info(self, args: dict[str, Any]) -> dict[str, Any]:
        return self._engine.groups.info(str(args["jid"]))

    def create(self, args: dict[str, Any]) -> dict[str, Any]:
        name = _text(args["name"], SUBJECT_CHARACTERS, "a name")
        if not name.strip():
            raise EngineError("invalid_request", "a group has a name")
        return self._engine.groups.create(name, _people(args["participants"]))

    def participants(self, args: dict[str, Any]) -> dict[str, Any]:
        people = _people(args["participants"])
        action = str(args["action"])
        return {"results": self._engine.groups.change(str(args["jid"]), action, people)}

    def update(self, args: dict[str, Any]) -> dict[str, Any]:
        subject, description = args.get("subject"), args.get("description")
        settings = GroupSettings(
            subject=None if subject is None else _text(subject, SUBJECT_CHARACTERS, "a subject"),
            description=None
            if description is None
            else _text(description, DESCRIPTION_CHARACTERS, "a description"),
            announce=_flag(args.get("announce")),
            locked=_flag(args.get("locked")),
        )
        jid = str(args["jid"])
        self._engine.groups.update(jid, settings)
        return self._engine.groups.info(jid)

    def picture(self, args: dict[str, Any]) -> dict[str, Any]:
        """{picture_id}. The upload is a JPEG."""
        file = self._transfers.uploaded(args["upload_id"])
        if file.stat().st_size > PICTURE_BYTES:
            raise EngineError("media_too_large", f"a picture has at most {PICTURE_BYTES} bytes")
        picture_id = self._engine.groups.set_picture(str(args["jid"]), file.read_bytes())
        self._transfers.forget(file)
        return {"picture_id": picture_id}

    def invite(self, args: dict[str, Any]) -> dict[str, Any]:
        jid, reset = str(args["jid"]), bool(args.get("reset", False))
        return {"link": self._engine.groups.invite_link(jid, reset=reset)}

    def join(self, args: dict[str, Any]) -> dict[str, Any]:
        return {"jid": self._engine.groups.join(str(args["code"]).removeprefix(_LINK))}

    def leave(self, args: dict[str, Any]) -> dict[str, Any]:
        self._engine.groups.leave(str(args["jid"]))
        return {}

    def requests(self, args: dict[str, Any]) -> dict[str, Any]:
        return {"results": self._engine.groups.requests(str(args["jid"]))}

    def decide(self, args: dict[str, Any]) -> dict[str, Any]:
        people, action = _people(args["participants"]), str(args["action"])
        if action not in ("approve", "reject"):
            raise EngineError("invalid_request", "an action is approve or reject")
        return {"results": self._engine.groups.decide(str(args["jid"]), action, people)}


def _people(addresses: object) -> list[str]:
    if not isinstance(addresses, list) or len(addresses) > PARTICIPANTS:
        raise EngineError("invalid_request", f"participants are a list of at most {PARTICIPANTS}")
    return [str(address) for address in addresses]


def _text(text: object, characters: int, what: str) -> str:
    if not isinstance(text, str) or len(text) > characters:
        raise EngineError("invalid_request", f"{what} has at most {characters} characters")
    return text


def _flag(value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise EngineError("invalid_request", "announce and locked are true or false")
    return value
