"""Every code that the source raises is in the table, and the table holds no other."""

from __future__ import annotations

import ast
import importlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from rest_framework import exceptions

from accounts.api.problem_codes import CODES, GROUPS
from accounts.api.problems import TITLES, body
from accounts.management.commands import list_problems
from messaging.outbox import errors as outbox_errors
from sandbox.control.server import REFUSAL_STATUS
from sandbox.network import groups_rules
from sessions_mgr.api.refusals import OTHERWISE, REFUSALS

ROOT = Path(__file__).parents[2]
APPS = "accounts config console realtime webhooks messaging sessions_mgr events egress sandbox"
# Where each way to raise a problem has its (status, code); None: it says none.
RAISED: dict[str, tuple[int | None, int | str]] = {
    "Problem": (0, 1),
    "problem": (0, 1),
    "_plain": (0, 1),
    "NotThere": (0, 1),
    "SandboxError": (0, 1),
    "ApiError": (0, 1),
    "Invalid": (None, "code"),
    "MediaProblem": (None, 0),
    "AuthenticationFailed": (None, "code"),
    "NotAuthenticated": (None, "code"),
}
# What REST framework raises by itself.
FRAMEWORK = (
    exceptions.ParseError,
    exceptions.PermissionDenied,
    exceptions.NotFound,
    exceptions.MethodNotAllowed,
    exceptions.NotAcceptable,
    exceptions.UnsupportedMediaType,
    exceptions.Throttled,
)
# The dispatcher's, for messages that fail later: `error.code` of a message, never of a problem.
LATER = {
    outbox_errors.EXPIRED,
    outbox_errors.UNKNOWN_OUTCOME,
    outbox_errors.UPLOAD_FAILED,
}


def calls():
    for app in APPS.split():
        for path in sorted((ROOT / app).rglob("*.py")):
            if path == ROOT / "sandbox" / "client.py":  # for tests; the API does not use it
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
                    yield path, name, node


def argument(call: ast.Call, where: int | str | None) -> ast.expr | None:
    if isinstance(where, int):
        return call.args[where] if len(call.args) > where else None
    return next((k.value for k in call.keywords if k.arg == where), None)


def value(path: Path, node: ast.expr | None) -> Any:
    """What the expression is, by the names of its module; None for what only a run can tell."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Call) and len(node.args) > 1:  # error.get("code", "what else")
        return value(path, node.args[1])
    if not isinstance(node, ast.Name | ast.Attribute):
        return None
    names = ast.unparse(node).split(".")
    dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    found: Any = importlib.import_module(dotted)
    for name in names:
        found = getattr(found, name, None)
    return found


def raised() -> dict[str, set[int]]:
    """Each code with the statuses that are written beside it."""
    found: dict[str, set[int]] = defaultdict(set)
    for path, name, call in calls():
        if name == "Refusal" and path.is_relative_to(ROOT / "sandbox"):
            code = value(path, argument(call, 0))
            found[code].add(REFUSAL_STATUS.get(code, 409))
        elif name in RAISED:
            status_at, code_at = RAISED[name]
            node = argument(call, code_at)
            if node is None:  # the exception's own default
                continue
            code, status = value(path, node), value(path, argument(call, status_at))
            if code is None:  # passed on from an exception whose own codes are collected
                assert "code" in ast.unparse(node), f"{path}:{call.lineno}: which code?"
                continue
            found[code] |= {status} if isinstance(status, int) else set()
    for code, _text in groups_rules._CODES.values():
        found[code].add(REFUSAL_STATUS.get(code, 409))
    for status, code in (*REFUSALS.values(), OTHERWISE):
        found[code].add(status)
    for framework in FRAMEWORK:
        found[framework.default_code].add(framework.status_code)
    return found


COLLECTED = raised()


def test_no_code_is_raised_that_is_not_listed():
    assert sorted(set(COLLECTED) - set(CODES) - LATER) == []


def test_no_code_is_listed_that_nobody_raises():
    assert sorted(set(CODES) - set(COLLECTED)) == []


@pytest.mark.parametrize("code", sorted(set(CODES) & set(COLLECTED)))
def test_the_statuses_are_those_that_the_source_writes(code):
    assert COLLECTED[code] <= set(CODES[code].statuses)


def test_every_code_is_listed_once_with_a_title_for_its_statuses():
    names = [code.name for group in GROUPS for code in group.codes]

    assert len(names) == len(set(names))
    assert {s for code in CODES.values() for s in code.statuses} <= set(TITLES)


def test_the_type_of_a_problem_is_the_address_of_its_explanation(settings):
    settings.PUBLIC_URL = "https://wa.example.com"

    assert body(409, "no_qr", "…")["type"] == "https://wa.example.com/api/problems#no_qr"


def test_the_page_of_codes_is_what_the_table_says():
    written = (ROOT / "docs" / "problems.md").read_text()

    assert written == list_problems.page(), "run manage.py list_problems"
