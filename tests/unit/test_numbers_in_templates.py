"""Numbers that programs read have a point in every language: 17.3, never 17,3."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "templates"
# Attributes that a browser or our scripts read as numbers.
ATTRIBUTE = re.compile(
    r'(?<![\w-])(?:x|y|x1|x2|y1|y2|cx|cy|r|d|width|height|points|viewBox|data-countdown)="([^"]*)'
)
FILLED_IN = re.compile(r"\{\{(.*?)(?:\}\}|$)")


@pytest.mark.parametrize(
    "path", sorted(ROOT.rglob("*.html")), ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_a_number_in_an_attribute_is_not_localized(path):
    texts = [
        part for value in ATTRIBUTE.findall(path.read_text()) for part in FILLED_IN.findall(value)
    ]
    localized = [text for text in texts if "unlocalize" not in text and "stringformat" not in text]
    assert localized == []
