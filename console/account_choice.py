"""The field with which keys and webhooks are restricted to some of a workspace's numbers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import WhatsAppAccount, Workspace


class AccountsField(forms.MultipleChoiceField):
    """None ticked means all. A form calls `offer` before it shows or reads the field."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            widget=forms.CheckboxSelectMultiple,
            help_text=gettext_lazy("None ticked: all, also those that you add later."),
            **kwargs,
        )

    def offer(self, workspace: Workspace, chosen: Collection[str] = ()) -> None:
        """The numbers of the workspace; those that were chosen stay to be seen once deleted, so
        that saving does not untick them and thereby mean all."""
        every = WhatsAppAccount.objects.filter(workspace=workspace).order_by("label")
        rows = every.values_list("pk", "label", "deleted_at")
        self.choices = [
            (str(pk), _("%(label)s (deleted)") % {"label": label} if deleted else label)
            for pk, label, deleted in rows
            if deleted is None or str(pk) in chosen
        ]


def offer_accounts(
    form: forms.Form, workspace: Workspace, chosen: Collection[str] | None = None
) -> None:
    field = form.fields["accounts"]
    assert isinstance(field, AccountsField)
    field.offer(workspace, chosen or ())
