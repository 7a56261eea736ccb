"""`manage.py doctor`: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config import doctor

MARKS = {"ok": "ok     ", "warning": "warning", "problem": "PROBLEM"}


class Command(BaseCommand):
    help = "Check everything that may be misconfigured. Exit code 1 when there is a problem."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = doctor.examine()
        if options["json"]:
            print(doctor.as_json(findings))
        else:
            for finding in findings:
                print(f"{MARKS[finding.level]}  {finding.name:16} {finding.detail}")
                if finding.fix:
                    print(f"{'':27}-> {finding.fix}")
        if any(f.level == "problem" for f in findings):
            sys.exit(1)
