"""The control API: method and path to a function that reads fields, acts and answers."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.control.documents import phone_document, state_document
from sandbox.control.requests import ApiError, Fields, digits_of, invalid
from sandbox.network import (
    device_links,
    faults,
    link_codes,
    phone_inbox,
    pictures,
    presence,
    provocation,
    registration,
)
from sandbox.network.faults import Fault, Target
from sandbox.network.groups import Group
from sandbox.network.hub import Network
from sandbox.network.model import Device, Phone
from sandbox.wire.jids import Jid

MAX_COUNT = 10_000
MAX_SECONDS = 86_400
PAGE = 1_000
FAULT_NUMBERS = ("code", "ban_code", "expire")
MAX_FAULT_NUMBER = 10**9
PRESENCE_STATES = frozenset({presence.AVAILABLE, presence.UNAVAILABLE})
TYPING_STATES = frozenset({presence.COMPOSING, presence.PAUSED})


@dataclass(frozen=True, slots=True)
class Call:
    """One request: what the path, the query and the body say."""

    network: Network
    description: Mapping[str, Any]
    path: Mapping[str, str]
    """What stands for `{name}` in the route's path; `{n}` is a phone number."""
    query: Fields
    body: Fields
    background: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def phone(self) -> Phone:
        """The phone in the path. Raises Refusal (unknown_phone)."""
        return self.network.phone(digits_of(self.path["n"], "number"))

    def page(self) -> dict[str, int]:
        """The `after` and `limit` of the query."""
        after = self.query.integer("after", minimum=0, maximum=2**62) or 0
        limit = self.query.integer("limit", minimum=1, maximum=PAGE) or PAGE
        return {"after": after, "limit": limit}


@dataclass(frozen=True, slots=True)
class Binary:
    """An answer that is not JSON."""

    data: bytes
    content_type: str


Answer = tuple[int, Any]
"""Status, and a JSON-compatible document or a Binary."""
Handler = Callable[[Call], Awaitable[Answer]]
ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []


def route(method: str, path: str) -> Callable[[Handler], Handler]:
    """Register a handler; `{name}` in the path stands for anything, `{n}` for a phone number."""

    def register(handler: Handler) -> Handler:
        pattern = re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path))
        ROUTES.append((method, pattern, handler))
        return handler

    return register


def find(method: str, path: str) -> tuple[Handler, Mapping[str, str]]:
    """The handler for a request, and the names in its path. Raises ApiError (404, 405)."""
    known = False
    for candidate, pattern, handler in ROUTES:
        match = pattern.fullmatch(path)
        if match and candidate == method:
            return handler, match.groupdict()
        known = known or match is not None
    if known:
        raise ApiError(405, "method_not_allowed", f"{path} does not allow {method}")
    raise ApiError(404, "unknown_path", f"there is nothing at {path}")


@route("GET", "/health")
async def health(call: Call) -> Answer:
    return 200, {"status": "ok"}


@route("GET", "/network")
async def network_description(call: Call) -> Answer:
    return 200, dict(call.description)


@route("GET", "/state")
async def state(call: Call) -> Answer:
    return 200, state_document(call.network)


@route("GET", "/stanzas")
async def seen_stanzas(call: Call) -> Answer:
    return 200, {"results": call.network.journal.after(call.page()["after"])}


@route("GET", "/phones")
async def list_phones(call: Call) -> Answer:
    return 200, {"results": [phone_document(phone) for phone in call.network.phones]}


@route("POST", "/phones")
async def create_phone(call: Call) -> Answer:
    phone = call.network.create_phone(
        call.body.digits("phone_number"),
        name=call.body.text("name", ""),
        requires_passkey=call.body.flag("requires_passkey"),
    )
    return 201, phone_document(phone)


@route("GET", "/phones/{n}")
async def get_phone(call: Call) -> Answer:
    return 200, phone_document(call.phone)


@route("POST", "/phones/{n}/scan")
async def scan(call: Call) -> Answer:
    phone = call.phone
    return 200, _linked(await registration.scan(call.network, phone, call.body.text("qr")))


@route("POST", "/phones/{n}/pair")
async def pair(call: Call) -> Answer:
    phone = call.phone
    return 200, _linked(await link_codes.type_code(call.network, phone, call.body.text("code")))


def _linked(device: Device) -> dict[str, str]:
    return {"jid": str(device.jid), "lid": str(device.lid)}


