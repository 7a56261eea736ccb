"""An outsider walks every route with other people's ids. A new route without a rule fails here."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from channels.db import database_sync_to_async as in_thread

from config.asgi import application
from tests.isolation import cast
from tests.isolation.cast import MARK, PARAMETERS, rows_of, rule_of, tenant, values
from tests.isolation.routes import Route, all_routes
from tests.sockets import PatientSocket

pytestmark = pytest.mark.django_db

ROUTES = [r for r in all_routes() if not r.pattern.startswith("static")]
HTTP = [r for r in ROUTES if not r.websocket]
OBJECTS = [r for r in HTTP if rule_of(r.pattern) == "object"]
OWN = [r for r in HTTP if rule_of(r.pattern) == "own"]
SHARED = [r for r in HTTP if rule_of(r.pattern) == "shared"]
NOT_THERE = (401, 403, 404)
NOBODYS = cast.COMMON.keys() | cast.ADDRESSES


def personal(route):
    """A person's own pages look at the method first: that tells nothing about any id."""
    return route.pattern.startswith("you/")


def named(routes):
    return [pytest.param(r, id=r.pattern or "/") for r in routes]


@pytest.fixture
def victim():
    return tenant(MARK, "+15557770001")


@pytest.fixture
def outsider():
    return tenant("outsider", "+15557770002")


def walk(route: Route, asking, path: str, body=None):
    """The answer to each method of the route, asked with the key, and in the console by browser."""
    headers = {} if not route.pattern.startswith("api/") else {"X-Api-Key": asking.key}
    client = asking.browser
    for method in route.methods:
        answer = client.generic(
            method, path, json.dumps(body or {}), content_type="application/json", headers=headers
        )
        text = b"" if answer.streaming else answer.content
        yield method, answer, text.decode(errors="replace")


def test_every_route_has_a_rule_and_every_parameter_an_owner():
    for route in ROUTES:
        if rule_of(route.pattern) == "object":
            for parameter in route.parameters:
                assert parameter in PARAMETERS, f"whose is {parameter}? say so in cast.PARAMETERS"


def test_a_route_without_a_rule_is_noticed():
    with pytest.raises(KeyError, match="has no rule"):
        rule_of("api/v1/brand-new")


def test_every_rule_has_a_route():
    patterns = {r.pattern for r in ROUTES}
    parameters = {p for r in ROUTES for p in r.parameters}
    assert patterns >= cast.OWN
    assert PARAMETERS.keys() <= parameters
    for shared in cast.SHARED:
        assert any(p == shared or p.startswith(shared) for p in patterns), shared


@pytest.mark.parametrize("route", named(OBJECTS))
def test_what_belongs_to_somebody_else_does_not_exist(route, victim, outsider):
    before = rows_of(victim)
    path = route.path(values(route, lambda position, kind: victim))
    for method, answer, text in walk(route, outsider, path):
        refusals = (404, 405) if personal(route) else (404,)
        assert answer.status_code in refusals, f"{method} {path}: {answer.status_code} {text[:200]}"
        assert MARK not in text
    assert rows_of(victim) == before


def deepest(route):
    """The place of the last parameter that names an object of somebody; 0 when only the first."""
    owned = (i for i, p in enumerate(route.parameters) if PARAMETERS[p] not in NOBODYS)
    return max(owned, default=0)


@pytest.mark.parametrize("route", named([r for r in OBJECTS if deepest(r)]))
def test_a_nested_id_of_somebody_else_does_not_exist_below_ones_own(route, victim, outsider):
    before = rows_of(victim)
    last = deepest(route)
    mixed = values(route, lambda position, kind: victim if position == last else outsider)
    path = route.path(mixed)
    for method, answer, text in walk(route, outsider, path):
        # A method that the route lacks may be refused before the object is looked for.
        assert answer.status_code in (404, 405), f"{method} {path}: {answer.status_code}"
        assert MARK not in text
    assert rows_of(victim) == before


@pytest.mark.parametrize("route", named(OBJECTS))
def test_nobody_without_a_credential_gets_in(route, victim):
    path = route.path(values(route, lambda position, kind: victim))
    victim.browser.logout()
    victim.key = "nonsense"
    for method, answer, text in walk(route, victim, path):
        to_sign_in = answer.status_code == 302 and "sign-in" in answer["Location"]
        refused = answer.status_code in NOT_THERE or (personal(route) and answer.status_code == 405)
        assert refused or to_sign_in, f"{method} {path}: {text[:100]}"
        assert MARK not in text


