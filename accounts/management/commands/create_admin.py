"""`manage.py create_admin EMAIL`: an installation administrator, as JSON (password shown once)."""

from __future__ import annotations

import json
import secrets
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts import audit, services


class Command(BaseCommand):
    help = "Make an installation administrator, or make a person one. They read no messages."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        password = secrets.token_urlsafe(18)
        try:
            user, is_new = services.find_or_create_owner(email=options["email"], password=password)
        except ValidationError:
            raise CommandError("EMAIL: use an e-mail address", returncode=2) from None
        user.is_staff = user.is_superuser = True
        user.save(update_fields=["is_staff", "is_superuser"])
        audit.record_of_person(
            user, action="person.made_administrator", actor="system:command line"
        )
        made = {"email": user.email, "url": f"{settings.PUBLIC_URL}/{settings.ADMIN_PATH}"}
        if is_new:
            made["password"] = password
        print(json.dumps(made))
