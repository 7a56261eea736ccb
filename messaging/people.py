"""People as an account knows them: found by either name, made when first seen, merged when learned.

Nothing here asks anybody: what we have is what the engine said. Looking names up is enrichment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils import timezone

from accounts.models import WhatsAppAccount
from sessions_mgr.engines.base import Party

from . import identities
from .identities import LID, PN, Names
from .models import Contact, Message, PollVote, Reaction, Receipt

CHUNK = 500  # people looked up by one query
LONGEST_NAME = 200  # characters

Changes = list[str]


def of(account: WhatsAppAccount, party: Party, *, trusted: bool = True) -> Contact | None:
    """The person behind this party, made or brought up to date. None where it is no person."""
    person, _changes = learn(account, party, trusted=trusted)
    return person


def known(account: WhatsAppAccount, party: Party) -> Contact | None:
    """The person as far as we know them; reads and never writes."""
    wanted = _wanted(identities.in_full(account, party))
    return identities.find(Contact, account.pk, wanted) if wanted else None


def learn(
    account: WhatsAppAccount,
    party: Party,
    given: Mapping[str, str] | None = None,
    *,
    trusted: bool = True,
) -> tuple[Contact | None, Changes]:
    """As `of`, with the address book's names {full, first, business} where there are some.

    Also what changed of a person that was known before: names of fields, empty for a new one.
    """
    party = identities.in_full(account, party)
    wanted = _wanted(party)
    if wanted is None:
        return None, []
    person, mapped = identities.settle(Contact, account.pk, wanted, merge=_merge, trusted=trusted)
    said = _said(party, wanted, given or {})
    if person is None:
        return _make(account, wanted, said), []
    if not trusted:
        said = {name: value for name, value in said.items() if not getattr(person, name)}
    if said.get("phone_number") and person.jid != wanted.jid:
        del said["phone_number"]
    changed = [name for name, value in said.items() if getattr(person, name) != value]
    if changed or mapped:
        for name in changed:
            setattr(person, name, said[name])
        person.updated_at = timezone.now()
        person.save(update_fields=[*changed, "updated_at"])
    return person, [*(["jid", "lid"] if mapped else []), *changed]


def learn_all(
    account: WhatsAppAccount, people: Iterable[Party], given: Mapping[str, Mapping[str, str]]
) -> list[tuple[Contact, Changes]]:
    """Many at once, as an address book brings them: who was known before and what changed."""
    wanted = [(names, party) for party in people if (names := _wanted(party))]
    changed: list[tuple[Contact, Changes]] = []
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        seen = _names_known(account, [names for names, _party in chunk])
        new: dict[str, Contact] = {}
        for names, party in chunk:
            book = given.get(party.jid) or given.get(names.jid) or given.get(names.lid) or {}
            if names.jid in seen or names.lid in seen:
                person, changes = learn(account, party, book)
                if person is not None and changes:
                    changed.append((person, changes))
                continue
            seen |= {names.jid, names.lid} - {""}
            new[names.jid] = Contact(
                account=account, jid=names.jid, lid=names.lid, **_said(party, names, book)
            )
        Contact.objects.bulk_create(new.values(), ignore_conflicts=True)
    return changed


def _names_known(account: WhatsAppAccount, wanted: list[Names]) -> set[str]:
    jids = [name for names in wanted for name in (names.jid, names.lid) if name]
    rows = Contact.objects.filter(identities.known_by(jids), account=account)
    return {name for row in rows.values_list("jid", "lid") for name in row if name}


def describe(person: Contact | None, party: Mapping[str, Any] | None = None) -> dict[str, str]:
    """As events and the API show a person: what we know now, else what was said then."""
    said = party or {}
    shown = {name: str(said.get(name) or "") for name in ("jid", "lid", "phone_number")}
    if person is not None:
        shown = {
            "jid": person.jid,
            "lid": person.lid,
            "phone_number": person.phone_number or shown["phone_number"],
        }
    if shown["jid"].endswith(LID) and shown["phone_number"]:
        shown["jid"] = shown["phone_number"].removeprefix("+") + PN
    user, _, server = shown["jid"].partition("@")
    if not shown["phone_number"] and f"@{server}" == PN and user.isdecimal():
        shown["phone_number"] = f"+{user}"
    push_name = said.get("push_name") or (person.push_name if person is not None else "")
    return {**shown, "push_name": str(push_name)}


def as_said(party: Party) -> dict[str, str]:
    """The party as it is kept in rows."""
    return {
        "jid": identities.plain(party.jid),
        "lid": identities.plain(party.lid),
        "phone_number": party.phone_number,
        "push_name": party.push_name,
    }


def shown(account: WhatsAppAccount, party: Party) -> dict[str, str]:
    """A party of an event, with both names where we know both. Never makes a row."""
    return describe(known(account, party), as_said(identities.in_full(account, party)))


def shown_all(account: WhatsAppAccount, parties: Iterable[Party]) -> list[dict[str, str]]:
    """As `shown`, in one query."""
    parties = [identities.in_full(account, party) for party in parties]
    jids = [identities.plain(name) for p in parties for name in (p.jid, p.lid) if name]
    found: dict[str, Contact] = {}
    for start in range(0, len(jids), CHUNK):
        match = identities.known_by(jids[start : start + CHUNK])
        for person in Contact.objects.filter(match, account=account):
            found |= {name: person for name in (person.jid, person.lid) if name}
    return [
        describe(
            found.get(identities.plain(p.lid)) or found.get(identities.plain(p.jid)), as_said(p)
        )
        for p in parties
    ]


def is_us(account: WhatsAppAccount, party: Party) -> bool:
    """Whether this is the account's own number, on any of its devices."""
    return identities.is_us(account, party)


