"""How people sign in: django-allauth made to fit, and what it tells into the audit log.

Nobody signs up: people come by invitation, and the first one by the first start.
"""

from __future__ import annotations

from typing import Any

import segno
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.signals import password_changed, password_reset
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
    authenticator_used,
)
from django.contrib import messages
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils.translation import gettext_lazy as _

from . import audit, logins, origin, passwords, sealing
from .models import User

NO_ADDRESS = "0.0.0.0"  # noqa: S104  stands for a client on a unix socket, nothing listens there
KINDS = {
    Authenticator.Type.TOTP: "totp",
    Authenticator.Type.RECOVERY_CODES: "recovery_codes",
}


class PeopleAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": _(
            "The e-mail or the password is not correct. The password is case-sensitive."
        ),
        "too_many_login_attempts": _(
            "Too many failed attempts for this address. Wait five minutes, or reset the password."
        ),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return origin.client_ip(request) or NO_ADDRESS

    def get_reset_password_from_key_url(self, key: str) -> str:
        """By our own address, whatever the request claims to have asked for."""
        uid, _dash, token = key.partition("-")
        return passwords.address(uid, token)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        messages.success(request, _("Your password is changed. Other logins have ended."))
        return resolve_url("console:you")

    def send_notification_mail(
        self,
        template_prefix: str,
        user: Any,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """People have one address, on their own row."""
        super().send_notification_mail(template_prefix, user, context, email or user.email)

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Our pages say what happened; the library's sentences would say it a second time."""


class FactorAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _("This code is not right. Wait for the next one and type that."),
    }

    def encrypt(self, text: str) -> str:
        return sealing.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.unseal(encrypted_text)

    def build_totp_svg(self, url: str) -> str:
        """Made here: the secret goes to no service that draws pictures."""
        picture: str = segno.make(url, error="m").svg_inline(
            border=0, omitsize=True, svgclass="qr-picture", lineclass=None
        )
        return picture


# What happens to the right to sign in is written down ----------------------------------------


@receiver(user_logged_in)
def signed_in(user: User, **_kwargs: Any) -> None:
    audit.record_of_person(user, action="person.signed_in")


@receiver(user_logged_out)
def signed_out(user: User | None, **_kwargs: Any) -> None:
    if user is not None:
        audit.record_of_person(user, action="person.signed_out")


@receiver(user_login_failed)
def sign_in_failed(credentials: dict[str, Any], **_kwargs: Any) -> None:
    """Also for addresses that nobody has: somebody who guesses is worth knowing about."""
    email = str(credentials.get("email") or credentials.get("username") or "")[:200].lower()
    known = User.objects.filter(email=email).first()
    if known is not None:
        audit.record_of_person(known, action="person.sign_in_failed", actor=f"user:{email}")
    else:
        audit.record(
            workspace=None, actor=f"user:{email}", action="person.sign_in_failed", target=email
        )


@receiver(authentication_failed)
def code_failed(user: User, **_kwargs: Any) -> None:
    audit.record_of_person(user, action="person.code_failed")


@receiver(authenticator_used)
def code_used(user: User, authenticator: Authenticator, **_kwargs: Any) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        audit.record_of_person(user, action="person.recovery_code_used")


@receiver(authenticator_added)
def factor_added(user: User, authenticator: Authenticator, **_kwargs: Any) -> None:
    audit.record_of_person(
        user, action="person.factor_added", factor=KINDS.get(authenticator.type, "other")
    )


@receiver(authenticator_removed)
def factor_removed(user: User, authenticator: Authenticator, **_kwargs: Any) -> None:
    audit.record_of_person(
        user, action="person.factor_removed", factor=KINDS.get(authenticator.type, "other")
    )


@receiver(authenticator_reset)
def codes_renewed(user: User, **_kwargs: Any) -> None:
    audit.record_of_person(user, action="person.recovery_codes_renewed")


@receiver(password_changed)
def password_was_changed(request: HttpRequest, user: User, **_kwargs: Any) -> None:
    audit.record_of_person(user, action="person.password_changed")
    logins.end_others(user, keep=request.session.session_key or "")


@receiver(password_reset)
def password_was_reset(user: User, **_kwargs: Any) -> None:
    """Whoever was signed in with the old password is no more."""
    audit.record_of_person(user, action="person.password_reset")
    logins.end_others(user)
