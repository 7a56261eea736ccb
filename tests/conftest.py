"""Fixtures for everybody."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import connection
from django.utils import translation
from rest_framework.test import APIClient

from messaging import ingest
from sessions_mgr.bus import carriers
from tests import factories
from tests.factories import UserFactory, WorkspaceFactory, api_key


def pytest_configure():
    # Tests sign in by the hundred; how passwords are hashed is Django's business, not theirs.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_collection_modifyitems(items):
    for item in items:
        path = str(item.path)
        if "/tests/system/" in path:
            item.add_marker(pytest.mark.system)
        if "/tests/browser/" in path:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(autouse=True)
def factories_count_from_zero(request):
    """Names and numbers of a test's rows do not depend on what ran before it. Where tests of a
    file share a database (system, browser) the counting goes on."""
    if not request.node.get_closest_marker("system", request.node.get_closest_marker("browser")):
        for made in factories.ALL:
            made.reset_sequence(0)


@pytest.fixture(autouse=True)
def english_again():
    """A page leaves its reader's language active on the thread."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def whole_batches(monkeypatch):
    """On a busy machine a turn of ingest may be over after one fact."""
    monkeypatch.setattr(ingest, "TURN", 60.0)


@pytest.fixture(autouse=True)
def no_bus_left_over():
    """A test that used the bus gives its connection back."""
    yield
    carriers.close()


@pytest.fixture
def workspace(db):
    return WorkspaceFactory()


@pytest.fixture
def owner(workspace):
    """Whom `workspace` belongs to."""
    person = UserFactory(email="owner@here.test")
    workspace.memberships.create(user=person, role="owner")
    return person


@pytest.fixture
def api(workspace):
    """A REST client with a key of `workspace` that may do everything but administer."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {api_key(workspace)}")
    return client


@pytest.fixture
def is_postgres():
    return connection.vendor == "postgresql"
