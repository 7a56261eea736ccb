"""Which row a WhatsApp address belongs to, when everybody has two of them.

A person (and the chat with them) is known by the JID of a phone number (PN), by a LID, or by both,
and that two belong together may be learned late. The LID stays with a person for life; the number
is what they hold now. So: two rows that turn out to be one become one; a number that is now behind
another LID leaves the row that had it. What history says never undoes what was learned live.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from django.db.models import Q

from accounts.models import WhatsAppAccount
from sessions_mgr.engines.base import Party

from .models import Chat, Contact

LID = "@lid"
PN = "@s.whatsapp.net"
LONGEST = 120  # characters of a JID that we keep; WhatsApp's own have at most about 40

Row = TypeVar("Row", Contact, Chat)


@dataclass(frozen=True, slots=True)
class Names:
    """`jid` is the PN (or group) where it is known, else the LID; `lid` is empty if unknown."""

    jid: str
    lid: str


def plain(jid: str) -> str:
    """Without the device: "1555:3@s.whatsapp.net" is a device of "1555@s.whatsapp.net"."""
    user, at, server = jid.partition("@")
    if server == "c.us":
        server = "s.whatsapp.net"
    return (user.partition(":")[0] + at + server)[:LONGEST]


def names(party: Party) -> Names | None:
    """None for a party without any name."""
    jid, lid = plain(party.jid), plain(party.lid)
    if jid.endswith(LID):
        lid = lid if lid.endswith(LID) else jid
        digits = party.phone_number.lstrip("+")
        jid = f"{digits}{PN}" if digits.isdecimal() and digits.isascii() else lid
    if not lid.endswith(LID):
        lid = ""
    jid = jid or lid
    return Names(jid, lid) if jid else None


def is_us(account: WhatsAppAccount, party: Party) -> bool:
    """Whether this is the account's own number, on any of its devices."""
    ours = {plain(name) for name in (account.jid, account.lid) if name}
    return bool(ours & {plain(party.jid), plain(party.lid)})


def in_full(account: WhatsAppAccount, party: Party) -> Party:
    """Our own number by both of its names: what our phone says is told with its LID only, and
    nobody else teaches us that the two belong together."""
    if party.type != "user" or not is_us(account, party):
        return party
    return Party(
        jid=account.jid or party.jid,
        lid=account.lid or party.lid,
        phone_number=account.phone_number or party.phone_number,
        push_name=party.push_name or account.push_name,
    )


def known_by(jids: list[str]) -> Q:
    """Rows that go by any of these names."""
    return Q(jid__in=jids) | Q(lid__in=[jid for jid in jids if jid.endswith(LID)])


def find(model: type[Row], account_id: UUID, wanted: Names) -> Row | None:
    """The row by either name; nothing is learned and nothing is made."""
    rows = _rows(model, account_id, wanted)
    return _by_lid(rows, wanted) or _by_jid(rows, wanted)


def settle(
    model: type[Row],
    account_id: UUID,
    wanted: Names,
    *,
    merge: Callable[[Row, Row], None],
    renamed: Callable[[Row, str], None] = lambda row, former: None,
    trusted: bool = True,
) -> tuple[Row | None, bool]:
    """The row of these names after what they say was learned, and whether anything was.

    `merge(keep, gone)` moves what hangs on `gone`, which is then deleted; `renamed(row, former)`
    hears that its jid is another one now. Not `trusted`: names that contradict what we know teach
    nothing.
    """
    rows = _rows(model, account_id, wanted)
    by_jid, by_lid = _by_jid(rows, wanted), _by_lid(rows, wanted)
    one = by_lid or by_jid
    if one is None or not wanted.lid or wanted.jid == wanted.lid:
        return one, False
    if one.jid == wanted.jid and one.lid == wanted.lid:
        return one, False
    contradicts = (by_lid is not None and by_lid.jid not in (by_lid.lid, wanted.jid)) or (
        by_jid is not None and by_jid.lid not in ("", wanted.lid)
    )
    if contradicts and not trusted:
        return one, False
    if by_jid is not None and by_jid.lid not in ("", wanted.lid):
        _give_up_number(by_jid)  # somebody else holds that number now
        by_jid = None
    if by_jid is None and by_lid is None:
        return None, True
    if by_jid is not None and by_lid is not None:
        one, gone = sorted((by_jid, by_lid), key=lambda row: row.pk)
        merge(one, gone)
        gone.delete()
    else:
        one = by_jid or by_lid
        assert one is not None
    former = one.jid
    _rename(one, wanted)
    if former != one.jid:
        renamed(one, former)
    return one, True


def _rows(model: type[Row], account_id: UUID, wanted: Names) -> list[Row]:
    match = Q(account_id=account_id, jid__in={wanted.jid, wanted.lid} - {""})
    if wanted.lid:
        match |= Q(account_id=account_id, lid=wanted.lid)
    return list(model._default_manager.filter(match))


def _by_jid(rows: list[Row], wanted: Names) -> Row | None:
    return next((row for row in rows if row.jid == wanted.jid), None)


def _by_lid(rows: list[Row], wanted: Names) -> Row | None:
    return next((row for row in rows if wanted.lid and wanted.lid in (row.lid, row.jid)), None)


def _give_up_number(row: Row) -> None:
    row.jid = row.lid
    if isinstance(row, Contact):
        row.phone_number = ""
        row.save(update_fields=["jid", "phone_number"])
    else:
        row.save(update_fields=["jid"])


def _rename(row: Row, wanted: Names) -> None:
    row.jid, row.lid = wanted.jid, wanted.lid
    row.save(update_fields=["jid", "lid"])
