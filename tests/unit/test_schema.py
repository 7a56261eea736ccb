"""The schema says of every operation what it does, shows it, and names what it may refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from openapi_schema_validator import OAS31Validator, oas31_format_checker

from accounts.api.documented import names_in
from accounts.api.problem_codes import CODES
from config.examples import OPERATIONS as EXAMPLES
from config.examples import SHAPES

SCHEMA: dict[str, Any] = json.loads(
    OpenApiJsonRenderer().render(SchemaGenerator().get_schema(request=None, public=True), None)
)
COMPONENTS = SCHEMA["components"]
OPERATIONS = [
    pytest.param(operation, id=operation["operationId"])
    for operations in SCHEMA["paths"].values()
    for operation in operations.values()
]
SHOWN = ("application/json", "application/problem+json")


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(part, content) of the request and of each answer that is JSON."""
    parts = {"request": operation.get("requestBody", {}), **operation["responses"]}
    for part, document in parts.items():
        for media_type, content in document.get("content", {}).items():
            if media_type in SHOWN and content["schema"].get("format") != "binary":
                yield part, content


def value_of(example: dict[str, Any]) -> Any:
    name = example.get("$ref", "").removeprefix("#/components/examples/")
    return (COMPONENTS["examples"][name] if name else example)["value"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_says_what_it_does(operation):
    summary = operation.get("summary", "")

    assert summary, "it has no summary"
    assert summary[0].isupper()
    assert not summary.endswith(".")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_body_and_every_answer_is_shown(operation):
    bare = [part for part, content in contents(operation) if not content.get("examples")]

    assert bare == [], "give it an example in config/examples"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_example_keeps_to_its_schema(operation):
    wrong = []
    for part, content in contents(operation):
        schema = {**content["schema"], "components": COMPONENTS}
        judge = OAS31Validator(schema, format_checker=oas31_format_checker)
        for name, example in content.get("examples", {}).items():
            errors = judge.iter_errors(value_of(example))
            wrong += [f"{part} {name} {e.json_path}: {e.message}" for e in errors]

    assert wrong == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_refusal_names_its_codes(operation):
    for status, answer in operation["responses"].items():
        if int(status) < 400 or status == "416":
            continue
        names = names_in(answer["description"])
        shown = answer["content"]["application/problem+json"]["examples"]
        assert names, f"{status}: no code; use accounts.api.documented.codes"
        assert list(shown) == names
        assert [name for name in names if int(status) not in CODES[name].statuses] == []
        assert {value_of(e)["status"] for e in shown.values()} == {int(status)}


def test_no_example_is_left_over():
    operations = {parameter.id for parameter in OPERATIONS}

    assert sorted(set(EXAMPLES) - operations) == []
    assert sorted(set(SHAPES) - set(COMPONENTS["schemas"])) == []
