"""The OpenAPI schema and its offline documentation page."""

from __future__ import annotations

from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

# Swagger UI sets style attributes on its own elements; scripts stay strict.
docs = csp_update({"style-src": [SELF, UNSAFE_INLINE]})(
    SpectacularSwaggerSplitView.as_view(url_name="schema")
)

urlpatterns = [
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", docs, name="docs"),
]

PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `code` is for programs, `detail` says what to do.",
    "properties": {
        "type": {"type": "string", "example": "urn:switchboard:problem:not_found"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "example": "not_found"},
    },
    "required": ["type", "title", "status", "detail", "code"],
}
ALWAYS = {
    "400": "code=invalid with `errors` by field, or a malformed request",
    "401": "no credential, or one that is wrong, expired or revoked",
    "403": "this key lacks the scope",
    "406": "no such representation",
    "422": "a value that does not fit; `detail` and `errors` name the field",
    "429": "too many requests; Retry-After says when to come back",
}
WITH_OBJECT = {"404": "there is no such object in this workspace"}
WITH_BODY = {"413": "the body is too large", "415": "the body has another media type"}


def document_problems(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """Every refusal that any operation may give, in its one shape, beside what views declare."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for address, operations in result["paths"].items():
        for method, operation in operations.items():
            refusals = dict(ALWAYS)
            if "{" in address:
                refusals |= WITH_OBJECT
            if method != "get":
                refusals |= WITH_BODY
            for status, words in refusals.items():
                operation["responses"].setdefault(status, {"description": words})
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    response["content"] = content
    return result
