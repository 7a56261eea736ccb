"""The OpenAPI schema and its offline documentation page."""

from __future__ import annotations

from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts.api.documented import described, names_in
from accounts.api.problem_codes import CODES
from accounts.api.problems import PAGE, body

from .examples import HOST, example_of
from .problem_page import ProblemPage

# Swagger UI sets style attributes on its own elements; scripts stay strict.
docs = csp_update({"style-src": [SELF, UNSAFE_INLINE]})(
    SpectacularSwaggerSplitView.as_view(url_name="schema")
)

urlpatterns = [
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", docs, name="docs"),
    path("problems", ProblemPage.as_view(), name="problems"),
]

PROBLEM = {
    "type": "object",
    "description": f"RFC 9457. `code` is for programs, `detail` says what to do: {PAGE}.",
    "properties": {
        "type": {"type": "string", "description": "the address of the code's explanation"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": f"one of {PAGE}; more may be added"},
    },
    "required": ["type", "title", "status", "detail", "code"],
}
REF, SHOWN = "#/components/schemas/", "#/components/examples/"
PROBLEM_REF = {"$ref": f"{REF}Problem"}
# What any operation may answer, besides what its view declares.
ALWAYS = {
    "400": ("invalid",),
    "401": ("no_key", "invalid_key"),
    "403": ("missing_scope", "workspace_suspended"),
    "406": ("not_acceptable",),
    "422": ("invalid",),
    "429": ("throttled", "quota_exceeded"),
}
WITH_OBJECT = {"404": ("not_found",)}
WITH_BODY = {"400": ("invalid", "parse_error"), "413": ("too_large",)}
WITH_BODY |= {"415": ("unsupported_media_type",)}
NO_PROBLEM = "416"  # of a file's range: has no body


def plain_names(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """Components are named after what they are, not after the class that describes them."""
    schemas = result["components"]["schemas"]
    names = {
        name: plain
        for name in schemas
        if (plain := name.replace("RequestRequest", "Request").removesuffix("Shape")) != name
    }
    assert not set(names.values()) & set(schemas), "two components would have one name"
    result["components"]["schemas"] = {names.get(n, n): schemas[n] for n in sorted(schemas)}
    _rename(result, {f"{REF}{name}": f"{REF}{plain}" for name, plain in names.items()})
    return result


def _rename(node: Any, names: dict[str, str]) -> None:
    if isinstance(node, dict):
        if node.get("$ref") in names:
            node["$ref"] = names[node["$ref"]]
        for part in node.values():
            _rename(part, names)
    elif isinstance(node, list):
        for part in node:
            _rename(part, names)


def document_problems(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """Every refusal that any operation may give, in its one shape, with its codes and examples."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    result["components"]["examples"] = {
        f"{name}-{status}": {"value": _example(status, name)}
        for name, code in sorted(CODES.items())
        for status in code.statuses
    }
    for address, method, operation in _operations(result):
        refusals = dict(ALWAYS)
        if "{" in address:
            refusals |= WITH_OBJECT
        if method != "get":
            refusals |= WITH_BODY
        answers = operation["responses"]
        for status in sorted({*refusals, *(s for s in answers if int(s) >= 400)} - {NO_PROBLEM}):
            declared = answers.get(status, {}).get("description", "")
            answers[status] = _problem(int(status), declared, refusals.get(status, ()))
        operation["responses"] = dict(sorted(answers.items()))
    return result


def show_examples(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """An example for every JSON body and answer whose view gives none: examples/ has them."""
    for _address, _method, operation in _operations(result):
        parts = {"request": operation.get("requestBody", {})}
        parts |= {s: answer for s, answer in operation["responses"].items() if int(s) < 300}
        for part, document in parts.items():
            for media_type, content in document.get("content", {}).items():
                if "examples" in content or media_type not in ("application/json", "*/*"):
                    continue
                value = example_of(operation["operationId"], part, content["schema"])
                if value is not None:
                    content["examples"] = {"example": {"value": value}}
    return result


def _operations(result: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (address, method, operation)
        for address, operations in result["paths"].items()
        for method, operation in operations.items()
    ]


def _problem(status: int, declared: str, always: tuple[str, ...]) -> dict[str, Any]:
    names = names_in(declared)
    more = [name for name in always if name not in names]
    texts = [declared, described(more)] if names or not more else [described(more), declared]
    examples = {name: {"$ref": f"{SHOWN}{name}-{status}"} for name in [*names, *more]}
    content = {"schema": PROBLEM_REF, "examples": examples}
    return {
        "description": "\n\n".join(text for text in texts if text),
        "content": {"application/problem+json": content},
    }


def _example(status: int, name: str) -> dict[str, Any]:
    shown = body(status, name, CODES[name].meaning)
    return {**shown, "type": f"{HOST}{PAGE}#{name}"}
