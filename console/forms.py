"""What people type. A form parses and explains; the service that follows decides."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.names import is_readable
from messaging.models import Pacing
from messaging.outbox import pacing, recipients
from sessions_mgr import proxies


def first_error(form: forms.Form) -> str:
    """What is wrong, for places that show one sentence only."""
    return str(next(iter(form.errors.values()))[0])


def readable(name: str) -> None:
    """For fields that hold a name."""
    if not is_readable(name):
        raise forms.ValidationError(_("Use printable characters only."), code="unprintable")


def start_here(form: forms.Form, name: str) -> None:
    """The field that has the focus on a page that is there for this form."""
    form.fields[name].widget.attrs["autofocus"] = True


class LabelForm(forms.Form):
    label = forms.CharField(
        label=_("Label"),
        max_length=120,
        help_text=_("How your team calls this number, for example “Support Berlin”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        validators=[readable],
    )


class ProxyForm(forms.Form):
    """A new proxy; what is set is never put into the field, as it may hold a password."""

    proxy = forms.CharField(
        label=_("Address of the proxy"),
        max_length=proxies.LONGEST,
        help_text=_("For example socks5://user:password@proxy.example:1080. Kept sealed."),
        widget=forms.TextInput(
            attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}
        ),
    )

    def clean_proxy(self) -> str:
        url: str = self.cleaned_data["proxy"]
        if not proxies.is_proxy(url):
            raise forms.ValidationError(
                _("Use http://, https:// or socks5:// with a host."), code="no_proxy"
            )
        return url


class PhoneField(forms.CharField):
    """A phone number with its country code, as E.164."""

    default_error_messages = {
        "no_number": _("Type the number with its country code, for example +49 151 23456789.")
    }

    def clean(self, value: Any) -> str:
        text = re.sub(r"[\s()./-]", "", super().clean(value))
        if not text:
            return ""
        if not re.fullmatch(r"\+?[1-9][0-9]{6,14}", text):
            raise forms.ValidationError(self.error_messages["no_number"], code="no_number")
        return f"+{text.removeprefix('+')}"


class PairingCodeForm(forms.Form):
    phone_number = PhoneField(
        label=_("Phone number"),
        max_length=32,
        widget=forms.TextInput(
            attrs={"inputmode": "tel", "autocomplete": "tel", "placeholder": _("+49 151 23456789")}
        ),
    )


class RecipientForm(forms.Form):
    """Whom to write to. `to` is cleaned to a JID."""

    to = forms.CharField(
        label=_("Phone number"),
        max_length=100,
        help_text=_("With its country code. The id of a group (…@g.us) works, too."),
        widget=forms.TextInput(
            attrs={"inputmode": "tel", "autocomplete": "off", "placeholder": _("+49 151 23456789")}
        ),
    )

    def clean_to(self) -> str:
        try:
            return recipients.parse(self.cleaned_data["to"]).jid
        except recipients.NoRecipient:
            raise forms.ValidationError(
                PhoneField.default_error_messages["no_number"], code="no_number"
            ) from None


class PacingForm(forms.Form):
    """How fast a number sends, as messaging.outbox.pacing.Rules; times in seconds where said."""

    gap_seconds = forms.FloatField(
        label=_("Seconds between two messages"),
        min_value=0,
        max_value=3600,
        help_text=_("0 sends as fast as WhatsApp takes them."),
        widget=forms.NumberInput(attrs={"step": "0.1", "inputmode": "decimal"}),
    )
    new_chats_per_hour = forms.IntegerField(
        label=_("First messages to new people, per hour"),
        min_value=0,
        max_value=10_000,
        help_text=_("0 sets no limit. WhatsApp restricts numbers that write to many strangers."),
    )
    typing = forms.BooleanField(label=_("Show “typing…” before a text"), required=False)
    typing_ms_per_character = forms.IntegerField(
        label=_("Milliseconds of typing per character"), min_value=0, max_value=1_000
    )
    typing_max_seconds = forms.FloatField(
        label=_("Seconds of typing at most"),
        min_value=0,
        max_value=pacing.TYPING_MOST_MS / 1000,
        widget=forms.NumberInput(attrs={"step": "0.1", "inputmode": "decimal"}),
    )

    @staticmethod
    def shown(row: Pacing) -> dict[str, Any]:
        """The initial values for what is set."""
        return {
            "gap_seconds": f"{row.min_gap_ms / 1000:g}",
            "new_chats_per_hour": row.new_chats_per_hour,
            "typing": row.typing,
            "typing_ms_per_character": row.typing_ms_per_character,
            "typing_max_seconds": f"{row.typing_max_ms / 1000:g}",
        }

    def rules(self) -> dict[str, Any]:
        """The cleaned values as the service takes them."""
        cleaned = self.cleaned_data
        return {
            "min_gap_ms": round(cleaned["gap_seconds"] * 1000),
            "new_chats_per_hour": cleaned["new_chats_per_hour"],
            "typing": cleaned["typing"],
            "typing_ms_per_character": cleaned["typing_ms_per_character"],
            "typing_max_ms": round(cleaned["typing_max_seconds"] * 1000),
        }


class VirtualPhoneForm(forms.Form):
    """An empty number means: take a free one."""

    phone_number = PhoneField(
        label=_("Phone number"),
        max_length=32,
        required=False,
        widget=forms.TextInput(
            attrs={"inputmode": "tel", "autocomplete": "off", "placeholder": _("a free one")}
        ),
    )
    name = forms.CharField(label=_("Name"), max_length=60, required=False)


class VirtualMessageForm(forms.Form):
    sender = PhoneField(label=_("From"), max_length=32)
    to = PhoneField(label=_("To"), max_length=32)
    text = forms.CharField(
        label=_("Text"), max_length=4000, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
