"""What people type on the webhook pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Workspace
from egress.addresses import Refused
from events import types
from webhooks.lookups import judge
from webhooks.models import Order, Status
from webhooks.replays import Criteria

from .account_choice import AccountsField, offer_accounts
from .stored_words import in_words

MAX_CONCURRENCY = 50


class WebhookForm(forms.Form):
    url = forms.CharField(
        label=_("URL"),
        max_length=2000,
        help_text=_("Where we POST every event, for example https://example.com/hook."),
        widget=forms.URLInput(attrs={"autocomplete": "off", "placeholder": "https://"}),
    )
    description = forms.CharField(
        label=_("Description"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    types = forms.MultipleChoiceField(
        label=_("Events"),
        required=False,
        choices=[(name, name) for name in sorted(types.ALL - {types.WEBHOOK_TEST})],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: all but QR and pairing codes, which must be named."),
    )
    accounts = AccountsField(label=_("Numbers"))
    ignore_groups = forms.BooleanField(label=_("Leave out groups"), required=False)
    ignore_broadcast = forms.BooleanField(
        label=_("Leave out status updates and channels"), required=False
    )
    order = forms.ChoiceField(
        label=_("Order"),
        choices=[
            (Order.ACCOUNT.value, _("In order: a number's events one after the other")),
            (Order.NONE.value, _("At once: nothing waits for anything")),
        ],
        initial=Order.ACCOUNT.value,
    )
    concurrency = forms.IntegerField(
        label=_("Requests at once"), min_value=1, max_value=MAX_CONCURRENCY, initial=10
    )

    def __init__(self, workspace: Workspace, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_accounts(self, workspace, self.initial.get("accounts"))

    def clean_url(self) -> str:
        try:
            judge(self.cleaned_data["url"])
        except Refused as exc:
            raise forms.ValidationError(
                _("This cannot be called: %(why)s."),
                code="refused",
                params={"why": in_words(str(exc))},
            ) from None
        url: str = self.cleaned_data["url"]
        return url

    def fields_for_service(self, jids: list[str] | None = None) -> dict[str, Any]:
        known = self.cleaned_data
        return {
            "url": known["url"],
            "description": known["description"],
            "types": known["types"] or None,
            "accounts": known["accounts"] or None,
            "ignore_chats": {
                "groups": known["ignore_groups"],
                "broadcast": known["ignore_broadcast"],
                "jids": jids or [],
            },
            "order": known["order"],
            "concurrency": known["concurrency"],
        }


class ReplayForm(forms.Form):
    after_seq = forms.IntegerField(label=_("After seq"), min_value=0, required=False)
    until_seq = forms.IntegerField(label=_("Up to seq"), min_value=0, required=False)
    hours = forms.TypedChoiceField(
        label=_("Of the last"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[
            ("", _("any time")),
            ("1", _("hour")),
            ("24", _("24 hours")),
            ("72", _("3 days")),
        ],
    )
    status = forms.ChoiceField(
        label=_("That are"),
        required=False,
        choices=[
            ("", _("anything, also never sent")),
            (Status.DEAD.value, _("dead")),
            (Status.DELIVERED.value, _("delivered")),
            (Status.PENDING.value, _("waiting")),
        ],
    )
    type = forms.ChoiceField(
        label=_("Event"),
        required=False,
        choices=[("", _("any")), *((n, n) for n in sorted(types.ALL))],
    )

    def clean(self) -> dict[str, Any]:
        known = super().clean() or {}
        after, until = known.get("after_seq") or 0, known.get("until_seq")
        if until is not None and until <= after:
            self.add_error("until_seq", _("Use a seq greater than the first."))
        return known

    def criteria(self) -> Criteria:
        known = self.cleaned_data
        hours = known["hours"]
        return Criteria(
            after_seq=known["after_seq"] or 0,
            until_seq=known["until_seq"],
            after_time=timezone.now() - timedelta(hours=hours) if hours else None,
            types=(known["type"],) if known["type"] else (),
            status=known["status"],
        )
