"""Routes for what phones say, get and remember."""

import asyncio
from functools import partial

from sandbox.contents import read_message
from sandbox.contents.sealed_files import SealedFileError
from sandbox.control.drafts import Draft, draft_of
from sandbox.control.past_chats import read_chats
from sandbox.control.requests import ApiError, invalid
from sandbox.control.routes import MAX_COUNT, Answer, Binary, Call, route
from sandbox.network import (
    groups_outbox,
    media_host,
    phone_history,
    phone_inbox,
    phone_outbox,
    registration,
)
from sandbox.network.errors import Refusal
from sandbox.network.groups import Group
from sandbox.network.model import Phone
from sandbox.wire.jids import Jid

MAX_RATE = 1_000


@route("POST", "/phones/{n}/messages")
async def send_messages(call: Call) -> Answer:
    sender, body = call.phone, call.body
    chat = _chat(call)
    address = chat.jid if isinstance(chat, Group) else chat.lid
    registration.require_online(sender)
    if isinstance(chat, Group):
        groups_outbox.require_writer(chat, sender)
    count = body.integer("count", minimum=1, maximum=MAX_COUNT) or 1
    rate = body.number("rate", minimum=0.01, maximum=MAX_RATE)
    draft = draft_of(call.network, sender, address, body)
    ids = phone_outbox.new_ids(count)
    send = partial(_send, call, sender, chat, draft)
    sending = phone_outbox.send_each(call.network, sender, ids, rate, send)
    if rate is None:
        await sending
    else:
        task = asyncio.create_task(sending)
        call.background.add(task)
        task.add_done_callback(call.background.discard)
    return 202, {"ids": ids}


def _chat(call: Call) -> Phone | Group:
    """The person in `to` or the group in `group` (or in `to`, as its address)."""
    body = call.body
    field = "group" if "group" in body else "to"
    text = body.text(field)
    if "@" not in text and field == "to":
        return call.network.phone(body.digits(field))
    try:
        group = call.network.groups.find(Jid.parse(text))
    except ValueError as error:
        raise invalid(field, str(error)) from error
    if group is None:
        raise ApiError(404, "unknown_group", f"{field}: there is no group {text}", field)
    return group


def _send(
    call: Call, sender: Phone, chat: Phone | Group, draft: Draft, index: int, wa_id: str
) -> None:
    plaintext = draft.plaintext(index)
    if isinstance(chat, Group):
        groups_outbox.send_message(call.network, sender, chat, plaintext, wa_id, draft.manner)
    else:
        phone_outbox.send_message(call.network, sender, chat, plaintext, wa_id, draft.manner)


@route("GET", "/phones/{n}/inbox")
async def inbox(call: Call) -> Answer:
    order = "oldest"
    if "order" in call.query:
        order = call.query.choice("order", frozenset({"oldest", "newest"}))
    before = call.query.integer("before", minimum=1, maximum=2**62)
    results = call.network.store.inbox(
        call.phone.digits, **call.page(), before=before, newest_first=order == "newest"
    )
    return 200, {"results": results}


@route("GET", "/phones/{n}/inbox/{id}/media")
async def inbox_media(call: Call) -> Answer:
    """The decrypted file; `{id}` is the inbox's number or the message's WhatsApp id."""
    phone, wanted = call.phone, call.path["id"]
    store = call.network.store
    entry = (
        store.inbox_entry(phone.digits, int(wanted))
        if wanted.isdecimal() and len(wanted) < 19
        else store.inbox_message(phone.digits, wanted)
    )
    known = call.network.archive.find(phone.digits, entry["wa_id"]) if entry else None
    if known is None:
        raise Refusal("unknown_message", f"{phone.number} has no message {wanted}")
    file = read_message(known.body).file
    if file is None:
        raise ApiError(404, "no_media", f"message {wanted} has no file")
    try:
        data = media_host.download(call.network, file)
    except media_host.NoFileError as error:
        raise ApiError(410, "media_gone", str(error)) from error
    except SealedFileError as error:
        raise ApiError(422, "media_corrupt", str(error)) from error
    mime_type = file.part.get("mimetype", "").strip()
    safe = mime_type.isascii() and mime_type.isprintable() and mime_type
    return 200, Binary(data, mime_type if safe else "application/octet-stream")


@route("POST", "/phones/{n}/read")
async def read(call: Call) -> Answer:
    phone, wa_id = call.phone, call.body.text("wa_id")
    registration.require_online(phone)
    kind = phone_inbox.PLAYED if call.body.flag("played") else phone_inbox.READ
    phone_inbox.mark_read(call.network, phone, wa_id, kind)
    return 200, {"wa_id": wa_id, "type": kind}


@route("GET", "/phones/{n}/history")
async def get_history(call: Call) -> Answer:
    chats = phone_history.chats_of(call.network, call.phone)
    return 200, {"chats": [_chat_document(chat) for chat in chats]}


@route("POST", "/phones/{n}/history")
async def set_history(call: Call) -> Answer:
    phone = call.phone
    chats = read_chats(call.network, phone, call.body)
    phone_history.remember(call.network, phone, chats)
    return 200, {"chats": [_chat_document(chat) for chat in chats]}


def _chat_document(chat: phone_history.PastChat) -> dict[str, object]:
    return {
        "jid": chat.jid,
        "name": chat.name,
        "unread": chat.unread,
        "archived": chat.archived,
        "wa_ids": [known.wa_id for known in chat.messages],
    }


@route("POST", "/phones/{n}/history/sync")
async def sync_history(call: Call) -> Answer:
    """Hand the history to all companions (or the one in `jid`) now."""
    phone = call.phone
    registration.require_online(phone)
    devices = list(phone.devices.values())
    if "jid" in call.body:
        jid = call.body.text("jid")
        devices = [device for device in devices if jid in (str(device.jid), str(device.lid))]
        if not devices:
            raise Refusal("unknown_device", f"{jid} is not linked to {phone.number}")
    if not phone_history.chats_of(call.network, phone):
        raise Refusal("no_history", f"{phone.number} has no history; give it some first")
    sent = {
        str(device.jid): phone_history.send_all(call.network, phone, device) for device in devices
    }
    return 202, {"sent": sent}
