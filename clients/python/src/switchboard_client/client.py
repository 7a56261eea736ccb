"""The way in: `Switchboard(url, key)`."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any, Self

import httpx

from .resources.accounts import Accounts
from .resources.events import Events
from .resources.messages import Chats, Messages
from .resources.people import Contacts, Groups
from .resources.sandbox import Sandbox
from .resources.webhooks import Webhooks
from .resources.workspace import ApiKeys, Members, WorkspaceOfKey
from .transport import Call, Transport

TIMEOUT = 30.0  # seconds that a call may take, retries included
ATTEMPTS = 4


class Switchboard:
    """A client of one workspace. Safe to share between threads; close it, or use it with `with`.

    `timeout` is the deadline of every call in seconds, `attempts` how often it is tried at most.
    `url` and `key` are read from SWITCHBOARD_URL and SWITCHBOARD_API_KEY when they are not given.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout: float = TIMEOUT,
        attempts: int = ATTEMPTS,
        http: httpx.BaseTransport | None = None,
    ) -> None:
        address = url or os.environ.get("SWITCHBOARD_URL", "")
        secret = key or os.environ.get("SWITCHBOARD_API_KEY", "")
        if not address.startswith(("http://", "https://")):
            raise ValueError("url: use the address of your Switchboard, https://…")
        if not secret:
            raise ValueError("key: use an API key, or set SWITCHBOARD_API_KEY")
        self._http = httpx.Client(
            base_url=address.rstrip("/"),
            headers={"Authorization": f"Bearer {secret}", "User-Agent": "switchboard-client/0.1"},
            transport=http,
            follow_redirects=False,  # the key goes to this server only
        )
        self._transport = Transport(self._http, timeout=timeout, attempts=attempts)
        self.accounts = Accounts(self._transport)
        self.messages = Messages(self._transport)
        self.chats = Chats(self._transport)
        self.contacts = Contacts(self._transport)
        self.groups = Groups(self._transport)
        self.events = Events(self._transport)
        self.webhooks = Webhooks(self._transport)
        self.workspace = WorkspaceOfKey(self._transport)
        self.api_keys = ApiKeys(self._transport)
        self.members = Members(self._transport)
        self.sandbox = Sandbox(self._transport)

    def request(self, method: str, path: str, *, json: Any = None, **query: Any) -> Any:
        """Any operation below /api/v1; the decoded answer, or None where it has no body."""
        answer = self._transport.send(Call(method, path, query=query, json=json))
        return answer.json() if answer.content else None

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
