"""Commands of the neonize process about messages of all types; see neonize_client."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any


def commands(client: Any, address: Callable[[str], Any]) -> dict[str, Callable[..., Any]]:
    """The commands by name. `client.received` holds the messages that arrived, by id, because
    files and votes are opened with the message itself."""
    from google.protobuf.json_format import MessageToDict, ParseDict
    from neonize.proto.Neonize_pb2 import ReturnFunctionWithError
    from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message
    from neonize.utils import enum

    received = client.received

    def sent(to: Any, message: Any) -> str:
        identifier: str = client.send_message(to, message).ID
        return identifier

    def send_message(to: str, message: dict[str, Any]) -> str:
        return sent(address(to), ParseDict(message, Message()))

    def upload(data: str, kind: str) -> Any:
        return MessageToDict(client.upload(base64.b64decode(data), enum.MediaType[kind]))

    def download(wa_id: str) -> str:
        return base64.b64encode(client.download_any(received[wa_id].Message)).decode()

    def send_poll(to: str, name: str, options: list[str]) -> str:
        poll = client.build_poll_vote_creation(name, options, enum.VoteType.SINGLE)
        return sent(address(to), poll)

    def vote(wa_id: str, options: list[str]) -> str:
        info = received[wa_id].Info
        return sent(info.MessageSource.Chat, client.build_poll_vote(info, options))

    def open_vote(wa_id: str) -> list[str]:
        # neonize 0.5.2 forgets to read the answer of this one call (TypeError: LP_Bytes)
        event = received[wa_id].SerializeToString()
        library = client._NewClient__client
        answer = library.DecryptPollVote(client.uuid, event, len(event))
        opened = ReturnFunctionWithError.FromString(answer.contents.get_bytes())
        library.FreeBytesStruct(answer)
        if opened.Error:
            raise RuntimeError(opened.Error)
        return [option.hex() for option in opened.PollVoteMessage.selectedOptions]

    def react(chat: str, sender: str, wa_id: str, emoji: str) -> str:
        reaction = client.build_reaction(address(chat), address(sender), wa_id, emoji)
        return sent(address(chat), reaction)

    def edit(chat: str, wa_id: str, text: str) -> str:
        new = Message(conversation=text)
        identifier: str = client.edit_message(address(chat), wa_id, new).ID
        return identifier

    def revoke(chat: str, sender: str, wa_id: str) -> str:
        identifier: str = client.revoke_message(address(chat), address(sender), wa_id).ID
        return identifier

    def played(chat: str, wa_id: str) -> None:
        receipt = enum.ReceiptType.PLAYED
        client.mark_read(wa_id, chat=address(chat), sender=address(chat), receipt=receipt)

    return {
        "send_message": send_message,
        "upload": upload,
        "download": download,
        "send_poll": send_poll,
        "vote": vote,
        "open_vote": open_vote,
        "react": react,
        "edit": edit,
        "revoke": revoke,
        "played": played,
    }
