"""`manage.py create_workspace NAME --owner EMAIL`: prints what it made as JSON."""

from __future__ import annotations

import json
import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import services


class Command(BaseCommand):
    help = "Make a workspace, and its owner where the e-mail is new (password shown once)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--owner", required=True, metavar="EMAIL")

    def handle(self, *args: Any, **options: Any) -> None:
        password = secrets.token_urlsafe(18)
        try:
            with transaction.atomic():  # no owner whose password nobody was told
                owner, is_new = services.find_or_create_owner(
                    email=options["owner"], password=password
                )
                workspace = services.create_workspace(name=options["name"], owner=owner)
        except ValidationError:
            raise CommandError("--owner: use an e-mail address", returncode=2) from None
        except services.NameTaken:
            raise CommandError(
                f"NAME: there is a workspace '{options['name']}' already", returncode=2
            ) from None
        made = {"id": str(workspace.pk), "name": workspace.name, "owner": owner.email}
        if is_new:
            made["password"] = password
        print(json.dumps(made))
