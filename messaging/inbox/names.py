"""What people and chats are called, and that a picture is another one now."""

from __future__ import annotations

from datetime import datetime

from accounts.models import WhatsAppAccount
from events import types
from sessions_mgr.engines import base

from .. import chats, people
from ..avatars import news as avatars
from ..models import Contact
from ..moments import moment
from .telling import tell


def seen(account: WhatsAppAccount, fact: base.ContactSeen, at: datetime) -> None:
    """Names of people, one or a whole address book. Told for those whom we knew differently."""
    for person, changes in people.learn_all(account, fact.people, fact.names):
        tell_changed(account, person, changes, at)


def tell_changed(
    account: WhatsAppAccount, person: Contact, changes: list[str], at: datetime
) -> None:
    """The `contact.updated` event of a person, with the fields that are new."""
    tell(
        account,
        types.CONTACT_UPDATED,
        at,
        {
            "contact": {
                **people.describe(person),
                "full_name": person.full_name,
                "business_name": person.business_name,
            },
            "changed": changes,
        },
    )


def picture_changed(account: WhatsAppAccount, fact: base.PictureChanged, at: datetime) -> None:
    when = moment(fact.timestamp)
    avatars.picture_changed(account=account, fact=fact, at=when)
    tell(
        account,
        types.CONTACT_UPDATED,
        when,
        {
            "contact": people.shown(account, fact.chat),
            "changed": ["picture"],
            "picture_id": fact.picture_id or None,
        },
    )


def chats_synced(account: WhatsAppAccount, fact: base.ChatsSynced, at: datetime) -> None:
    for chat in fact.chats:
        chats.sync(account, chat)
