"""`manage.py run_web`: one web process. Run several behind a proxy, each on its own port."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from django.conf import settings
from django.core.management.base import BaseCommand

from accounts import wall
from config import bodies, pauses
from config.web_server import PatientServer
from events import waiting

HANDSHAKE_TIMEOUT = 10  # seconds
BODY_EXTRA = 1_048_576  # bytes
CLOSE_TIMEOUT = 1  # seconds an application may take after its client is gone


class Command(BaseCommand):
    help = "Serve HTTP and websockets."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        from config.asgi import application  # after Django is set up

        wall.close_by_default()
        # A file in base64 or multipart, and what goes around it.
        bodies.install(settings.MEDIA_MAX_BYTES + BODY_EXTRA)
        waiting.listen()  # now, so that the first feed and long-poll need not wait for it

        pauses.shorten(urls=True)
        PatientServer(
            application=application,
            endpoints=build_endpoint_description_strings(
                host=options["host"], port=options["port"]
            ),
            websocket_handshake_timeout=HANDSHAKE_TIMEOUT,
            application_close_timeout=CLOSE_TIMEOUT,
            server_name="switchboard",
        ).run()
