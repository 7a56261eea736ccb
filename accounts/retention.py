"""What people leave behind: sign-ins that are over, links that lead nowhere, days long gone."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef

from .models import DailyUsage, Invitation

INVITATIONS_KEPT = timedelta(days=90)  # after they expired; who invited whom is in the audit log
DAYS_OF_USAGE_KEPT = timedelta(days=400)  # limits look at today alone
NEW = timedelta(hours=1)  # a sign-in of which the two rows may still be on their way


def forget_sign_ins(at: datetime) -> None:
    """Sessions that have expired, as `manage.py clearsessions`, and what describes none."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    alive = Session.objects.filter(session_key=OuterRef("session_key"))
    UserSession.objects.filter(~Exists(alive), last_seen_at__lt=at - NEW).delete()


def forget_invitations(at: datetime) -> None:
    """Used, withdrawn or never opened: past its last day none works any more."""
    Invitation.objects.filter(expires_at__lt=at - INVITATIONS_KEPT).delete()


def forget_usage(at: datetime) -> None:
    DailyUsage.objects.filter(day__lt=(at - DAYS_OF_USAGE_KEPT).date()).delete()
