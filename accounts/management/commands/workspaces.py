"""`manage.py workspaces list|suspend|resume|quota|delete|purges`: for who runs the installation."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import lifecycle, quotas
from accounts.models import Workspace
from accounts.tenant_models import WorkspacePurge

ACTOR = "system"


class Command(BaseCommand):
    help = "Look at workspaces, limit, suspend and delete them. Prints JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="every workspace with its state and usage")
        verbs.add_parser("purges", help="how far the removal of deleted ones is")
        for verb, text in (
            ("suspend", "refuse keys and sign-ins, disconnect numbers"),
            ("resume", "as before the suspension"),
            ("quota", "set limits; only what is named changes"),
            ("delete", "log numbers out and remove everything, for good"),
        ):
            one = verbs.add_parser(verb, help=text)
            one.add_argument("name")
            if verb == "suspend":
                one.add_argument("--reason", default="", help="its members read it")
            if verb == "delete":
                one.add_argument("--yes", action="store_true", help="there is no way back")
            if verb == "quota":
                for name in quotas.NAMES:
                    one.add_argument(
                        f"--{name.replace('_', '-')}", metavar="N", help="a number, or 'none'"
                    )

    def handle(self, *args: Any, **options: Any) -> None:
        verb = options["verb"]
        if verb == "list":
            found: Any = [_shown(w) for w in Workspace.objects.order_by("name")]
        elif verb == "purges":
            found = [_purge(p) for p in WorkspacePurge.objects.order_by("requested_at")]
        else:
            found = getattr(self, f"_{verb}")(_workspace(options["name"]), options)
        print(json.dumps(found, indent=1))

    def _suspend(self, workspace: Workspace, options: dict[str, Any]) -> Any:
        lifecycle.suspend(workspace=workspace, actor=ACTOR, reason=options["reason"])
        return _shown(workspace)

    def _resume(self, workspace: Workspace, options: dict[str, Any]) -> Any:
        lifecycle.resume(workspace=workspace, actor=ACTOR)
        return _shown(workspace)

    def _quota(self, workspace: Workspace, options: dict[str, Any]) -> Any:
        wanted = {n: _limit(n, options[n]) for n in quotas.NAMES if options[n] is not None}
        quotas.set_limits(workspace=workspace, actor=ACTOR, **wanted)
        return _shown(workspace)

    def _delete(self, workspace: Workspace, options: dict[str, Any]) -> Any:
        if not options["yes"]:
            raise CommandError(
                f"--yes: say it to remove '{workspace.name}' with everything in it", returncode=2
            )
        return _purge(lifecycle.delete(workspace=workspace, actor=ACTOR))


def _workspace(name: str) -> Workspace:
    found = Workspace.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"NAME: there is no workspace '{name}'", returncode=2)
    return found


def _limit(name: str, text: str) -> int | None:
    if text == "none":
        return None
    if not (text.isascii() and text.isdigit()):
        option = name.replace("_", "-")
        raise CommandError(f"--{option}: use a whole number, or 'none'", returncode=2)
    return int(text)


def _shown(workspace: Workspace) -> dict[str, Any]:
    state = "working"
    if workspace.deleted_at:
        state = "being removed"
    elif workspace.suspended_at:
        state = "suspended"
    return {
        "id": str(workspace.pk),
        "name": workspace.name,
        "state": state,
        "usage": quotas.usage(workspace),
    }


def _purge(purge: WorkspacePurge) -> dict[str, Any]:
    return {
        "workspace": str(purge.workspace_id),
        "name": purge.name,
        "step": purge.step,
        "waits_for": purge.waits_for or None,
        "removed": purge.removed,
        "error": purge.error or None,
        "finished_at": purge.finished_at.isoformat() if purge.finished_at else None,
    }
