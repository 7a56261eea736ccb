"""Groups as the server keeps them: who is in, with which rank, and what is set.

Pure data and its storage. Who may change what is decided in `groups_rules`.
"""

import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.network.store import Store
from sandbox.wire.jids import GROUP_SERVER, Jid

DOCUMENT = "group"
MEMBER, ADMIN, OWNER = "", "admin", "superadmin"
"""Ranks, as the wire writes them (a plain member has no type)."""
ADMINS_ADD, ALL_ADD = "admin_add", "all_member_add"
ID_PREFIX = "120363"
ID_DIGITS = 12
INVITE_BYTES = 16


@dataclass(slots=True)
class Subject:
    """The name of a group, and who gave it (digits) when."""

    text: str
    by: str
    at: int


@dataclass(slots=True)
class Description:
    """The description. Its id is empty when there is none, as clients expect."""

    text: str = ""
    id: str = ""
    by: str = ""
    at: int = 0


@dataclass(slots=True, eq=False)
class Group:
    """One group. People are named by the digits of their phones."""

    user: str
    owner: str
    created: int
    subject: Subject
    description: Description = field(default_factory=Description)
    members: dict[str, str] = field(default_factory=dict)
    """Digits to rank, in the order of joining."""
    announce: bool = False
    locked: bool = False
    approval: bool = False
    expiration: int = 0
    """Seconds after which messages disappear, 0 for never."""
    add_mode: str = ALL_ADD
    invite: str = ""
    revoked: list[str] = field(default_factory=list)
    requests: dict[str, int] = field(default_factory=dict)
    """Who wants to join, and since when."""
    picture_id: str = ""
    version: int = 1
    """Grows with every change of the members."""
    announce_version: int = 1

    @classmethod
    def create(cls, owner: str, subject: str, now: int) -> "Group":
        """A group with its owner as the only member."""
        user = ID_PREFIX + "".join(secrets.choice("0123456789") for _ in range(ID_DIGITS))
        group = cls(user, owner, now, Subject(subject, owner, now))
        group.members[owner] = OWNER
        group.invite = new_invite()
        return group

    @property
    def jid(self) -> Jid:
        """The address of the group."""
        return Jid(self.user, GROUP_SERVER)

    def rank(self, digits: str) -> str | None:
        """MEMBER, ADMIN or OWNER; None for somebody who is not in the group."""
        return self.members.get(digits)

    def is_admin(self, digits: str) -> bool:
        """Whether this person may manage the group."""
        return self.members.get(digits) in (ADMIN, OWNER)

    def to_document(self) -> dict[str, Any]:
        """The group as JSON-compatible data."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Group":
        """The group that `to_document` wrote."""
        values = dict(document)
        values["subject"] = Subject(**values["subject"])
        values["description"] = Description(**values["description"])
        return cls(**values)


def new_invite() -> str:
    """The code at the end of an invite link."""
    return secrets.token_urlsafe(INVITE_BYTES)


class Groups:
    """All groups of the network."""

    def __init__(self, store: Store) -> None:
        self._store = store
        documents = store.documents(DOCUMENT)
        self._groups = {user: Group.from_document(body) for user, body in documents.items()}

    def __iter__(self) -> Iterator[Group]:
        return iter(list(self._groups.values()))

    def find(self, jid: Jid) -> Group | None:
        """The group at an address."""
        return self._groups.get(jid.user) if jid.server == GROUP_SERVER else None

    def of(self, digits: str) -> list[Group]:
        """The groups that somebody is in."""
        return [group for group in self._groups.values() if digits in group.members]

    def by_invite(self, code: str) -> Group | None:
        """The group that a link leads to."""
        return next((group for group in self if group.invite == code), None)

    def was_revoked(self, code: str) -> bool:
        """Whether a link led to a group once."""
        return any(code in group.revoked for group in self)

    def save(self, group: Group) -> None:
        """Write a new or changed group."""
        self._groups[group.user] = group
        self._store.save_document(DOCUMENT, group.user, group.to_document())
