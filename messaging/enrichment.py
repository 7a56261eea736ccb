"""Names, numbers and LIDs of contacts, looked up after their message is stored and never before.

A message arrives under its push name. `want` notes that more should be found out; `Enricher` asks
the account's worker, tries again after 1, 2 and 4 s, and then leaves it until the next message.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import WhatsAppAccount
from events import batches
from events import services as event_log
from sessions_mgr import commands
from sessions_mgr.engines import base

from . import tallies
from .models import Contact, Enrichment

logger = logging.getLogger(__name__)

BACK_OFF = (1.0, 2.0, 4.0)  # seconds before the second, third and fourth try
ANSWER_HOLDS = timedelta(hours=6)  # a worker that told all it knows is not asked again before
CLAIM = timedelta(seconds=30)  # a look-up that is not finished by then may be taken over
TIMEOUT = 2.0  # seconds per page; the pipeline waits for it when it stops
PAGES_MOST = 20  # of the worker's contacts, 2,000 each
LOOKED_AT = 1000  # rows per turn
CONTACTS_AT_ONCE = 500  # of one account per look-up
UNREACHABLE = frozenset({"not_running", "not_connected", "bus_unavailable", "timeout"})

Learn = Callable[..., Any]


def delay_before(tries: int) -> timedelta | None:
    """How long to wait after so many tries that failed; None: leave it."""
    if tries > len(BACK_OFF):
        return None
    return timedelta(seconds=BACK_OFF[tries - 1])


def is_known(contact: Contact) -> bool:
    """Whether a look-up could tell nothing new."""
    named = bool(contact.full_name or contact.business_name)
    return named and bool(contact.phone_number) and bool(contact.lid)


def want(contact: Contact, *, at: datetime | None = None) -> bool:
    """Have a contact looked up soon. False when that is pointless or under way.

    Called for each message, in ingest's transaction: one read, and a write only when needed.
    """
    if is_known(contact):
        return False
    return batches.once(("wanted", contact.pk), lambda: _want(contact, at))


def _want(contact: Contact, at: datetime | None) -> bool:
    now = at or timezone.now()
    row, created = Enrichment.objects.get_or_create(contact=contact, defaults={"due_at": now})
    if created:
        return True
    if row.due_at is not None:
        return False
    if row.answered_at is not None and now - row.answered_at < ANSWER_HOLDS:
        return False
    waiting = Enrichment.objects.filter(pk=row.pk, due_at=None)
    return bool(waiting.update(due_at=now, tries=0))


@dataclass(frozen=True, slots=True)
class Claimed:
    """The contacts of one account that this process looks up now. One question serves all."""

    account: WhatsAppAccount
    claim: str
    contact_ids: tuple[int, ...]


def take(now: datetime, limit: int) -> list[Claimed]:
    """Claim what is due, for up to `limit` accounts. Who is faster gets it: compare-and-set."""
    due = Enrichment.objects.filter(due_at__lte=now, contact__account__deleted_at=None)
    return _take(due, now, limit) if due.exists() else []  # mostly not: then nothing is locked


@transaction.atomic
def _take(due: QuerySet[Enrichment], now: datetime, limit: int) -> list[Claimed]:
    accounts: dict[UUID, None] = dict.fromkeys(
        due.order_by("due_at").values_list("contact__account_id", flat=True)[:LOOKED_AT]
    )
    taken = []
    for account in WhatsAppAccount.objects.filter(pk__in=list(accounts)[:limit]):
        claim = uuid.uuid4().hex
        mine = list(
            due.filter(contact__account=account).values_list("pk", flat=True)[:CONTACTS_AT_ONCE]
        )
        won = Enrichment.objects.filter(pk__in=mine, due_at__lte=now).update(
            claim=claim, due_at=now + CLAIM
        )
        if won:
            ids = Enrichment.objects.filter(claim=claim).values_list("pk", flat=True)
            taken.append(Claimed(account, claim, tuple(ids)))
    return taken


def look_up(claimed: Claimed) -> base.ContactSeen | None:
    """Ask the worker. None when it could not tell; nothing that goes wrong comes out of here."""
    try:
        return as_fact(_all_names(claimed.account))
    except commands.CommandFailed as exc:
        if exc.code in UNREACHABLE:
            tallies.count(tallies.CONNECTION_FAILURES, "contact_info")
        error: tuple[str, str] = (exc.code, exc.detail)
    except Exception as exc:
        logger.exception("the worker's answer about contacts cannot be read")
        error = (type(exc).__name__, str(exc))
    logger.warning(
        "contacts could not be looked up; their messages are stored under their push names",
        extra={
            "account": str(claimed.account.pk),
            "contacts": len(claimed.contact_ids),
            "code": error[0],
            "error": error[1],
            "fallback_used": True,
        },
    )
    return None


def _all_names(account: WhatsAppAccount) -> list[dict[str, Any]]:
    """What the worker knows of people, page by page."""
    told: list[dict[str, Any]] = []
    after = ""
    for _page in range(PAGES_MOST):
        answer = commands.order(account, "contact_names", after=after, timeout=TIMEOUT)
        told += answer["contacts"]
        after = answer.get("next") or ""
        if not after:
            break
    return told


def as_fact(contacts: list[dict[str, Any]]) -> base.ContactSeen:
    """The worker's answer in the words in which workers tell names by themselves."""
    people, names = [], {}
    for told in contacts:
        jid, lid = str(told.get("jid") or ""), str(told.get("lid") or "")
        if not (jid or lid):
            continue
        user, _, server = jid.partition("@")
        people.append(
            base.Party(
                jid=jid or lid,
                lid=lid,
                phone_number=f"+{user}" if server == "s.whatsapp.net" else "",
                push_name=str(told.get("push") or ""),
            )
        )
        names[jid or lid] = {
            "full": str(told.get("full") or ""),
            "first": str(told.get("first") or ""),
            "business": str(told.get("business") or ""),
        }
    return base.ContactSeen(people=people, names=names)


def wanted_of(fact: base.ContactSeen, claimed: Claimed) -> base.ContactSeen:
    """Only those people of the answer that were asked about: an address book may be long."""
    contacts = Contact.objects.filter(pk__in=claimed.contact_ids)
    known = {name for pair in contacts.values_list("jid", "lid") for name in pair if name}
    people = [p for p in fact.people if p.jid in known or p.lid in known]
    return base.ContactSeen(people, {p.jid: fact.names.get(p.jid, {}) for p in people})


@transaction.atomic
def settle(claimed: Claimed, fact: base.ContactSeen | None, *, now: datetime, learn: Learn) -> None:
    """Write what was found out (events follow from it), or when to try again.

    `learn(account=, fact=, at=)` is what ingest does with a ContactSeen.
    """
    event_log.take_turns(pk=claimed.account.workspace_id)
    mine = Enrichment.objects.filter(claim=claimed.claim)
    if fact is None:
        for row in mine.select_for_update():
            rest = delay_before(row.tries + 1)
            Enrichment.objects.filter(pk=row.pk).update(
                tries=row.tries + 1, due_at=now + rest if rest else None, claim=""
            )
        return
    learn(account=claimed.account, fact=wanted_of(fact, claimed), at=now)
    mine.update(due_at=None, tries=0, answered_at=now, claim="")
