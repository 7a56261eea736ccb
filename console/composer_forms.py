"""Places, contact cards and polls, as an operator types them. Each knows its part of an order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from messaging.outbox import requests

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PLACE = re.compile(r"\s*(-?\d{1,3}(?:\.\d+)?)\s*[,;\s]\s*(-?\d{1,3}(?:\.\d+)?)\s*")
SINGLE, ANY = 1, 0  # how many options of a poll one may choose

_PLAIN = {"autocomplete": "off"}


class ComposerForm(forms.Form):
    """`key` makes a form that is sent twice one message."""

    title: StrOrPromise = ""
    button: StrOrPromise = ""
    key = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "said-%s")
        super().__init__(*args, **kwargs)
        self.fields["key"].initial = str(uuid4())

    def clean_key(self) -> str:
        try:
            return str(UUID(self.cleaned_data["key"]))
        except ValueError:
            return str(uuid4())

    def said(self) -> dict[str, Any]:
        """What the order says beside its recipient. Only of a form that is valid."""
        raise NotImplementedError


class LocationForm(ComposerForm):
    title, button = _("Send a place"), _("Send the place")
    coordinates = forms.CharField(
        label=_("Coordinates"),
        max_length=80,
        help_text=_("Latitude and longitude as maps copy them: 52.5163, 13.3777"),
        widget=forms.TextInput(attrs=_PLAIN),
    )
    name = forms.CharField(
        label=_("Name (optional)"),
        max_length=requests.NAME_MOST,
        required=False,
        widget=forms.TextInput(attrs=_PLAIN),
    )
    address = forms.CharField(
        label=_("Address (optional)"),
        max_length=1_000,
        required=False,
        widget=forms.TextInput(attrs=_PLAIN),
    )

    def clean_coordinates(self) -> tuple[float, float]:
        found = PLACE.fullmatch(self.cleaned_data["coordinates"])
        if found is None:
            raise forms.ValidationError(
                gettext("Type two numbers with a point and a comma between them: 52.5163, 13.3777")
            )
        latitude, longitude = float(found[1]), float(found[2])
        if abs(latitude) > 90 or abs(longitude) > 180:
            raise forms.ValidationError(
                gettext("Latitudes go from -90 to 90 and longitudes from -180 to 180.")
            )
        return latitude, longitude

    def said(self) -> dict[str, Any]:
        latitude, longitude = self.cleaned_data["coordinates"]
        place = {"latitude": latitude, "longitude": longitude}
        texts = {name: self.cleaned_data[name] for name in ("name", "address")}
        return {"type": "location", "location": place | {k: v for k, v in texts.items() if v}}


class ContactForm(ComposerForm):
    title, button = _("Send a contact card"), _("Send the card")
    name = forms.CharField(
        label=_("Name"), max_length=requests.NAME_MOST, widget=forms.TextInput(attrs=_PLAIN)
    )
    phone_number = forms.CharField(
        label=_("Phone number"),
        max_length=40,
        help_text=_("With its country code: +49 30 1234567"),
        widget=forms.TextInput(attrs={**_PLAIN, "inputmode": "tel"}),
    )

    def said(self) -> dict[str, Any]:
        card = {name: self.cleaned_data[name] for name in ("name", "phone_number")}
        return {"type": "contact", "contacts": [card]}


class PollForm(ComposerForm):
    title, button = _("Send a poll"), _("Send the poll")
    name = forms.CharField(
        label=_("Question"), max_length=requests.NAME_MOST, widget=forms.TextInput(attrs=_PLAIN)
    )
    options = forms.CharField(
        label=_("Answers"),
        help_text=_("One on each line, 2 to 12 of them."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    selectable = forms.TypedChoiceField(
        label=_("One may choose"),
        coerce=int,
        choices=[(SINGLE, _("one answer")), (ANY, _("any number of answers"))],
        initial=SINGLE,
    )

    def clean_options(self) -> list[str]:
        options = [line.strip() for line in self.cleaned_data["options"].splitlines()]
        options = [option for option in options if option]
        if not requests.OPTIONS_LEAST <= len(options) <= requests.OPTIONS_MOST:
            raise forms.ValidationError(gettext("Give 2 to 12 answers, one on each line."))
        if len(set(options)) != len(options):
            raise forms.ValidationError(gettext("Name each answer once."))
        if max(map(len, options)) > requests.OPTION_LENGTH:
            raise forms.ValidationError(gettext("An answer has at most 100 characters."))
        return options

    def said(self) -> dict[str, Any]:
        poll = {name: self.cleaned_data[name] for name in ("name", "options", "selectable")}
        return {"type": "poll", "poll": poll}


FORMS: dict[str, type[ComposerForm]] = {
    "location": LocationForm,
    "contact": ContactForm,
    "poll": PollForm,
}
