"""Ranges and headers of served files."""

from __future__ import annotations

import pytest

from messaging.media.serving import Span, disposition, span


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", Span(0, 100)),
        ("bytes=0-9", Span(0, 10, True)),
        ("bytes=90-", Span(90, 100, True)),
        ("bytes=-10", Span(90, 100, True)),
        ("bytes=-1000", Span(0, 100, True)),
        ("bytes=0-1000", Span(0, 100, True)),
        ("bytes=99-99", Span(99, 100, True)),
        pytest.param("bytes=100-", None, id="behind the end"),
        pytest.param("bytes=-0", None, id="the last zero bytes"),
        pytest.param("bytes=9-3", Span(0, 100), id="invalid: ignored"),
        pytest.param("bytes=-", Span(0, 100), id="empty: ignored"),
        pytest.param("bytes=0-1,5-6", Span(0, 100), id="several: the whole file"),
        pytest.param("lines=1-2", Span(0, 100), id="another unit"),
    ],
)
def test_span(header, wanted):
    assert span(header, 100) == wanted


def test_an_empty_file_has_no_range():
    assert span("", 0) == Span(0, 0)
    assert span("bytes=0-", 0) is None


def test_a_file_name_of_any_script_reaches_old_and_new_readers():
    header = disposition('Réchnung "7" 👍.pdf', inline=False)

    assert header.startswith('attachment; filename="R_chnung _7_ _.pdf"')
    assert "filename*=UTF-8''R%C3%A9chnung%20%227%22%20%F0%9F%91%8D.pdf" in header
    assert header.isascii()


def test_a_plain_name_is_written_once():
    assert disposition("a.pdf", inline=True) == 'inline; filename="a.pdf"'
