"""What people choose for a workspace, and what administrators of the installation allow it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import preferences
from accounts.models import Workspace

from .forms import readable


class NameForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        validators=[readable],
    )


def _days(label: Any, help_text: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        help_text=help_text,
        required=False,
        min_value=1,
        max_value=preferences.LONGEST,
    )


class SettingsForm(forms.Form):
    event_retention_days = _days(
        _("Keep the event log for (days)"), _("Empty: as long as the installation keeps it.")
    )
    message_retention_days = _days(
        _("Keep messages for (days)"), _("Empty: until the workspace ends.")
    )
    media_retention_days = _days(
        _("Keep files for (days)"), _("Empty: as long as the installation keeps them.")
    )
    fetch_avatars = forms.BooleanField(
        label=_("Ask WhatsApp for profile pictures"), required=False, initial=True
    )
    gap_seconds = forms.FloatField(
        label=_("Seconds between two messages"),
        help_text=_("What new numbers begin with. 0: none."),
        min_value=0,
        max_value=600,
        widget=forms.NumberInput(attrs={"step": "0.1", "inputmode": "decimal"}),
    )
    pacing_new_chats_per_hour = forms.IntegerField(
        label=_("New chats an hour"),
        help_text=_("What new numbers begin with. 0: no limit."),
        min_value=0,
        max_value=10_000,
    )
    notice_email = forms.EmailField(
        label=_("Tell by e-mail"),
        help_text=_("Gets a mail when a number is logged out or fails. Empty: nobody."),
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    notice_language = forms.ChoiceField(
        label=_("Language of these mails"), choices=settings.LANGUAGES
    )

    @classmethod
    def of(cls, workspace: Workspace) -> SettingsForm:
        chosen = preferences.row(workspace.pk)
        known = {name: getattr(chosen, name) for name in preferences.NAMES}
        known["fetch_avatars"] = chosen.fetch_avatars is not False
        known["gap_seconds"] = f"{chosen.pacing_min_gap_ms / 1000:g}"
        return cls(initial=known)

    def clean(self) -> dict[str, Any]:
        """The values as preferences.change takes them."""
        found = super().clean() or {}
        if "gap_seconds" in found:
            found["pacing_min_gap_ms"] = round(found.pop("gap_seconds") * 1000)
        try:
            preferences.check(found)
        except ValidationError as exc:
            for name, errors in exc.message_dict.items():
                self.add_error(name, errors)
        return found


class DeleteForm(forms.Form):
    """The name, typed: this cannot be undone."""

    confirmation = forms.CharField(
        label=_("Type the name of the workspace"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._name = name

    def clean_confirmation(self) -> str:
        typed: str = self.cleaned_data["confirmation"]
        if typed != self._name:
            raise forms.ValidationError(
                _("Type “%(name)s”, exactly as it is written."),
                code="other_name",
                params={"name": self._name},
            )
        return typed


def _limit(label: Any, most: int) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=most)


class QuotaForm(forms.Form):
    """Empty: no limit."""

    numbers = _limit(_("Numbers"), 1_000_000)
    messages_per_day = _limit(_("Messages a day"), 2_000_000_000)
    media_bytes = _limit(_("Bytes of files"), 2**60)
    api_requests_per_minute = _limit(_("API requests a minute"), 1_000_000)


class NewWorkspaceForm(NameForm):
    owner = forms.EmailField(
        label=_("E-mail of the owner"),
        help_text=_("Somebody who is new here gets a link to set a password."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


class SuspendForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Its members read it."),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
