"""`manage.py run_sandbox`: the WhatsApp network on loopback, with its state in DATA_DIR/sandbox."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Run the sandbox network. Refused unless SANDBOX=1."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SANDBOX:
            raise CommandError("SANDBOX is not 1: the sandbox network stays off", returncode=2)
        # The sandbox knows no Django: hand this process over to it.
        os.chdir(settings.BASE_DIR)
        os.execv(  # noqa: S606  fixed words, no shell
            sys.executable,
            [
                sys.executable,
                "-m",
                "sandbox",
                "--dir",
                str(settings.SANDBOX_DIR),
                "--qr-refs",
                str(settings.SANDBOX_QR_REFS),
            ],
        )
