"""Examples of the API's bodies and answers, for the schema.

`shapes` has one for each component, `sandbox` those of operations whose bodies have no component:
the control API of the sandbox checks them. A test holds every one against its schema, and fails
for an operation that has none and for an example that belongs to nothing.
"""

from __future__ import annotations

from typing import Any

from .people import HOST
from .sandbox import SANDBOX
from .shapes import QUEUED, SHAPES

__all__ = ["HOST", "OPERATIONS", "SHAPES", "example_of"]

OPERATIONS = {**SANDBOX, "accounts_messages_create": {"202": QUEUED}}

_PREFIX = "#/components/schemas/"


def example_of(operation_id: str, part: str, schema: dict[str, Any]) -> Any:
    """The example of an operation's `request` or of its answer with this status, or None."""
    if part in OPERATIONS.get(operation_id, {}):
        return OPERATIONS[operation_id][part]
    return of_component(schema.get("$ref", "").removeprefix(_PREFIX))


def of_component(name: str) -> Any:
    if name.startswith("Paginated") and name.endswith("List"):
        one = SHAPES.get(name.removeprefix("Paginated").removesuffix("List"))
        return None if one is None else page(one)
    return SHAPES.get(name)


def page(one: Any) -> dict[str, Any]:
    return {"results": [one], "next": None, "previous": None}
