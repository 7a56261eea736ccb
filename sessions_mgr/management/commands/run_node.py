"""`manage.py run_node`: keep the sessions of this machine running."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sessions_mgr.node import NameTaken, Node
from sessions_mgr.registry import NotReady


class Command(BaseCommand):
    help = "Runs the workers of this machine's sessions until SIGTERM, then stops them gracefully."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            Node().run()
        except NameTaken as exc:
            raise CommandError(str(exc), returncode=2) from exc
        except NotReady as exc:
            raise CommandError(str(exc)) from exc
        except KeyboardInterrupt:
            return
