"""What of people's second factors is sealed, as django-allauth keeps it."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.db import transaction

from . import sealing

SEALED = ("secret", "seed", "migrated_codes")  # of Authenticator.data; a text, or a list of them


def reseal() -> tuple[int, list[str]]:
    """Seal them under the present SECRET_KEY: how many, and what could not be opened."""
    sealed, unreadable = 0, []
    for pk in Authenticator.objects.order_by("pk").values_list("pk", flat=True):
        try:
            sealed += _reseal(pk)
        except InvalidToken:
            unreadable.append(f"{Authenticator._meta.label} {pk} data")
    return sealed, unreadable


@transaction.atomic
def _reseal(pk: int) -> int:
    """Under the row's lock: a code that is used meanwhile stays used."""
    factor = Authenticator.objects.select_for_update().filter(pk=pk).first()
    if factor is None:
        return 0
    data: dict[str, Any] = dict(factor.data)
    fields = [name for name in SEALED if data.get(name)]
    for name in fields:
        value = data[name]
        data[name] = [_anew(text) for text in value] if isinstance(value, list) else _anew(value)
    Authenticator.objects.filter(pk=pk).update(data=data)
    return len(fields)


def _anew(text: str) -> str:
    return sealing.seal(sealing.unseal(text))
