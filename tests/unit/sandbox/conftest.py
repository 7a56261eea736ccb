"""A network without sockets, for tests of its rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.network.hub import Network
from sandbox.network.store import Store
from sandbox.wire.noise import NoiseIdentity


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "state.db")
    yield store
    store.close()


@pytest.fixture
def network(store: Store) -> Network:
    return Network(store, NoiseIdentity.generate(), qr_refs=6)
