"""Which translation is for which of neonize's events. Pure: an event in, facts out.

No fact means "nothing that the product has a word for"; the caller logs its name. Two events
are missing: `Connected` takes a call to the client, and a `HistorySync` is translated later and
elsewhere (neonize_history.py), because there may be a hundred thousand facts in it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from . import base, neonize_groups, neonize_lines, neonize_messages, neonize_people
from .neonize_parties import party_from_text

_OLD_COUNTER = re.compile(r"Ignoring message (\S+) from (\S+?)(?: in (\S+?))?: .*old counter")
_UNAVAILABLE = re.compile(r'Unavailable message (\S+) from .*\(type: "(\w*)"\)')

# By the name of the protobuf message.
TRANSLATIONS: dict[str, Callable[[Any], base.EngineEvent | None]] = {
    "PairStatus": neonize_lines.pair_status,
    "Disconnected": lambda _: base.ConnectionLost(),
    "KeepAliveTimeout": lambda event: base.KeepAliveLost(failures=event.ErrorCount),
    "KeepAliveRestored": lambda _: base.KeepAliveRestored(),
    "LoggedOut": neonize_lines.logged_out,
    "StreamReplaced": lambda _: base.StreamReplaced(),
    "TemporaryBan": neonize_lines.temporary_ban,
    "ClientOutdated": lambda _: base.ClientOutdated(),
    "ConnectFailure": neonize_lines.connect_failure,
    "StreamError": neonize_lines.stream_error,
    "Message": neonize_messages.message,
    "UndecryptableMessage": neonize_messages.undecryptable,
    "Receipt": neonize_people.receipt,
    "ChatPresence": neonize_people.chat_presence,
    "Presence": neonize_people.presence,
    "Picture": neonize_people.picture,
    "CallOffer": neonize_people.call_offer,
    "CallOfferNotice": neonize_people.call_offer_notice,
    "GroupInfoEvent": neonize_groups.group_changed,
    "JoinedGroup": lambda event: neonize_groups.joined_group(event, time.time()),
}


def lost_message(log_line: str) -> base.Undecryptable | None:
    """The message that a log line of whatsmeow gives up on, if it is such a line.

    After a crash WhatsApp sends again what was not receipted. What had been decrypted already
    cannot be decrypted twice: whatsmeow drops it with this line and no event. Either we have it, or
    it was lost between decryption and spool; whoever stores messages knows which, by the id.
    """
    found = _OLD_COUNTER.search(log_line)
    if found is None:
        return None
    wa_id, sender, chat = found.groups()
    return base.Undecryptable(
        wa_id=wa_id,
        chat=party_from_text(chat or sender),
        sender=party_from_text(sender),
        timestamp=time.time(),
        detail=base.SEEN_BEFORE,
    )


def unavailable_message(log_line: str) -> tuple[str, str] | None:
    """(id, why) of a message that WhatsApp names without sending it; the event itself lacks why."""
    found = _UNAVAILABLE.search(log_line)
    return (found[1], found[2]) if found else None
