"""Stores in a folder of the test's own, snapshots in memory."""

from __future__ import annotations

import pytest

from sessions_mgr.stores import Stores
from tests import linked_stores
from tests.factories import AccountFactory
from tests.integration.stores.command import JID, KEY


@pytest.fixture(autouse=True)
def in_memory(settings, tmp_path):
    settings.SESSIONS_ROOT = tmp_path / "sessions"
    settings.STORE_KEYS = [KEY]
    settings.STORAGES = {
        **settings.STORAGES,
        "snapshots": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    }


@pytest.fixture
def folders(settings):
    return Stores(settings.SESSIONS_ROOT)


@pytest.fixture
def account(workspace):
    return AccountFactory(workspace=workspace, label="Sales")


@pytest.fixture
def store(account, folders):
    return linked_stores.link(account, folders, JID)
