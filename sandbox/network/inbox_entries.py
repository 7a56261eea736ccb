"""A decrypted message as a phone shows it: its file is fetched, its vote is opened, and it is kept
for what may refer to it later. One-to-one and group chats alike."""

from typing import Any

from sandbox import contents
from sandbox.contents import MessageContent, votes
from sandbox.contents.reading import SealedPart, secret_of
from sandbox.contents.sealed_files import SealedFileError
from sandbox.network import media_host
from sandbox.network.archive import Known
from sandbox.network.hub import Network
from sandbox.network.model import Phone
from sandbox.wire.jids import Jid

VOTE_KIND = "poll_vote"


def show(
    network: Network,
    phone: Phone,
    sender: Phone,
    wa_id: str,
    content: MessageContent,
    *,
    chat: Phone | None = None,
    group: str = "",
) -> None:
    """Put a message into the phone's inbox.

    `chat` is to whom it was sent, one-to-one; `group` the address of a group.
    """
    from_me = sender is phone
    receiver = chat or phone
    other = receiver if from_me else sender
    document = {
        "wa_id": wa_id,
        "from": sender.number,
        "to": group or receiver.number,
        "type": content.kind,
        "text": content.text,
        "timestamp": network.now(),
        "from_me": from_me,
        **({"group": group} if group else {}),
        **content.details,
    }
    if content.file:
        document["media"] |= _file_state(network, content.file)
    if content.kind == VOTE_KIND:
        document["vote"] |= _opened_vote(network, phone, sender, content)
    network.archive.save(
        phone.digits,
        Known(
            wa_id=wa_id,
            chat=group or str(other.lid),
            sender=str(sender.lid),
            from_me=from_me,
            timestamp=network.now(),
            body=content.plaintext,
        ),
    )
    network.store.add_inbox(phone.digits, wa_id, document)


def _file_state(network: Network, file: SealedPart) -> dict[str, Any]:
    """Whether the phone could fetch and read the file."""
    try:
        data = media_host.download(network, file)
    except media_host.NoFileError:
        return {"state": "gone"}
    except SealedFileError as error:
        return {"state": "corrupt", "problem": str(error)}
    return {"state": "stored", "size": len(data)}


def _opened_vote(
    network: Network, phone: Phone, voter: Phone, content: MessageContent
) -> dict[str, Any]:
    poll_id = content.details["vote"]["message_id"]
    known = network.archive.find(phone.digits, poll_id)
    if known is None:
        return {"problem": "the phone does not know the poll"}
    author = network.find(Jid.parse(known.sender))
    chosen = votes.open_vote(
        secret_of(known.body),
        poll_id,
        authors=[known.sender, *([str(author.jid)] if author else [])],
        voters=[str(voter.lid), str(voter.jid)],
        vote=content.message["pollUpdateMessage"].get("vote", {}),
    )
    if chosen is None:
        return {"problem": "the vote does not authenticate"}
    options = contents.read_message(known.body).details.get("poll", {}).get("options", [])
    named = [option for option in options if votes.option_hash(option) in chosen]
    hashes = [option.hex() for option in chosen]
    return {"readable": True, "options": named, "option_hashes": hashes}
