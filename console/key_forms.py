"""What people type about API keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Scope, Workspace

from .account_choice import AccountsField, offer_accounts
from .forms import readable


class KeyRightsForm(forms.Form):
    """What can also be changed later."""

    name = forms.CharField(
        label=_("Name"),
        max_length=50,
        help_text=_("What uses the key, so that you know later what breaks without it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        validators=[readable],
    )
    scopes = forms.MultipleChoiceField(
        label=_("Permissions"),
        choices=[
            (Scope.READ.value, _("Read numbers, messages and events")),
            (Scope.SEND.value, _("Send messages")),
            (Scope.MANAGE.value, _("Add, connect and remove numbers")),
            (Scope.ADMIN.value, _("Everything, also keys, members and the audit log")),
        ],
        initial=[Scope.READ.value, Scope.SEND.value],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one thing that the key may do.")},
    )
    accounts = AccountsField(label=_("Only these numbers"))

    def __init__(self, workspace: Workspace, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_accounts(self, workspace, self.initial.get("accounts"))

    def clean(self) -> dict[str, Any]:
        known = super().clean() or {}
        if known.get("accounts") and Scope.ADMIN.value in known.get("scopes", []):
            self.add_error(
                "accounts", _("A key that may do everything cannot be restricted to numbers.")
            )
        return known

    def fields_for_service(self) -> dict[str, Any]:
        known = self.cleaned_data
        return {
            "name": known["name"],
            "scopes": known["scopes"],
            "accounts": [UUID(pk) for pk in known["accounts"]] or None,
        }


class KeyForm(KeyRightsForm):
    expires = forms.TypedChoiceField(
        label=_("Expires"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[
            ("", _("Never")),
            ("7", _("In 7 days")),
            ("30", _("In 30 days")),
            ("90", _("In 90 days")),
            ("365", _("In a year")),
        ],
    )

    def fields_for_service(self) -> dict[str, Any]:
        return super().fields_for_service() | {"expires_at": self._expires_at()}

    def _expires_at(self) -> datetime | None:
        days = self.cleaned_data["expires"]
        return timezone.now() + timedelta(days=days) if days else None


class RotateForm(forms.Form):
    overlap = forms.TypedChoiceField(
        label=_("The old secret works on for"),
        coerce=float,
        choices=[
            ("0", _("not at all")),
            ("1", _("an hour")),
            ("8", _("8 hours")),
            ("24", _("24 hours")),
        ],
        initial="24",
    )
