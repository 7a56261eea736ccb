"""Lists that are asked for again and again: their parts alone, by the table of roles, and empty."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from accounts.models import Role
from accounts.roles import Right, may
from accounts.services import create_api_key
from tests.factories import UserFactory, WorkspaceFactory
from tests.pages import text_of

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
PAGES = {
    "overview": Right.SEE,
    "search": Right.SEE,
    "numbers": Right.SEE,
    "members": Right.SEE,
    "keys": Right.KEYS,
    "key-edit": Right.KEYS,
    "audit": Right.AUDIT,
}


@pytest.fixture
def home():
    return WorkspaceFactory(members=[UserFactory()])


@pytest.fixture
def sign_in(home, client):
    def enter(role):
        person = UserFactory()
        home.memberships.create(user=person, role=role)
        client.force_login(person)
        return person

    return enter


def url(name, home, *more):
    return reverse(f"console:{name}", args=[home.pk, *more])


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", PAGES)
def test_each_page_opens_for_the_roles_that_have_the_right(client, home, sign_in, role, name):
    sign_in(role)
    key, _ = create_api_key(workspace=home, name="k", scopes=["read"], actor="test")
    address = url(name, home, *([key.public_id] if name == "key-edit" else []))
    expected = 200 if may(role, PAGES[name]) else 403
    assert client.get(address).status_code == expected
    assert client.get(address, headers=HTMX).status_code == expected


@pytest.mark.parametrize("name", ["overview", "members", "keys", "audit"])
def test_the_live_part_comes_without_the_page_around_it(client, home, sign_in, name):
    sign_in(Role.OWNER)
    create_api_key(workspace=home, name="CRM", scopes=["read"], actor="test")
    part = client.get(url(name, home), headers=HTMX).content.decode()
    whole = client.get(url(name, home)).content.decode()
    assert "<html" not in part and "<nav" not in part
    assert part.strip() and "hx-get" in whole
    assert len(part) < len(whole)


def test_the_live_list_of_keys_has_no_form_and_shows_what_is_new(client, home, sign_in):
    sign_in(Role.ADMIN)
    assert "No program works here yet" in text_of(client.get(url("keys", home)))
    create_api_key(workspace=home, name="Reports", scopes=["read"], actor="test")
    part = client.get(url("keys", home), headers=HTMX)
    assert "Reports" in text_of(part)
    assert b"Create key" not in part.content


def test_the_filter_of_the_audit_log_holds_for_its_live_part(client, home, sign_in):
    person = sign_in(Role.OWNER)
    create_api_key(workspace=home, name="k", scopes=["read"], actor="somebody else")
    page = client.get(url("audit", home), {"actor": person.email}).content.decode()
    [address] = re.findall(r'id="audit-live".*?hx-get="([^"]+)"', page, re.S)
    part = client.get(address.replace("&amp;", "&"), headers=HTMX).content.decode()
    assert person.email in part
    assert "somebody else" not in part


def test_a_filter_that_nothing_fits_says_what_may_be_typed(client, home, sign_in):
    sign_in(Role.OWNER)
    text = text_of(client.get(url("audit", home), {"actor": "nobody-of-this-name"}))
    assert "Nothing fits this filter" in text
    assert "a part of an e-mail" in text


def test_who_is_alone_is_told_how_to_invite(client, home):
    client.force_login(home.memberships.get().user)
    assert "You are alone here." in text_of(client.get(url("members", home)))
    home.memberships.create(user=UserFactory(), role=Role.VIEWER)
    assert "You are alone here." not in text_of(client.get(url("members", home)))
