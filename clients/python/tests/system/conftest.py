"""A running product, as tests/system has it."""

from __future__ import annotations

from tests.system.conftest import number, product

__all__ = ["number", "product"]
