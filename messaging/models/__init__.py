"""What is said, by whom, with which files. One module per noun; import the names from here."""

from ..statuses import Status
from .enrichment import Enrichment
from .media import Media, MediaState
from .messages import (
    UNDECRYPTABLE,
    Direction,
    HeldFact,
    Message,
    PollVote,
    Reaction,
    Receipt,
    UnreadFact,
)
from .outbox import Outgoing, Pacing, Upload
from .people import Chat, Contact
from .pictures import Avatar, AvatarState
from .tallies import Tally

__all__ = [
    "UNDECRYPTABLE",
    "Avatar",
    "AvatarState",
    "Chat",
    "Contact",
    "Direction",
    "Enrichment",
    "HeldFact",
    "Media",
    "MediaState",
    "Message",
    "Outgoing",
    "Pacing",
    "PollVote",
    "Reaction",
    "Receipt",
    "Status",
    "Tally",
    "UnreadFact",
    "Upload",
]
