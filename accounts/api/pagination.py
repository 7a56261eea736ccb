"""Lists come in pages by cursor: {results, next, previous}.

A cursor names a place in the list, not a number of rows: what comes or goes meanwhile never shows
a row twice and leaves none out.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from . import places


class Pages(CursorPagination):
    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    ordering: tuple[str, ...] = ("created_at", "id")
    """Fields of the row itself, all up or all down; together they are unique, and never null."""

    def get_page_size(self, request: Request) -> int:
        """`limit`, which is refused by name when it is not a number in range."""
        given = request.query_params.getlist("limit") or [str(self.page_size)]
        text = given[-1]
        if len(given) > 1 or not (text.isascii() and text.isdigit()):
            raise ValidationError({"limit": f"Use one number from 1 to {self.max_page_size}."})
        size = int(text[:9])
        if not 1 <= size <= (self.max_page_size or size):
            raise ValidationError({"limit": f"Use a number from 1 to {self.max_page_size}."})
        return size

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self._address = request.build_absolute_uri()
        self.page_size = self.get_page_size(request)
        place = self._place(queryset.model, request)
        back = place is not None and place.back
        order = places.turned(self.ordering) if back else self.ordering
        found = queryset.order_by(*order)
        if place is not None:
            found = found.filter(places.beyond(order, place))
        rows = list(found[: self.page_size + 1])
        more, rows = len(rows) > self.page_size, rows[: self.page_size]
        if back:
            rows.reverse()
        self._rows = rows
        self.has_next = bool(rows) and (more or back)
        self.has_previous = bool(rows) and (more if back else place is not None)
        return rows

    def get_next_link(self) -> str | None:
        return self._link(self._rows[-1], back=False) if self.has_next else None

    def get_previous_link(self) -> str | None:
        return self._link(self._rows[0], back=True) if self.has_previous else None

    def _link(self, row: Any, *, back: bool) -> str:
        cursor = places.written(self.ordering, row, back=back)
        return str(replace_query_param(self._address, self.cursor_query_param, cursor))

    def _place(self, model: type[Model], request: Request) -> places.Place | None:
        text = request.query_params.get(self.cursor_query_param)
        if text is None:
            return None
        try:
            return places.read(self.ordering, model, text)
        except places.NoPlace:
            wrong = "Use `next` or `previous` of a page as they are."
            raise ValidationError({"cursor": wrong}) from None

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == "limit":
                parameter["schema"] |= {"minimum": 1, "maximum": self.max_page_size}
        return parameters

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "description": "an address; null: there is no more"}
        return {
            "type": "object",
            "properties": {
                "results": schema,
                "next": link,
                "previous": {**link, "description": "likewise, backwards"},
            },
            "required": ["results", "next", "previous"],
        }


class NewestFirst(Pages):
    ordering = ("-at", "-id")
