"""What the parts of the API share: asking, reading answers, walking through pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit
from uuid import UUID

import httpx

from ..base import Model
from ..transport import Call, Transport

Id = UUID | str
M = TypeVar("M", bound=Model)


def part(value: Id | int) -> str:
    """A value as one part of a path."""
    return quote(str(value), safe="@")


class Resource:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _send(self, method: str, path: str, **call: Any) -> httpx.Response:
        return self._transport.send(Call(method, path, **call))

    def _get(self, model: type[M], path: str, *, wait: float | None = None, **query: Any) -> M:
        asked = {"wait": wait, **query}
        return self._read(model, self._send("GET", path, query=asked, extra_time=wait or 0.0))

    def _post(self, model: type[M], path: str, body: Mapping[str, Any] | None = None) -> M:
        return self._read(model, self._send("POST", path, json=body))

    def _patch(self, model: type[M], path: str, body: Mapping[str, Any]) -> M:
        return self._read(model, self._send("PATCH", path, json=body))

    def _delete(self, path: str) -> None:
        self._send("DELETE", path)

    def _walk(self, model: type[M], path: str, **query: Any) -> Iterator[M]:
        """Every object of a list, page after page, fetched as they are needed."""
        asked = dict(query)
        while True:
            page = self._send("GET", path, query=asked).json()
            for one in page["results"]:
                yield model.model_validate(one)
            if page["next"] is None:
                return
            # Only the cursor is taken: the key goes nowhere but to our own server.
            asked["cursor"] = parse_qs(urlsplit(page["next"]).query)["cursor"][0]

    @staticmethod
    def _read(model: type[M], answer: httpx.Response) -> M:
        return model.model_validate_json(answer.content)
