"""`manage.py reseal`: everything that SECRET_KEY seals, sealed under the present one.

Before it: put the old key into SECRET_KEY_FALLBACKS and the new one into SECRET_KEY, everywhere.
After it the old one may go. Each secret is swapped on its own, so it can be stopped and repeated.
"""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Model

from accounts import factors
from accounts.models import WhatsAppAccount
from accounts.seals import PROXIES, WEBHOOKS, Seal, Unreadable
from webhooks.models import Endpoint

SEALED: list[tuple[type[Model], str, Seal]] = [
    (WhatsAppAccount, "sealed_proxy", PROXIES),
    (Endpoint, "sealed_secret", WEBHOOKS),
    (Endpoint, "sealed_old_secret", WEBHOOKS),
    (Endpoint, "sealed_headers", WEBHOOKS),
]


class Command(BaseCommand):
    help = "Seal all secrets under the present SECRET_KEY. Prints JSON."

    def handle(self, *args: Any, **options: Any) -> None:
        sealed, unreadable = factors.reseal()
        for model, column, seal in SEALED:
            rows = model._base_manager.exclude(**{column: b""}).values_list("pk", column)
            for pk, old in rows.iterator():
                try:
                    text = seal.unseal(old, for_whom=str(pk))
                except Unreadable:
                    unreadable.append(f"{model._meta.label} {pk} {column}")
                    continue
                new = seal.seal(text, for_whom=str(pk))
                # Somebody may have changed it meanwhile: theirs is newer.
                sealed += model._base_manager.filter(pk=pk, **{column: old}).update(**{column: new})
        print(json.dumps({"sealed": sealed, "unreadable": unreadable}))
        if unreadable:
            raise CommandError(
                f"{len(unreadable)} secrets were sealed under another key; add it to "
                "SECRET_KEY_FALLBACKS and repeat, or enter them anew"
            )