@pytest.mark.parametrize("route", named([r for r in OBJECTS if r.pattern.startswith("api/")]))
def test_an_expired_key_opens_nothing(route, victim):
    victim.key = cast.expired_key(victim)
    path = route.path(values(route, lambda position, kind: victim))
    for method, answer, _ in walk(route, victim, path):
        assert answer.status_code == 401, f"{method} {path}"


@pytest.mark.parametrize("route", named(OWN))
def test_a_list_shows_only_ones_own(route, victim, outsider):
    before = rows_of(victim)
    for _method, answer, text in walk(route, outsider, route.path({})):
        assert answer.status_code < 500
        assert MARK not in text
        assert not [v for kind, v in victim.ids.items() if kind not in cast.ADDRESSES and v in text]
    assert rows_of(victim) == before


@pytest.mark.parametrize("route", named([r for r in OWN if "GET" in r.methods]))
def test_a_foreign_filter_shows_nothing(route, victim, outsider):
    for query in (
        "after=0",
        f"account={victim.ids['account']}",
        f"workspace={victim.ids['workspace']}",
    ):
        answer = outsider.browser.get(
            f"{route.path({})}?{query}", headers={"X-Api-Key": outsider.key}
        )
        text = b"" if answer.streaming else answer.content
        assert answer.status_code < 500
        assert MARK.encode() not in text, query


LISTS = [
    "accounts",
    "accounts/{account}/chats",
    "accounts/{account}/messages",
    "accounts/{account}/timeline",
    "api-keys",
    "audit",
    "invitations",
    "webhooks",
    "webhooks/{webhook}/deliveries",
]


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_of_somebody_else_leads_to_nothing_of_theirs(path, victim, outsider):
    cast.one_more_of_each(victim)
    first = victim.browser.get(
        f"/api/v1/{path.format(**victim.ids)}?limit=1", headers={"X-Api-Key": victim.key}
    )
    cursor = parse_qs(urlsplit(first.json()["next"]).query)["cursor"][0]
    answer = outsider.browser.get(
        f"/api/v1/{path.format(**outsider.ids)}",
        {"limit": "1", "cursor": cursor},
        headers={"X-Api-Key": outsider.key},
    )
    text = answer.content.decode()
    assert answer.status_code == 200, text
    assert MARK not in text
    assert not [v for kind, v in victim.ids.items() if kind not in cast.ADDRESSES and v in text]


@pytest.mark.parametrize("route", named([r for r in SHARED if not r.parameters]))
def test_what_is_for_everybody_names_nobody(route, victim, outsider, settings):
    for _method, _answer, text in walk(route, outsider, route.path({})):
        assert MARK not in text
        assert not [v for kind, v in victim.ids.items() if kind not in cast.ADDRESSES and v in text]


FOREIGN_BODIES = [
    ("api/v1/webhooks", {"url": "https://hooks.example.com/x"}, "accounts", "account"),
    (
        "api/v1/accounts/{account}/messages",
        {"to": "+15550001", "type": "text", "text": "x"},
        "reply_to",
        "message",
    ),
    (
        "api/v1/accounts/{account}/messages",
        {"to": "+15550001", "type": "reaction", "emoji": "👍"},
        "message_id",
        "message",
    ),
    (
        "api/v1/accounts/{account}/messages",
        {"to": "+15550001", "type": "document"},
        "media.upload_id",
        "upload",
    ),
]


@pytest.mark.parametrize(("path", "body", "name", "kind"), FOREIGN_BODIES)
def test_a_foreign_id_in_a_body_is_refused_by_its_field(path, body, name, kind, victim, outsider):
    foreign = victim.ids[kind]
    value = [foreign] if name.endswith("s") else foreign
    outer, _, inner = name.partition(".")
    field = {outer: {inner: value} if inner else value}
    answer = outsider.browser.post(
        f"/{path.format(**outsider.ids)}",
        json.dumps(body | field),
        content_type="application/json",
        headers={"X-Api-Key": outsider.key},
    )
    assert answer.status_code in (400, 404, 422), answer.content
    assert outer in answer.content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("query", ["workspace", "account"])
async def test_the_feed_of_somebody_else_does_not_exist(query):
    victim = await in_thread(tenant)(MARK, "+15557770001")
    outsider = await in_thread(tenant)("outsider", "+15557770002")
    feed = PatientSocket(
        application,
        f"/ws/v1/events?after=0&{query}={victim.ids[query]}",
        headers=[(b"origin", b"http://localhost")],
        subprotocols=["switchboard.v1", f"bearer.{outsider.key}"],
    )
    await feed.connect()
    output = await feed.receive_output()
    assert (output["type"], output["code"]) == ("websocket.close", 4404)
    await feed.disconnect()
