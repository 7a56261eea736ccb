"""What the scripted engine does when it is told to: it remembers, and answers as it was told to.

`replies` maps a verb to what it answers instead: {"error": {"code", "detail"}}, {"seconds": 0.5} to
take its time first, {"crash": true} to die as of a Go panic, or any other value as the result.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from . import base

Result = TypeVar("Result")

GROUP_JID = "120363000000000001@g.us"


class Stage:
    """What all verbs share: the log of what was asked for, and the replies of the script."""

    def __init__(self, replies: Mapping[str, Any], logged_in: Callable[[], bool]) -> None:
        self._replies = replies
        self._logged_in = logged_in
        self._lock = threading.Lock()
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    def perform(self, verb: str, *args: Any, otherwise: Result) -> Result:
        """The reply of the script, or `otherwise`."""
        if not self._logged_in():
            raise base.EngineError("not_connected", "this number is not connected")
        with self._lock:
            self.asked.append((verb, args))
        reply = self._replies.get(verb)
        if not isinstance(reply, Mapping):
            return otherwise if reply is None else reply
        if "seconds" in reply:
            time.sleep(reply["seconds"])
        if reply.get("crash"):
            os.kill(os.getpid(), signal.SIGABRT)
        if error := reply.get("error"):
            extra = {name: value for name, value in error.items() if name not in _NAMED}
            raise base.EngineError(error["code"], error.get("detail", "scripted"), **extra)
        if set(reply) <= {"seconds", "crash"}:
            return otherwise
        return reply  # type: ignore[return-value]  # the script's author knows the verb's answer


_NAMED = frozenset({"code", "detail"})


def chat_of(to: str) -> base.Party:
    """The party of an address, as far as it tells itself."""
    jid = to if "@" in to else f"{to.lstrip('+')}@s.whatsapp.net"
    user, _, server = jid.rpartition("@")
    return base.Party(
        jid=jid,
        lid=jid if server == "lid" else "",
        phone_number=f"+{user}" if server == "s.whatsapp.net" else "",
        type="group" if server == "g.us" else "user",
    )


class ScriptedMessages:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._lock = threading.Lock()
        self.orders: list[base.Order] = []
        self.files: list[bytes] = []  # what each order with a file would have sent

    def send(self, order: base.Order) -> base.Sent:
        self._stage.perform("send", order.to, order.content, otherwise=None)
        if "@" not in order.to and not order.to.lstrip("+").isdigit():
            raise base.EngineError("invalid_recipient", f"neither number nor JID: {order.to!r}")
        with self._lock:
            self.orders.append(order)
            if order.file is not None:
                self.files.append(order.file.read_bytes())
            wa_id = f"SCRIPTED{len(self.orders)}"
        return base.Sent(wa_id=wa_id, timestamp=time.time(), chat=chat_of(order.to))

    def download(self, locator: str, into: Path, max_bytes: int) -> None:
        """A scripted locator is base64 of the file itself."""
        self._stage.perform("download", locator, otherwise=None)
        try:
            data = base64.b64decode(locator, validate=True)
        except ValueError as exc:
            raise base.EngineError("invalid_locator", "a scripted locator is base64") from exc
        if len(data) > max_bytes:
            raise base.EngineError("media_too_large", f"the file has {len(data)} bytes")
        into.write_bytes(data)


class ScriptedPeople:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def picture(self, jid: str, known_id: str, *, community: bool = False) -> base.PictureLink:
        nothing: dict[str, Any] = {"state": "none"}
        answer = self._stage.perform("picture", jid, known_id, community, otherwise=nothing)
        return base.PictureLink(**answer)

    def check_numbers(self, numbers: list[str]) -> list[base.Registration]:
        """Everybody is registered, but for numbers that end with 0000."""
        everybody: list[dict[str, Any]] = [
            {
                "number": number,
                "registered": not number.endswith("0000"),
                "jid": "" if number.endswith("0000") else f"{number[1:]}@s.whatsapp.net",
                "lid": "" if number.endswith("0000") else f"9{number[1:]}@lid",
            }
            for number in numbers
        ]
        answers = self._stage.perform("check_numbers", numbers, otherwise=everybody)
        return [base.Registration(**answer) for answer in answers]

    def names(self) -> list[base.Known]:
        nobody: list[dict[str, str]] = []
        return [base.Known(**p) for p in self._stage.perform("names", otherwise=nobody)]

    def announce(self, state: Literal["available", "unavailable"]) -> None:
        self._stage.perform("announce", state, otherwise=None)

    def typing(self, to: str, state: Literal["typing", "recording", "paused"]) -> None:
        self._stage.perform("typing", to, state, otherwise=None)

    def mark_read(self, chat: str, sender: str, wa_ids: list[str], *, played: bool) -> None:
        self._stage.perform("mark_read", chat, sender, wa_ids, played, otherwise=None)


class ScriptedGroups:
    """One process's own groups: what was made and changed is there afterwards."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._groups: dict[str, dict[str, Any]] = {}

    def all(self) -> list[dict[str, Any]]:
        return self._stage.perform("group_list", otherwise=list(self._groups.values()))

    def info(self, jid: str) -> dict[str, Any]:
        return self._stage.perform("group_info", jid, otherwise=self._group(jid))

    def create(self, name: str, participants: list[str]) -> dict[str, Any]:
        self._stage.perform("group_create", name, participants, otherwise=None)
        number = int(GROUP_JID.partition("@")[0]) + len(self._groups)
        made = {
            "jid": f"{number}@g.us",
            "subject": name,
            "description": "",
            "owner": dataclasses.asdict(base.Party(jid="15550001@s.whatsapp.net")),
            "created_at": time.time(),
            "announce": False,
            "locked": False,
            "approval": None,
            "expires_in": 0,
            "community": False,
            "parent_jid": "",
            "participants": [_member(who) for who in participants],
        }
        self._groups[str(made["jid"])] = made
        return made

    def change(self, jid: str, action: str, participants: list[str]) -> list[dict[str, Any]]:
        self._stage.perform("group_participants", jid, action, participants, otherwise=None)
        members = self._group(jid)["participants"]
        jids = {chat_of(who).jid for who in participants}
        if action == "add":
            members += [_member(who) for who in participants]
        elif action == "remove":
            members[:] = [m for m in members if m["party"]["jid"] not in jids]
        else:
            for member in members:
                if member["party"]["jid"] in jids:
                    member["admin"] = action == "promote"
        return [{"jid": jid, "code": 200, "invite_code": ""} for jid in sorted(jids)]

    def update(self, jid: str, settings: base.GroupSettings) -> None:
        self._stage.perform("group_update", jid, settings, otherwise=None)
        group = self._group(jid)
        for name in ("subject", "description", "announce", "locked"):
            if (value := getattr(settings, name)) is not None:
                group[name] = value

    def set_picture(self, jid: str, jpeg: bytes) -> str:
        self._stage.perform("group_picture", jid, otherwise=None)
        return hashlib.sha256(jpeg).hexdigest()[:10]

    def invite_link(self, jid: str, *, reset: bool) -> str:
        link = "https://chat.whatsapp.com/Scripted" + ("2" if reset else "1")
        return self._stage.perform("group_invite", jid, reset, otherwise=link)

    def join(self, code: str) -> str:
        return self._stage.perform("group_join", code, otherwise=GROUP_JID)

    def leave(self, jid: str) -> None:
        self._stage.perform("group_leave", jid, otherwise=None)
        self._groups.pop(jid, None)

    def requests(self, jid: str) -> list[dict[str, Any]]:
        nobody: list[dict[str, Any]] = []
        return self._stage.perform("group_requests", jid, otherwise=nobody)

    def decide(self, jid: str, action: str, participants: list[str]) -> list[dict[str, Any]]:
        done = [{"jid": who, "code": 200, "invite_code": ""} for who in participants]
        return self._stage.perform("group_decide", jid, action, participants, otherwise=done)

    def _group(self, jid: str) -> dict[str, Any]:
        try:
            return self._groups[jid]
        except KeyError:
            raise base.EngineError("not_found", "There is no such group.") from None


def _member(who: str) -> dict[str, Any]:
    return {"party": dataclasses.asdict(chat_of(who)), "admin": False, "superadmin": False}
