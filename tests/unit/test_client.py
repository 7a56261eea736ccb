"""clients/python against the schema: what is generated, and that every operation can be called.

Each method is called with made-up arguments. A server made of the schema's own examples answers;
it refuses addresses, parameters and bodies that the schema does not have.
"""

from __future__ import annotations

import inspect
import io
import json
import re
import typing
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import unquote
from uuid import UUID

import generate
import httpx
import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from switchboard_client import Switchboard, bodies
from switchboard_client.resources.base import Resource

from config.examples import SHAPES
from config.examples.people import ACCOUNT_ID, ANN, ANN_JID
from tests.unit.test_schema import COMPONENTS, SCHEMA, value_of

PREFIX = "/api/v1"
FIELDS = {"jid": ANN_JID, "phone_number": ANN, "actor": "key:", "filename": "a.pdf"}
# Their own way of answering; the loop that drives them has its test in clients/python.
STREAMED = {"events_stream_retrieve": "text/event-stream"}


@pytest.mark.parametrize("name", sorted(generate.KINDS))
def test_the_generated_files_are_those_of_the_schema(name, regenerated):
    assert (generate.PACKAGE / name).read_text() == regenerated[name], "run `make client`"


@pytest.fixture(scope="module")
def regenerated():
    return generate.generated(SCHEMA)


class Server:
    """Answers as the schema's examples do, and remembers what was asked for."""

    def __init__(self) -> None:
        self.reached: set[str] = set()
        self.parameters: set[tuple[str, str]] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        operation = self._operation(request)
        self.reached.add(operation["operationId"])
        self._check_query(operation, request)
        self._check_body(operation, request)
        return self._answer(operation, request)

    def _operation(self, request: httpx.Request) -> dict[str, Any]:
        path = unquote(request.url.raw_path.decode().partition("?")[0])
        for template, operations in sorted(SCHEMA["paths"].items(), key=lambda p: "{" in p[0]):
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, path) and request.method.lower() in operations:
                return operations[request.method.lower()]
        raise AssertionError(f"the schema has no {request.method} {path}")

    def _check_query(self, operation: dict[str, Any], request: httpx.Request) -> None:
        known = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
        assert set(request.url.params) <= known, operation["operationId"]
        self.parameters |= {(operation["operationId"], name) for name in request.url.params}

    def _check_body(self, operation: dict[str, Any], request: httpx.Request) -> None:
        allowed = operation.get("requestBody", {}).get("content", {})
        media_type = request.headers.get("content-type", "").partition(";")[0]
        if not media_type:
            # A body that a DELETE may have is not in the schema, which has no place for it.
            assert not operation.get("requestBody", {}).get("required")
        elif media_type == "application/json" and request.method != "DELETE":
            schema = {**allowed[media_type]["schema"], "components": COMPONENTS}
            judge = OAS31Validator(schema, format_checker=oas31_format_checker)
            judge.validate(json.loads(request.content))
        elif request.method != "DELETE":
            assert media_type in allowed

    def _answer(self, operation: dict[str, Any], request: httpx.Request) -> httpx.Response:
        wanted = STREAMED.get(operation["operationId"])
        if wanted:
            event = SHAPES["EventPage"]["results"][0]
            text = f"id: {event['seq']}\nevent: {event['type']}\ndata: {json.dumps(event)}\n\n"
            return httpx.Response(200, text=text, headers={"content-type": wanted})
        good = sorted(status for status in operation["responses"] if int(status) < 300)
        if good == ["200", "202"] and b'"preview":false' in request.content.replace(b" ", b""):
            good = ["202"]
        content = operation["responses"][good[0]].get("content", {})
        accepted = request.headers.get("accept", "")
        media_type = next((m for m in content if m in accepted), next(iter(content), ""))
        if media_type != "application/json":
            return httpx.Response(int(good[0]), content=b"bytes" if content else b"")
        example = next(iter(content[media_type]["examples"].values()))
        return httpx.Response(int(good[0]), json=value_of(example))


def methods(client: Switchboard) -> Iterator[tuple[str, Callable[..., Any]]]:
    for part, resource in vars(client).items():
        if isinstance(resource, Resource) and part != "sandbox":
            for name, method in inspect.getmembers(resource, inspect.ismethod):
                if not name.startswith("_"):
                    yield f"{part}.{name}", method


def made_up(name: str, hint: Any) -> Any:
    """An argument of this type."""
    options = [one for one in get_args(hint) if one is not type(None)]
    if get_origin(hint) is Literal:
        return options[0]
    if str(hint).startswith("collections.abc.Sequence"):
        return ["message"]
    if UUID in options or name.endswith("_id"):
        return ACCOUNT_ID
    if options and get_origin(hint) is not Literal:
        return made_up(name, options[0])
    plain = {int: 1, float: 0.5, bool: True, bytes: b"bytes", datetime: datetime.now(UTC)}
    if hint is str:
        return FIELDS.get(name, "message")
    return io.BytesIO() if hint is typing.BinaryIO else plain[hint]


def arguments(method: Callable[..., Any]) -> tuple[list[Any], dict[str, Any]]:
    hints = get_type_hints(method, include_extras=True)
    positional, named = [], {}
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            body = get_args(hints[name])[0]
            assert body is getattr(bodies, body.__name__)
            named |= SHAPES[body.__name__]
        elif parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            named[name] = made_up(name, hints[name])
        else:
            positional.append(made_up(name, hints[name]))
    return positional, named


@pytest.fixture(scope="module")
def server():
    """After every method was called once."""
    answering = Server()
    transport = httpx.MockTransport(answering)
    with Switchboard("http://example.test", "key", http=transport, attempts=1) as client:
        for name, method in methods(client):
            positional, named = arguments(method)
            try:
                answer = method(*positional, **named)
                if isinstance(answer, Iterator):
                    next(answer)
                    answer.close()
            except Exception as exc:
                raise AssertionError(f"{name}(*{positional}, **{named})") from exc
    return answering


def operations() -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for path, methods in SCHEMA["paths"].items()
        for operation in methods.values()
        if not path.startswith(f"{PREFIX}/sandbox/")
    }


def test_every_operation_has_a_method(server):
    assert sorted(set(operations()) - server.reached) == []


def test_every_parameter_can_be_given(server):
    documented = {
        (name, parameter["name"])
        for name, operation in operations().items()
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query"
    }
    missing = documented - server.parameters
    # `cursor` is the client's own business; it says with headers what it accepts and who it is.
    assert sorted(m for m in missing if m[1] not in ("cursor", "format", "ticket")) == []