@route("GET", "/phones/{n}/receipts")
async def phone_receipts(call: Call) -> Answer:
    return 200, {"results": call.network.store.receipts(call.phone.digits, **call.page())}


@route("GET", "/phones/{n}/presence")
async def seen_presence(call: Call) -> Answer:
    return 200, {"results": call.network.presence_log.get(call.phone.digits, [])}


@route("POST", "/phones/{n}/presence")
async def announce_presence(call: Call) -> Answer:
    phone, body = call.phone, call.body
    state = body.choice("state", PRESENCE_STATES | TYPING_STATES)
    if state in PRESENCE_STATES:
        presence.announce(call.network, phone, state)
    elif "@" in body.optional("to"):
        presence.type_in_group(call.network, phone, _group_in(call, "to"), state)
    else:
        presence.type_to(call.network, phone, call.network.phone(body.digits("to")), state)
    return 200, {"state": state}


def _group_in(call: Call, field: str) -> Group:
    try:
        group = call.network.groups.find(Jid.parse(call.body.text(field)))
    except ValueError as error:
        raise invalid(field, str(error)) from error
    if group is None:
        detail = f"{field}: there is no group {call.body.text(field)}"
        raise ApiError(404, "unknown_group", detail, field)
    return group


@route("POST", "/phones/{n}/offline")
async def go_offline(call: Call) -> Answer:
    phone = call.phone
    phone_inbox.go_offline(call.network, phone)
    return 200, phone_document(phone)


@route("POST", "/phones/{n}/online")
async def come_online(call: Call) -> Answer:
    phone = call.phone
    phone_inbox.come_online(call.network, phone)
    return 200, phone_document(phone)


@route("POST", "/phones/{n}/picture")
async def set_picture(call: Call) -> Answer:
    phone = call.phone
    pictures.set_picture(call.network, phone, call.body.data("base64"))
    return 200, phone_document(phone)


@route("POST", "/phones/{n}/unlink")
async def unlink(call: Call) -> Answer:
    jid = call.body.text("jid") if "jid" in call.body else None
    devices = device_links.unlink(call.network, call.phone, jid)
    return 200, {"unlinked": [str(device.jid) for device in devices]}


@route("GET", "/faults")
async def list_faults(call: Call) -> Answer:
    return 200, {"results": [fault.to_document() for fault in call.network.faults.armed()]}


@route("POST", "/faults")
async def post_fault(call: Call) -> Answer:
    body = call.body
    kind = body.choice("kind", faults.KINDS)
    target = _target(call)
    if body.flag("clear"):
        cleared = provocation.clear(call.network, kind, target)
        return 200, {"cleared": [fault.to_document() for fault in cleared]}
    fault = Fault(
        kind=kind,
        target=target,
        seconds=body.number("seconds", minimum=0, maximum=MAX_SECONDS),
        count=body.integer("count", minimum=1, maximum=MAX_COUNT),
        parameters=_fault_parameters(body, kind),
    )
    if kind in (faults.FAILURE, faults.PASSKEY) and fault.seconds is None and fault.count is None:
        fault.count = 1
    hit = provocation.provoke(call.network, fault)
    return 200, {**fault.to_document(), "hit": hit}


def _fault_parameters(body: Fields, kind: str) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        name: body.integer(name, minimum=0, maximum=MAX_FAULT_NUMBER)
        for name in FAULT_NUMBERS
        if name in body
    }
    code = parameters.get("code")
    if kind == faults.MEDIA_GONE and code is not None and code not in faults.MEDIA_STATUSES:
        statuses = ", ".join(map(str, sorted(faults.MEDIA_STATUSES)))
        raise invalid("code", f"must be one of {statuses}")
    return parameters | ({"conflict": body.text("conflict")} if "conflict" in body else {})


@route("DELETE", "/faults")
async def clear_faults(call: Call) -> Answer:
    cleared = provocation.clear(call.network, None, None)
    return 200, {"cleared": [fault.to_document() for fault in cleared]}


def _target(call: Call) -> Target:
    if "jid" in call.body:
        try:
            jid = Jid.parse(call.body.text("jid"))
        except ValueError as error:
            raise invalid("jid", str(error)) from error
        device = call.network.find_device(jid)
        if device is None:
            raise ApiError(404, "unknown_device", f"{jid} is not a linked device")
        return Target(device.phone.digits, device.number)
    if "phone_number" in call.body:
        return Target(call.network.phone(call.body.digits("phone_number")).digits)
    return Target()
