"""The control port's HTTP shell: h11 parses, `routes` answers, errors become JSON."""

import asyncio
import hmac
import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

from sandbox.control import group_routes, message_routes, people_routes
from sandbox.control.requests import ApiError, Fields
from sandbox.control.routes import Binary, Call, find
from sandbox.network.errors import Refusal
from sandbox.network.hub import Network

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
READ_BYTES = 65_536
MAX_BODY_BYTES = 64 * 1024 * 1024
IDLE_SECONDS = 60.0
TOO_LARGE = (413, {"code": "too_large", "detail": f"a body holds at most {MAX_BODY_BYTES} bytes"})
ROUTE_MODULES = (group_routes, message_routes, people_routes)
"""Importing these registers their routes, next to those of `routes` itself."""
OPEN_PATHS = frozenset({"/health"})
"""Answered without the token."""
REFUSAL_STATUS = {
    "unknown_phone": 404,
    "unknown_device": 404,
    "unknown_message": 404,
    "unknown_group": 404,
    "unknown_call": 404,
    "not_group_admin": 403,
    "group_forbidden": 403,
    "group_not_acceptable": 422,
    "invite_revoked": 410,
    "bad_qr": 422,
    "pairing_timeout": 504,
}
"""All other refusals are conflicts with the present state: 409."""


class ControlServer:
    """Serves the control API until `close`. `description` is what GET /network answers."""

    def __init__(self, network: Network, token: str) -> None:
        self.description: Mapping[str, Any] = {}
        self._network = network
        self._token = token
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._background: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Listen on a free loopback port; returns the port."""
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening, break connections and stop what runs in the background."""
        if self._server:
            self._server.close()
        tasks = [*self._clients, *self._background]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._clients.add(task)
            task.add_done_callback(self._clients.discard)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, TimeoutError, h11.RemoteProtocolError) as error:
            log.debug("a control client is gone: %r", error)
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        request: h11.Request | None = None
        body = bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(
                    await asyncio.wait_for(reader.read(READ_BYTES), IDLE_SECONDS)
                )
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY_BYTES:
                    writer.write(_response(connection, *TOO_LARGE))
                    await writer.drain()
                    return
            elif isinstance(event, h11.EndOfMessage) and request:
                status, document = await self._answer(request, bytes(body))
                body.clear()
                writer.write(_response(connection, status, document))
                await writer.drain()
                if connection.our_state is h11.MUST_CLOSE:
                    return
                connection.start_next_cycle()
            else:
                return

    async def _answer(self, request: h11.Request, body: bytes) -> tuple[int, Any]:
        try:
            return await self._dispatch(request, body)
        except ApiError as error:
            document = {"code": error.code, "detail": error.detail}
            return error.status, document | ({"field": error.field} if error.field else {})
        except Refusal as refusal:
            status = REFUSAL_STATUS.get(refusal.code, 409)
            return status, {"code": refusal.code, "detail": refusal.detail}
        except Exception:
            log.exception("%r failed", request.target)
            return 500, {"code": "internal", "detail": "the sandbox failed; see its log"}
        finally:
            self._network.commit()

    async def _dispatch(self, request: h11.Request, body: bytes) -> tuple[int, Any]:
        url = urlsplit(request.target.decode("latin-1"))
        path = unquote(url.path)
        if path not in OPEN_PATHS:
            self._authorize(request)
        handler, names = find(request.method.decode("latin-1"), path)
        call = Call(
            network=self._network,
            description=self.description,
            path=names,
            query=Fields(dict(parse_qsl(url.query))),
            body=_json_fields(body),
            background=self._background,
        )
        return await handler(call)

    def _authorize(self, request: h11.Request) -> None:
        given = dict(request.headers).get(b"authorization", b"")
        if not hmac.compare_digest(given, b"Bearer " + self._token.encode()):
            raise ApiError(401, "unauthorized", "the bearer token is missing or wrong")


def _json_fields(body: bytes) -> Fields:
    try:
        document = json.loads(body) if body else {}
    except ValueError as error:
        raise ApiError(400, "bad_json", "the body is not JSON") from error
    if not isinstance(document, dict):
        raise ApiError(400, "bad_json", "the body is not a JSON object")
    return Fields(document)


def _response(connection: h11.Connection, status: int, document: Any) -> bytes:
    content_type, body = "application/json", b""
    if isinstance(document, Binary):
        content_type, body = document.content_type, document.data
    else:
        body = json.dumps(document).encode()
    headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    parts = (
        connection.send(h11.Response(status_code=status, headers=headers)),
        connection.send(h11.Data(data=body)),
        connection.send(h11.EndOfMessage()),
    )
    return b"".join(part for part in parts if part)
