"""One running product for the tests that do not break it as a whole."""

from __future__ import annotations

import itertools

import pytest

from tests.product import Product

_numbers = itertools.count(15_550_100)


@pytest.fixture(scope="session")
def product(tmp_path_factory):
    running = Product(tmp_path_factory.mktemp("product"), SANDBOX_QR_REFS="2")
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def own_product(tmp_path):
    """A product of the test's own, to be killed and restarted."""
    running = Product(tmp_path)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def number():
    """A phone number that no other test uses."""
    return f"+{next(_numbers)}"
