"""Mail to a workspace whose number was logged out, or failed: somebody has to do something.

The row is written in the transaction of the event that it tells of; the pipeline sends it. A mail
that cannot leave is tried again for about nine hours. No more than one mail about a number in
PER_NUMBER and PER_HOUR for a workspace: who gets a hundred mails reads none.
"""

from __future__ import annotations

import logging
import smtplib
import time
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import preferences
from accounts.models import WhatsAppAccount
from events import types
from events.models import Event
from events.stored_sentences import StoredSentences

from . import reasons
from .models import Notice
from .states import Status

logger = logging.getLogger(__name__)

SUBJECTS = {
    Status.LOGGED_OUT: gettext_lazy("%(label)s was logged out"),
    Status.FAILED: gettext_lazy("%(label)s failed"),
}
SENTENCES = {
    Status.LOGGED_OUT: gettext_lazy("The number “%(label)s” was logged out at %(at)s."),
    Status.FAILED: gettext_lazy("The number “%(label)s” failed at %(at)s."),
}
PER_NUMBER = timedelta(minutes=15)
PER_HOUR = 20  # mails to one workspace
AT_ONCE = 20
TURN = 30.0  # seconds for mails; a server that is slow keeps what is left for the next turn
LEASE = timedelta(minutes=2)  # longer than a turn
RETRIES = [timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 300)]
# What a mail server or the way to it may answer with.
TROUBLE = (OSError, smtplib.SMTPException)

_stored = StoredSentences(reasons.WITH_VALUES)


class NoticeFollower:
    """Registered with events.followers."""

    def appended(self, event: Event) -> None:
        if event.type != types.SESSION_STATUS or event.account_id is None:
            return
        status = event.data.get("status")
        if status not in SUBJECTS or not preferences.of(event.workspace_id).notice_email:
            return
        label = WhatsAppAccount.objects.values_list("label", flat=True).get(pk=event.account_id)
        reason = event.data.get("reason") or {}
        Notice.objects.create(
            workspace_id=event.workspace_id,
            account_id=event.account_id,
            label=label,
            status=status,
            reason=str(reason.get("message", ""))[:400],
            at=event.occurred_at,
        )

    def needs_from(self, workspace_id: UUID) -> int | None:
        """A notice carries what it says."""
        return None


def send_due(at: datetime) -> int:
    """Send what is due. How many left."""
    sent, begun = 0, time.monotonic()
    for notice in _claim(at):
        sent += _send(notice, at)
        if time.monotonic() - begun >= TURN:
            break  # the others are due again when their lease ends
    return sent


@transaction.atomic
def _claim(at: datetime) -> list[Notice]:
    due = Notice.objects.filter(sent_at=None, given_up="", next_try_at__lte=at)
    rows = list(
        due.select_for_update(skip_locked=True, of=("self",)).order_by("next_try_at")[:AT_ONCE]
    )
    Notice.objects.filter(pk__in=[row.pk for row in rows]).update(next_try_at=at + LEASE)
    return rows


def _send(notice: Notice, at: datetime) -> bool:
    wishes = preferences.of(notice.workspace_id)
    sent = Notice.objects.filter(workspace_id=notice.workspace_id, sent_at__gt=at - PER_NUMBER)
    if not wishes.notice_email:
        return _note(notice, given_up="nobody wants mail any more")
    if sent.filter(account_id=notice.account_id).exists():
        return _note(notice, given_up="a mail about this number had just been sent")
    lately = Notice.objects.filter(
        workspace_id=notice.workspace_id, sent_at__gt=at - timedelta(hours=1)
    )
    if lately.count() >= PER_HOUR:
        return _note(notice, next_try_at=at + PER_NUMBER)
    try:
        with translation.override(wishes.notice_language):
            send_mail(_subject(notice), _text(notice), None, [wishes.notice_email])
    except TROUBLE as exc:
        return _again(notice, at, exc)
    _note(notice, sent_at=at, attempts=notice.attempts + 1)
    return True


def _again(notice: Notice, at: datetime, exc: Exception) -> bool:
    logger.warning("a notice could not be mailed: %s", exc)
    if notice.attempts >= len(RETRIES):
        return _note(notice, given_up=f"could not be mailed: {exc}"[:200])
    wait = RETRIES[notice.attempts]
    return _note(notice, attempts=notice.attempts + 1, next_try_at=at + wait)


def _note(notice: Notice, **values: object) -> bool:
    Notice.objects.filter(pk=notice.pk).update(**values)
    return False


def _subject(notice: Notice) -> str:
    label = " ".join(notice.label.split())  # a header has one line
    return str(SUBJECTS[Status(notice.status)]) % {"label": label}


def _text(notice: Notice) -> str:
    page = f"{settings.PUBLIC_URL}/workspaces/{notice.workspace_id}/numbers/{notice.account_id}/"
    at = timezone.localtime(notice.at).strftime("%Y-%m-%d %H:%M %Z")
    lines = [
        str(SENTENCES[Status(notice.status)]) % {"label": notice.label, "at": at},
        _stored.in_words(notice.reason),
        _("What to do is on its page:\n%(page)s") % {"page": page},
        _("This address is in the workspace's settings; leave it empty there for no more mail."),
    ]
    return "\n\n".join(line for line in lines if line) + "\n"
