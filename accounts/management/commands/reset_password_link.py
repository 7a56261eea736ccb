"""`manage.py reset_password_link EMAIL`: a link that sets a new password, once, as JSON."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts import passwords
from accounts.models import User


class Command(BaseCommand):
    help = "Make a one-time link with which a person sets a new password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].lower(), is_active=True).first()
        if user is None:
            raise CommandError(
                f"EMAIL: nobody signs in with '{options['email']}'; see `manage.py "
                "create_workspace --owner` or invite the person",
                returncode=2,
            )
        url = passwords.make_link(user=user, actor="system:command line")
        hours = settings.PASSWORD_RESET_TIMEOUT / 3600
        print(json.dumps({"email": user.email, "url": url, "valid_hours": hours}))
