"""Names that people give: every script of the world, and nothing that misleads."""

from __future__ import annotations

import pytest

from accounts.names import is_readable
from console.forms import LabelForm
from console.people_forms import NameForm


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Support Berlin", id="plain"),
        pytest.param("می‌خواهم", id="Persian needs the non-joiner"),
        pytest.param("क्‍ष", id="Hindi needs the joiner"),
        pytest.param("👩‍👩‍👧 Family desk 🏳️‍🌈", id="emoji that are put together"),
        pytest.param("مكتب المبيعات", id="right to left"),
    ],
)
def test_a_name_may_be_of_any_script(name):
    assert is_readable(name)
    assert LabelForm({"label": name}).is_valid()
    assert NameForm({"name": name}).is_valid()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("\u202eowner\u202c", id="written backwards"),
        pytest.param("two\nlines", id="lines"),
        pytest.param("\u200d\u200c", id="nothing but joiners"),
        pytest.param("\u200b", id="a space without width"),
        pytest.param("\0", id="null"),
    ],
)
def test_a_name_is_one_line_that_can_be_seen(name):
    assert not is_readable(name)
    assert not LabelForm({"label": name}).is_valid()
    assert not NameForm({"name": name}).is_valid()
