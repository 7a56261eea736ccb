"""Gives a furnished product a past: a day of messages and of changes of status.

Runs as a process of its own with the product's environment, as only the database can be told that
something happened hours ago: `python -m tests.screenshots.yesterday`.
"""

from __future__ import annotations

import math
import os
import random
from datetime import datetime, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.utils import timezone  # noqa: E402

from accounts.models import Membership, User, WhatsAppAccount, Workspace  # noqa: E402
from messaging.models import Message  # noqa: E402
from sessions_mgr.models import Session, StatusChange, WorkerExit  # noqa: E402
from sessions_mgr.reasons import sentence  # noqa: E402

BUSIEST = 60  # messages of an hour
COLLEAGUES = (
    ("Jonas Weber", "admin", 41),
    ("Priya Nair", "operator", 12),
    ("Tom Hale", "viewer", 3),
)
# label, hours ago, minutes away, reason
BREAKS = (
    ("Support Berlin", 19, 12, "line_lost"),
    ("Sales desk", 14, 45, "line_unreachable"),
    ("Deliveries", 7, 2, "worker_crashed"),
    ("Orders Vienna", 3, 8, "silent"),
)


def main() -> None:
    WhatsAppAccount.objects.update(created_at=timezone.now() - timedelta(days=3))
    accounts = {account.label: account for account in WhatsAppAccount.objects.all()}
    for label, hours, minutes, reason in BREAKS:
        _break(accounts[label], timezone.now() - timedelta(hours=hours), minutes, reason)
    _messages([account for account in accounts.values() if account.phone_number])
    User.objects.update(is_staff=True, name="Mara Vogel")
    _colleagues(Workspace.objects.get())


def _colleagues(workspace: Workspace) -> None:
    for name, role, days in COLLEAGUES:
        email = f"{name.split()[0].lower()}@example.test"
        person = User.objects.create_user(email, name=name)
        joined = timezone.now() - timedelta(days=days)
        Membership.objects.create(workspace=workspace, user=person, role=role, created_at=joined)


def _break(account: WhatsAppAccount, at: datetime, minutes: int, reason: str) -> None:
    """It was connected all day but for this."""
    back = at + timedelta(minutes=minutes)
    epoch = Session.objects.values_list("epoch", flat=True).get(pk=account.pk)
    steps = (
        (born_before(account), "disconnected", "connected", ""),
        (at, "connected", "reconnecting", reason),
        (back, "reconnecting", "connected", ""),
    )
    account.timeline.all().delete()
    for moment, before, after, why in steps:
        StatusChange.objects.create(
            account=account,
            at=moment,
            from_status=before,
            to_status=after,
            reason_code=why,
            reason_message=sentence(why) if why else "",
            epoch=epoch,
        )
    Session.objects.filter(pk=account.pk).update(status_since=back, restarts=1)
    if reason == "worker_crashed":
        detail = "fatal error: concurrent map writes"
        WorkerExit.objects.create(
            account=account, at=at, epoch=1, node="node-1", cause="SIGABRT", detail=detail
        )


def born_before(account: WhatsAppAccount) -> datetime:
    return account.created_at + timedelta(minutes=4)


def _messages(accounts: list[WhatsAppAccount]) -> None:
    """More by day than by night, a little more in than out."""
    chance = random.Random(7)  # the same pictures each time
    now = timezone.now()
    rows = []
    for hours in range(24):
        start = now - timedelta(hours=hours)
        share = 0.12 + 0.88 * max(0.0, math.sin((start.hour - 6) / 14 * math.pi))
        for direction, weight in (("in", 1.0), ("out", 0.7)):
            for _ in range(round(BUSIEST * weight * share * chance.uniform(0.75, 1.1))):
                rows.append(_message(chance.choice(accounts), direction, start, chance, len(rows)))
    Message.objects.bulk_create(rows)


def _message(
    account: WhatsAppAccount, direction: str, start: datetime, chance: random.Random, count: int
) -> Message:
    """Without a conversation: it counts in the figures and is shown nowhere."""
    at = start - timedelta(seconds=chance.randrange(3000))
    return Message(
        account=account,
        wa_id=f"3EB0PAST{count:08X}",
        direction=direction,
        chat={"jid": "", "lid": "", "type": "user"},
        sender={"jid": "", "lid": "", "phone_number": "", "push_name": ""},
        type="text",
        text="",
        timestamp=at,
        created_at=at,
        status="received" if direction == "in" else "read",
        status_at=at,
    )


if __name__ == "__main__":
    main()
