"""What people type about themselves and each other. To sign in: the library's forms, reworded."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as account
from allauth.mfa.base import forms as factors
from allauth.mfa.totp import forms as totp
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import Invitation, User
from accounts.roles import Role, grantable

from .forms import readable

LABELS = {
    "login": _("E-mail"),
    "email": _("E-mail"),
    "password": _("Password"),
    "oldpassword": _("Current password"),
    "password1": _("New password"),
    "password2": _("New password, again"),
    "code": _("Code"),
}
RULE = _("12 or more characters. A few unrelated words are easy to remember and hard to guess.")


class _OurWords:
    """The library's fields with our labels: no placeholders that repeat them, no inline links."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = LABELS.get(name, field.label)
            field.help_text = RULE if name == "password1" else ""
            field.widget.attrs.pop("placeholder", None)
            if name == "code":
                field.widget.attrs |= {"inputmode": "numeric", "autocomplete": "one-time-code"}
        first = next(iter(self.fields.values()))
        first.widget.attrs["autofocus"] = True


class SignInForm(_OurWords, account.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs |= {"autocomplete": "username", "inputmode": "email"}


class ForgottenForm(_OurWords, account.ResetPasswordForm):
    pass


class NewPasswordForm(_OurWords, account.ResetPasswordKeyForm):
    pass


class ChangePasswordForm(_OurWords, account.ChangePasswordForm):
    pass


class AgainForm(_OurWords, account.ReauthenticateForm):
    pass


class CodeForm(_OurWords, factors.AuthenticateForm):
    pass


class CodeAgainForm(_OurWords, factors.ReauthenticateForm):
    pass


class ActivateForm(_OurWords, totp.ActivateTOTPForm):
    pass


class NameForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        help_text=_("How your colleagues know you."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        validators=[readable],
    )


class InviteForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail"),
        required=False,
        max_length=254,
        help_text=_("Only this address can use the link then. Empty: whoever has the link."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(label=_("Role"), initial=Role.OPERATOR.value)

    def __init__(self, by: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(role.value, role.label) for role in grantable(by)]


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class JoinForm(forms.Form):
    """Somebody who is new here."""

    email = forms.EmailField(
        label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        validators=[readable],
    )
    password = forms.CharField(
        label=_("Password"),
        help_text=RULE,
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, invitation: Invitation, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if invitation.email:
            self.fields["email"].disabled = True
            self.fields["email"].initial = invitation.email

    def clean(self) -> dict[str, Any]:
        known = super().clean() or {}
        if password := known.get("password"):
            person = User(email=known.get("email", ""), name=known.get("name", ""))
            try:
                validate_password(password, person)
            except ValidationError as exc:
                self.add_error("password", exc)
        return known
