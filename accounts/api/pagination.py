"""Lists come in pages by cursor: {results, next, previous}."""

from rest_framework.pagination import CursorPagination


class Pages(CursorPagination):
    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    ordering = ("created_at", "id")


class NewestFirst(Pages):
    ordering = ("-at", "-id")
