"""Lists come in pages by cursor: {results, next, previous}."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request


class Pages(CursorPagination):
    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    ordering = ("created_at", "id")

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

    def decode_cursor(self, request: Request) -> Any:
        try:
            return super().decode_cursor(request)
        except NotFound:
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
