"""`manage.py reset_second_factor EMAIL`: for somebody who lost the phone and the recovery codes."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import audit, logins
from accounts.models import User


class Command(BaseCommand):
    help = "Take the second factor off a person and end all its logins. Make sure who is asking."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].lower()).first()
        if user is None:
            raise CommandError(f"EMAIL: nobody signs in with '{options['email']}'", returncode=2)
        removed, _ = Authenticator.objects.filter(user=user).delete()
        ended = logins.end_others(user)
        if removed:
            audit.record_of_person(
                user, action="person.factor_removed", actor="system:command line", factor="all"
            )
        print(json.dumps({"email": user.email, "removed": removed, "logins_ended": ended}))
