"""Every route of the product, read from the URL configuration, so that none can be forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from realtime.routing import websocket_urlpatterns

ANY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")


@dataclass(frozen=True, slots=True)
class Route:
    """One pattern, for example `api/v1/accounts/<uuid:pk>/qr`, and the methods it has."""

    pattern: str
    methods: tuple[str, ...]
    websocket: bool = False

    @property
    def parameters(self) -> tuple[str, ...]:
        """Each with everything before it, as `api/v1/accounts/<pk>`: a `pk` alone says nothing."""
        plain = _PARAMETER.sub(r"<\2>", self.pattern)
        return tuple(plain[: m.end()] for m in re.finditer(r"<\w+>", plain))

    def path(self, values: dict[str, str]) -> str:
        """The path with each parameter's value."""
        filled = _PARAMETER.sub(r"<\2>", self.pattern)
        for parameter in reversed(self.parameters):
            start = parameter.rindex("<")
            filled = filled[:start] + values[parameter] + filled[len(parameter) :]
        return "/" + filled


def all_routes() -> list[Route]:
    sockets = [
        Route(str(p.pattern).lstrip("^").rstrip("$"), ("GET",), websocket=True)
        for p in websocket_urlpatterns
    ]
    return [*_walk(get_resolver().url_patterns, ""), *sockets]


def _walk(patterns: Any, prefix: str) -> Iterator[Route]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield Route(path, _methods(pattern.callback))


def _methods(view: Any) -> tuple[str, ...]:
    if actions := getattr(view, "actions", None):
        served = view.cls.http_method_names
        return tuple(method.upper() for method in actions if method in served)
    view_class = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if view_class is not None:
        return tuple(m for m in ANY_METHOD if hasattr(view_class, m.lower()))
    return ANY_METHOD
