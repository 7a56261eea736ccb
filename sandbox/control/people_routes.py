"""Routes for what a phone does besides writing: calls, address book, settings, a new handset."""

from sandbox.control.documents import phone_document
from sandbox.control.requests import digits_of
from sandbox.control.routes import Answer, Call, route
from sandbox.network import (
    app_state,
    blocklists,
    calls,
    identities,
    phone_settings,
    registration,
)
from sandbox.syncd.patches import Mutation
from sandbox.wire.jids import Jid

MAX_CONTACTS = 5_000
RING_SECONDS, MAX_RING_SECONDS = 60.0, 3_600.0
MAX_TIME = 2**40


@route("POST", "/phones/{n}/calls")
async def make_call(call: Call) -> Answer:
    caller, body = call.phone, call.body
    registration.require_online(caller)
    callee = call.network.phone(body.digits("to"))
    if callee is caller:
        raise body.invalid("to", "must be somebody else")
    seconds = body.number("ring_seconds", minimum=0.1, maximum=MAX_RING_SECONDS) or RING_SECONDS
    made = calls.offer(call.network, caller, callee, video=body.flag("video"))
    calls.ring_for(call.network, made, seconds)
    return 201, made.to_document()


@route("GET", "/phones/{n}/calls")
async def list_calls(call: Call) -> Answer:
    found = calls.calls_of(call.network, call.phone)
    return 200, {"results": [one.to_document() for one in found]}


@route("DELETE", "/phones/{n}/calls/{id}")
async def hang_up(call: Call) -> Answer:
    return 200, calls.hang_up(call.network, call.phone, call.path["id"]).to_document()


@route("GET", "/phones/{n}/contacts")
async def get_contacts(call: Call) -> Answer:
    book = phone_settings.contacts(call.network, call.phone)
    return 200, {"results": [{"jid": jid, **entry} for jid, entry in book.items()]}


@route("PUT", "/phones/{n}/contacts")
async def set_contacts(call: Call) -> Answer:
    """Replace the address book; companions hear of the differences."""
    phone, network = call.phone, call.network
    registration.require_online(phone)
    wanted: dict[str, Mutation] = {}
    parts = (
        call.body.parts("contacts", maximum=MAX_CONTACTS)
        if call.body.values.get("contacts")
        else []
    )
    book = phone_settings.contacts(network, phone)
    names = {}
    for part in parts:
        jid = Jid(part.digits("phone_number"))
        other = network.find(jid)
        full, first = part.text("full_name"), part.optional("first_name")
        names[str(jid)] = {"full_name": full, "first_name": first}
        lid = other.lid if other else None
        wanted[str(jid)] = phone_settings.contact(jid, lid, full, first, network.now())
    mutations = [wanted[jid] for jid, entry in names.items() if book.get(jid) != entry]
    gone = [Jid.parse(jid) for jid in book if jid not in names]
    mutations += [phone_settings.no_contact(jid, network.now()) for jid in gone]
    if mutations:
        app_state.change(network, phone, phone_settings.CONTACTS, mutations)
    return await get_contacts(call)


@route("GET", "/phones/{n}/chats")
async def get_chats(call: Call) -> Answer:
    chats = phone_settings.chats(call.network, call.phone)
    return 200, {"results": [{"jid": jid, **entry} for jid, entry in chats.items()]}


@route("POST", "/phones/{n}/chats")
async def set_chat(call: Call) -> Answer:
    """Archive or mute a chat: `chat` (number or address), `archived`, `muted_until` (seconds)."""
    phone, network, body = call.phone, call.network, call.body
    registration.require_online(phone)
    chat = _chat(call)
    if "archived" in body:
        put_away = phone_settings.archived(chat, body.flag("archived"), network.now())
        app_state.change(network, phone, phone_settings.CHATS, [put_away])
    until = body.integer("muted_until", minimum=phone_settings.FOREVER, maximum=MAX_TIME)
    if until is not None:
        silent = phone_settings.muted(chat, until, network.now())
        app_state.change(network, phone, phone_settings.MUTES, [silent])
    return await get_chats(call)


def _chat(call: Call) -> Jid:
    text = call.body.text("chat")
    if "@" not in text:
        return Jid(digits_of(text, "chat"))
    try:
        return Jid.parse(text)
    except ValueError as error:
        raise call.body.invalid("chat", str(error)) from error


@route("PUT", "/phones/{n}/name")
async def set_name(call: Call) -> Answer:
    """The name that others see."""
    phone, network = call.phone, call.network
    registration.require_online(phone)
    mutation = phone_settings.push_name(call.body.text("name"), network.now())
    app_state.change(network, phone, phone_settings.PUSH_NAME, [mutation])
    return 200, phone_document(phone)


@route("GET", "/phones/{n}/blocked")
async def get_blocked(call: Call) -> Answer:
    people = blocklists.blocked(call.network, call.phone)
    return 200, {"results": [f"+{digits}" for digits in people]}


@route("POST", "/phones/{n}/reinstall")
async def reinstall(call: Call) -> Answer:
    phone = call.phone
    registration.require_online(phone)
    unlinked = identities.reinstall(call.network, phone)
    addresses = [str(device.jid) for device in unlinked]
    return 200, {"phone": phone_document(phone), "unlinked": addresses}
