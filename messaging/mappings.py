"""Both names of people, told where WhatsApp lists many: the members of groups.

Receipts and votes in a group name people by LID only; who they are is learned here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.db import DatabaseError, transaction
from django.db.models import QuerySet

from accounts.models import WhatsAppAccount
from sessions_mgr.engines.base import Party

from . import chats, identities, people
from .identities import Names
from .models import Chat, Contact

logger = logging.getLogger(__name__)

CHUNK = 250  # people, by two names each, looked up by one query

Pairs = dict[str, tuple[str, str]]  # (jid, lid) of a row by either of them


def learn(
    account: WhatsAppAccount, parties: Iterable[Party], *, strangers: bool = True
) -> list[tuple[Contact, list[str]]]:
    """Rows that one of these people has under one name get the other; two become one.

    The contacts that changed, with the names of the fields: the caller tells. `strangers` of whom
    we have nothing get a row as well: right for one group, too much for all groups of a number.
    """
    both: dict[Names, Party] = {}
    for party in parties:
        names = identities.names(party)
        if names is not None and names.lid and names.jid != names.lid:
            both[names] = party
    wanted = list(both)
    changed: list[tuple[Contact, list[str]]] = []
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        jids = [name for names in chunk for name in (names.jid, names.lid)]
        known = _pairs(Chat.objects.filter(identities.known_by(jids), account=account))
        for names in chunk:
            if _is_news(names, known):
                _learn_chat(account, both[names])
        known = _pairs(Contact.objects.filter(identities.known_by(jids), account=account))
        for names in chunk:
            if _is_news(names, known):
                changed += _learn_person(account, both[names])
        if strangers:
            new = [names for names in chunk if not {names.jid, names.lid} & known.keys()]
            people.learn_all(account, [both[names] for names in new], {})
    return changed


def _pairs(rows: QuerySet[Chat] | QuerySet[Contact]) -> Pairs:
    return {name: (jid, lid) for jid, lid in rows.values_list("jid", "lid") for name in (jid, lid)}


def _is_news(names: Names, known: Pairs) -> bool:
    found = [known[name] for name in (names.jid, names.lid) if name in known]
    return any(pair != (names.jid, names.lid) for pair in found)


def _learn_chat(account: WhatsAppAccount, party: Party) -> None:
    try:
        with transaction.atomic():
            chats.of(account, party)
    except DatabaseError as exc:
        _too_late(exc)


def _learn_person(account: WhatsAppAccount, party: Party) -> list[tuple[Contact, list[str]]]:
    try:
        with transaction.atomic():
            person, changes = people.learn(account, party)
    except DatabaseError as exc:
        _too_late(exc)
        return []
    return [(person, changes)] if person is not None and changes else []


def _too_late(exc: DatabaseError) -> None:
    """Somebody learned the same at this moment, or the row is gone; the next list says it again."""
    logger.info("the names of a member could not be written: %s", exc)
