"""`manage.py list_problems`: docs/problems.md, written from the table of problem codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from accounts.api.problem_codes import GROUPS, Code

HEAD = """\
# Problems

Written from `accounts/api/problem_codes.py` by `manage.py list_problems`. A test compares, and
fails for a code that the source raises and the table does not hold, and the other way round. Every
installation shows the same list at `/api/problems`.

Whatever the API refuses is an RFC 9457 problem, `application/problem+json`:

    {"type": "https://wa.example.com/api/problems#no_qr", "title": "Conflict", "status": 409,
     "detail": "There is no code to scan: the number is connected.", "code": "no_qr",
     "account_status": "connected", "reason": null}

`code` is for programs and keeps its meaning. `detail` is a sentence for people and may change.
`type` leads to the code in this list. Some codes bring members of their own: `errors` {field:
texts}, `field`, `until`, `oldest`, `account_status`, `worker_code`. Codes may be added: treat one
that you do not know by its status. Why a message failed after it was accepted is in the message:
[sending](messages/sending.md).
"""
TABLE = "| code | status | means | what to do |\n|---|---|---|---|\n"


class Command(BaseCommand):
    help = "Write docs/problems.md anew."

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "problems.md"
        path.write_text(page())
        print(f"written: {path.relative_to(settings.BASE_DIR)}")


def page() -> str:
    parts = [HEAD]
    for group in GROUPS:
        rows = "\n".join(_row(code) for code in group.codes)
        parts.append(f"\n## {group.title}\n{TABLE}{rows}\n")
    return "".join(parts)


def _row(code: Code) -> str:
    statuses = ", ".join(map(str, code.statuses))
    return f"| `{code.name}` | {statuses} | {code.meaning} | {code.remedy} |"
