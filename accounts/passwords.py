"""Links that set a new password, once: for the mail, and for administrators where there is none."""

from __future__ import annotations

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.urls import reverse

from . import audit
from .models import User


def make_link(*, user: User, actor: str) -> str:
    """The address of a page that sets a new password. It works once, for PASSWORD_RESET_TIMEOUT,
    and no longer once the person signs in or has another password."""
    audit.record_of_person(user, action="person.password_link_made", actor=actor)
    return address(user_pk_to_url_str(user), default_token_generator.make_token(user))


def address(uid: str, token: str) -> str:
    path: str = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
    return settings.PUBLIC_URL + path
