"""HTTP through Django, each request in one thread from its first middleware to its view.

Our middleware and views are synchronous. Django's own handler runs those that could be either as
coroutines and changes sides between them: some ten hops between threads for one request.
"""

from __future__ import annotations

import time
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler

from accounts import origin


class OneThreadHandler(ASGIHandler):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope[origin.ARRIVED] = time.monotonic()  # a thread for it may come later
        await super().__call__(scope, receive, send)

    def load_middleware(self, is_async: bool = True) -> None:
        super().load_middleware(is_async=False)
        chain: Any = self._middleware_chain  # type: ignore[has-type]
        self._middleware_chain = sync_to_async(chain, thread_sensitive=True)