def _wanted(party: Party) -> Names | None:
    wanted = identities.names(party)
    if wanted is None or party.type != "user":
        return None
    return wanted if wanted.jid.endswith((PN, LID)) else None


def _said(party: Party, wanted: Names, given: Mapping[str, str]) -> dict[str, str]:
    """What is said of a person, without what is not said."""
    number = party.phone_number
    if not number and wanted.jid.endswith(PN) and wanted.jid.partition("@")[0].isdecimal():
        number = f"+{wanted.jid.partition('@')[0]}"
    said = {
        "phone_number": number[:24],
        "push_name": party.push_name[:LONGEST_NAME],
        "full_name": str(given.get("full") or "")[:LONGEST_NAME],
        "first_name": str(given.get("first") or "")[:LONGEST_NAME],
        "business_name": str(given.get("business") or "")[:LONGEST_NAME],
    }
    return {name: value for name, value in said.items() if value}


def _make(account: WhatsAppAccount, wanted: Names, said: dict[str, str]) -> Contact:
    try:
        with transaction.atomic():
            return Contact.objects.create(account=account, jid=wanted.jid, lid=wanted.lid, **said)
    except IntegrityError:  # another process saw them at the same time
        found = identities.find(Contact, account.pk, wanted)
        if found is None:
            raise
        return found


def _merge(keep: Contact, gone: Contact) -> None:
    """Everything of `gone` is `keep`'s. Of two answers to one message the later one stays."""
    Message.objects.filter(sender_contact=gone).update(sender_contact=keep)
    _merge_answers(Reaction, keep, gone)
    _merge_answers(PollVote, keep, gone)
    _merge_answers(Receipt, keep, gone)
    names = ("phone_number", "push_name", "full_name", "first_name", "business_name")
    for name in names:
        setattr(keep, name, getattr(keep, name) or getattr(gone, name))
    keep.save(update_fields=names)


def _merge_answers(model: type[Model], keep: Contact, gone: Contact) -> None:
    rows: Any = model._default_manager
    kept = {row.message_id: row for row in rows.filter(person=keep)}
    for row in rows.filter(person=gone, message_id__in=kept):
        older = row if kept[row.message_id].at >= row.at else kept[row.message_id]
        older.delete()
    rows.filter(person=gone).update(person=keep)
