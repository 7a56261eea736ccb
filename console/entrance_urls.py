"""Where one gets in. The names are django-allauth's: it finds its own pages by them.

What shows a secret is kept by no cache at all, the other pages of a person by theirs alone.
"""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from django.urls import path, re_path
from django.views.decorators.cache import cache_control
from django.views.generic import RedirectView
from django.views.i18n import set_language

own = cache_control(private=True, no_cache=True)
secret = cache_control(private=True, no_store=True)

urlpatterns = [
    path("language", set_language, name="set_language"),
    path("sign-in", account.login, name="account_login"),
    path("sign-in/code", factors.authenticate, name="mfa_authenticate"),
    path("sign-in/again", account.reauthenticate, name="account_reauthenticate"),
    path("sign-in/again/code", factors.reauthenticate, name="mfa_reauthenticate"),
    path("sign-in/inactive", account.account_inactive, name="account_inactive"),
    path("password/forgotten", account.password_reset, name="account_reset_password"),
    path("password/sent", account.password_reset_done, name="account_reset_password_done"),
    path(
        "password/changed",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("you/password", own(account.password_change), name="account_change_password"),
    path(
        "you/password/set",
        RedirectView.as_view(pattern_name="account_reset_password"),
        name="account_set_password",
    ),
    path("you/two-factor", own(factors.index), name="mfa_index"),
    path("you/two-factor/on", secret(totp.activate_totp), name="mfa_activate_totp"),
    path("you/two-factor/off", own(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("you/two-factor/codes", secret(codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path(
        "you/two-factor/codes/new",
        secret(codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "you/two-factor/codes.txt",
        secret(codes.download_recovery_codes),
        name="mfa_download_recovery_codes",
    ),
]
