"""The web process: HTTP through Django, websockets through Channels."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
http = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from realtime.origins import LoginOrigins  # noqa: E402
from realtime.routing import websocket_urlpatterns  # noqa: E402

from .walled_requests import WalledSockets  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": WalledSockets(
            LoginOrigins(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))
        ),
    }
)
