"""`manage.py create_api_key --workspace NAME --scopes read,send`: prints the key once, as JSON."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts import services
from accounts.models import Workspace


class Command(BaseCommand):
    help = "Make an API key for a workspace."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="NAME")
        parser.add_argument("--scopes", default="read,send,manage")
        parser.add_argument("--name", default="command line")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(name=options["workspace"]).first()
        if workspace is None:
            raise CommandError(
                f"--workspace: there is no workspace '{options['workspace']}'", returncode=2
            )
        try:
            key, text = services.create_api_key(
                workspace=workspace,
                name=options["name"],
                scopes=[s.strip() for s in options["scopes"].split(",") if s.strip()],
                actor="command line",
            )
        except ValidationError as exc:
            raise CommandError(f"--scopes: {exc.messages[0]}", returncode=2) from None
        print(
            json.dumps(
                {
                    "id": str(key.public_id),
                    "workspace": workspace.name,
                    "scopes": key.scopes,
                    "prefix": key.prefix,
                    "key": text,
                }
            )
        )
