"""A key that is restricted to one number walks every route with what belongs to another number of
the same workspace: it must see as little as an outsider."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from accounts.services import create_api_key
from tests.factories import AccountFactory
from tests.isolation.cast import MARK, rows_of, rule_of, tenant, values
from tests.isolation.routes import all_routes

pytestmark = pytest.mark.django_db

API = [r for r in all_routes() if r.pattern.startswith("api/") and not r.websocket]
OBJECTS = [r for r in API if rule_of(r.pattern) == "object"]
OWN = [r for r in API if rule_of(r.pattern) == "own"]


def named(routes):
    return [pytest.param(r, id=r.pattern) for r in routes]


@pytest.fixture
def victim():
    return tenant(MARK, "+15557770001")


@pytest.fixture
def restricted(victim):
    other = AccountFactory(workspace=victim.workspace, label="the other number")
    key, text = create_api_key(
        workspace=victim.workspace,
        name="restricted",
        scopes=["read", "send", "manage"],
        accounts=[other.pk],
        actor="test",
    )
    return SimpleNamespace(text=text, row=f"accounts.ApiKey {key.pk}")


def rows(victim, restricted):
    """All but the key's own, which says when it was last used."""
    return {name: row for name, row in rows_of(victim).items() if name != restricted.row}


def ask(client, method, path, key):
    return client.generic(
        method, path, json.dumps({}), content_type="application/json", headers={"X-Api-Key": key}
    )


@pytest.mark.parametrize("route", named(OBJECTS))
def test_what_belongs_to_another_number_does_not_exist(route, victim, restricted, client):
    before = rows(victim, restricted)
    path = route.path(values(route, lambda position, kind: victim))
    for method in route.methods:
        answer = ask(client, method, path, restricted.text)
        # 403: the route takes a scope that a restricted key cannot have.
        assert answer.status_code in (403, 404), f"{method} {path}: {answer.content[:200]}"
        assert MARK not in answer.content.decode(errors="replace")
    assert rows(victim, restricted) == before


@pytest.mark.parametrize("route", named(OWN))
def test_a_list_shows_only_its_number(route, victim, restricted, client):
    before = rows(victim, restricted)
    for method in route.methods:
        answer = ask(client, method, route.path({}), restricted.text)
        text = "" if answer.streaming else answer.content.decode(errors="replace")
        assert answer.status_code < 500
        assert victim.ids["account"] not in text
        if route.pattern != "api/v1/workspace":  # whose name has the mark, and may be known
            assert MARK not in text
    assert rows(victim, restricted).items() >= before.items()  # a ticket may be new
