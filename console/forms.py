"""What people type. A form parses and explains; the service that follows decides."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


def first_error(form: forms.Form) -> str:
    """What is wrong, for places that show one sentence only."""
    return str(next(iter(form.errors.values()))[0])


class LabelForm(forms.Form):
    label = forms.CharField(
        label=_("Label"),
        max_length=120,
        help_text=_("How your team calls this number, for example “Support Berlin”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_label(self) -> str:
        label: str = self.cleaned_data["label"]
        if not label.isprintable():
            raise forms.ValidationError(_("Use printable characters only."), code="unprintable")
        return label


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
            attrs={"inputmode": "tel", "autocomplete": "tel", "placeholder": "+49 151 23456789"}
        ),
    )


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
