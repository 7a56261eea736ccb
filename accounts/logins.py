"""Where a person is signed in: list, end one, end all others.

A login is a row of Django's sessions, described by allauth's UserSession. Ending it takes the
session away, so the next request and every open feed (realtime/access.py) notice.
"""

from __future__ import annotations

from datetime import timedelta

from allauth.usersessions.models import UserSession
from django.http import HttpRequest
from django.utils import timezone

from .models import User

RESOLUTION = timedelta(minutes=5)  # one write per login and five minutes, not per request
_SEEN = "seen_at"


def touch(request: HttpRequest) -> None:
    """The person is here. Also describes logins that were made elsewhere than on our page."""
    now = timezone.now()
    last = request.session.get(_SEEN, 0)
    if now.timestamp() - last < RESOLUTION.total_seconds():
        return
    request.session[_SEEN] = int(now.timestamp())
    UserSession.objects.create_from_request(request)


def of(user: User) -> list[UserSession]:
    """The logins that work, the newest first."""
    found: list[UserSession] = UserSession.objects.purge_and_list(user)
    return sorted(found, key=lambda login: login.last_seen_at, reverse=True)


def end(user: User, login_id: int) -> bool:
    """False when this person has no such login."""
    login = UserSession.objects.filter(user=user, pk=login_id).first()
    if login is None:
        return False
    login.end()
    return True


def end_others(user: User, *, keep: str = "") -> int:
    """Everywhere but in the session `keep`. Returns how many logins ended."""
    others = list(UserSession.objects.filter(user=user).exclude(session_key=keep))
    for login in others:
        login.end()
    return len(others)
