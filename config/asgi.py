"""The web process: HTTP through Django, websockets through Channels."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from realtime.origins import LoginOrigins  # noqa: E402
from realtime.routing import websocket_urlpatterns  # noqa: E402

from .http_handler import OneThreadHandler  # noqa: E402
from .walled_requests import WalledSockets  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": OneThreadHandler(),
        "websocket": WalledSockets(
            LoginOrigins(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))
        ),
    }
)
