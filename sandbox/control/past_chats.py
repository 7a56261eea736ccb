"""History in control requests: chats with messages of any type, as a phone would remember them."""

from sandbox.control.drafts import draft_of
from sandbox.control.requests import ApiError, Fields
from sandbox.network.archive import Known
from sandbox.network.hub import Network
from sandbox.network.model import Phone
from sandbox.network.phone_history import PastChat
from sandbox.network.phone_outbox import new_ids
from sandbox.wire.jids import Jid

MAX_CHATS = 10_000
MAX_MESSAGES = 10_000
MAX_UNREAD = 10**6
MAX_TIME = 2**40


def read_chats(network: Network, phone: Phone, body: Fields) -> list[PastChat]:
    """The `chats` of a request; an empty list is allowed. Raises ApiError and Refusal."""
    if body.values.get("chats") == []:
        return []
    chats = [_chat(network, phone, chat) for chat in body.parts("chats", maximum=MAX_CHATS)]
    if len({chat.jid for chat in chats}) != len(chats):
        raise body.invalid("chats", "must name every chat once")
    return chats


def _chat(network: Network, phone: Phone, fields: Fields) -> PastChat:
    jid = _address(network, fields)
    items = fields.parts("messages", maximum=MAX_MESSAGES) if "messages" in fields else []
    return PastChat(
        jid=str(jid),
        name=fields.optional("name"),
        unread=fields.integer("unread", minimum=0, maximum=MAX_UNREAD) or 0,
        archived=fields.flag("archived"),
        pinned_at=fields.integer("pinned_at", minimum=0, maximum=MAX_TIME) or 0,
        muted_until=fields.integer("muted_until", minimum=0, maximum=MAX_TIME) or 0,
        messages=[_message(network, phone, jid, item) for item in items],
    )


def _address(network: Network, fields: Fields) -> Jid:
    """The person in `with`, or the group in `group`."""
    if "group" not in fields:
        return network.phone(fields.digits("with")).lid
    try:
        group = network.groups.find(Jid.parse(fields.text("group")))
    except ValueError as error:
        raise fields.invalid("group", str(error)) from error
    if group is None:
        field = fields.prefix + "group"
        raise ApiError(404, "unknown_group", f"{field}: there is no such group", field)
    return group.jid


def _message(network: Network, phone: Phone, chat: Jid, fields: Fields) -> Known:
    """One message; `from` names its author and is the phone itself or, in a group, anybody."""
    author = network.phone(fields.digits("from"))
    from_me = author is phone
    if not from_me and author.lid != chat and chat.server == author.lid.server:
        raise fields.invalid("from", "must be one of the two people in the chat")
    timestamp = fields.integer("timestamp", minimum=1, maximum=MAX_TIME)
    return Known(
        wa_id=fields.text("wa_id", new_ids(1)[0]),
        chat=str(chat),
        sender=str(author.lid),
        from_me=from_me,
        timestamp=network.now() if timestamp is None else timestamp,
        body=draft_of(network, author, chat, fields).plaintext(0),
    )
