"""Short ways through an account's life, by the services that the product uses."""

from __future__ import annotations

from django.utils import timezone

from sessions_mgr import assignments, facts, services
from sessions_mgr.engines import base
from sessions_mgr.models import Session
from tests.factories import AccountFactory

LINKED = {
    "jid": "15550001:1@s.whatsapp.net",
    "lid": "91000555:1@lid",
    "phone_number": "+15550001",
    "push_name": "Demo",
}


def say(account, fact, *, epoch=None) -> bool:
    """The worker of `account` reports `fact`."""
    current = Session.objects.values_list("epoch", flat=True).get(pk=account.pk)
    return facts.record_fact(
        account_id=account.pk,
        epoch=current if epoch is None else epoch,
        fact=fact,
        at=timezone.now(),
    )


def start(account) -> int:
    """connect, and a node takes it. The worker's epoch."""
    session = services.request_connect(account=account)
    epoch = assignments.take_assignment(
        account_id=account.pk, node="test", seen_epoch=session.epoch
    )
    assert epoch is not None
    return epoch


def connected_account(**fields):
    account = AccountFactory(**fields)
    start(account)
    say(account, base.Connected(**LINKED))
    account.refresh_from_db()
    return account
