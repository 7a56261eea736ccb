"""File names and content types of strangers become safe ones, on every system the same."""

from __future__ import annotations

import mimetypes
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.media import extensions
from messaging.media.names import MOST_BYTES, MOST_CHARACTERS, clean, plain_type

TYPES = st.sampled_from(
    [*extensions.BY_TYPE, "text/plain", "application/octet-stream", "application/x-unheard-of"]
)
NASTY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from('./\\:;*?"<>|%\0\r\n\t \u202e\u2066\u200f\u200d\ufeff\u0301👩🏽💻'),
    ),
    max_size=400,
)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("audio/ogg; codecs=opus", "audio/ogg"),
        ("AUDIO/OGG;codecs=opus", "audio/ogg"),
        ("  image/jpeg ", "image/jpeg"),
        ("", "application/octet-stream"),
        ("image", "application/octet-stream"),
        ("text/html\r\nSet-Cookie: a=b", "application/octet-stream"),
        ("a/" + "b" * 500, "application/octet-stream"),
        ("image/svg+xml", "image/svg+xml"),
    ],
)
def test_a_content_type_has_no_parameters_and_is_one(text, plain):
    assert plain_type(text) == plain


def test_seed_003_mime_parameters_never_reach_a_file_name():
    """Seed 003: voice notes were saved as "….ogg; codecs=opus" and answered 404."""
    mime_type = plain_type("audio/ogg; codecs=opus")

    assert clean("1761-AC3B.ogg; codecs=opus", mime_type) == "1761-AC3B.ogg"
    assert clean("voice; codecs=opus.ogg", mime_type) == "voice.ogg"
    assert clean("a;b.ogg", mime_type) == "a_b.ogg"
    assert clean("", mime_type, fallback="voice") == "voice.ogg"


def test_seed_003_extensions_do_not_come_from_the_operating_system(monkeypatch):
    """Seed 003: Alpine has no MIME database, so the same file had another name there."""
    monkeypatch.setattr(mimetypes, "guess_extension", lambda *_: pytest.fail("asked the system"))
    monkeypatch.setattr(mimetypes, "guess_type", lambda *_: pytest.fail("asked the system"))

    wanted = {
        "audio/ogg": "ogg",
        "image/jpeg": "jpg",
        "video/mp4": "mp4",
        "application/pdf": "pdf",
        "audio/mpeg": "mp3",
        "text/plain": "txt",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    }
    assert {kind: clean("", kind) for kind in wanted} == {
        kind: f"file.{extension}" for kind, extension in wanted.items()
    }


@pytest.mark.parametrize(
    ("name", "mime_type", "cleaned"),
    [
        pytest.param("Invoice 12.pdf", "application/pdf", "Invoice 12.pdf", id="a good one stays"),
        pytest.param("../../etc/passwd", "text/plain", "_.._etc_passwd.txt", id="a path"),
        pytest.param("C:\\temp\\a.pdf", "application/pdf", "C__temp_a.pdf", id="a Windows path"),
        pytest.param("gpj.\u202eexe.pdf", "application/pdf", "gpj.exe.pdf", id="right to left"),
        pytest.param("a\0b\r\nc.pdf", "application/pdf", "abc.pdf", id="control characters"),
        pytest.param("con.pdf", "application/pdf", "_con.pdf", id="a device of Windows"),
        pytest.param("COM1.tar.pdf", "application/pdf", "_COM1.tar.pdf", id="a device with dots"),
        pytest.param("end... ", "application/pdf", "end.pdf", id="trailing dots"),
        pytest.param("...", "application/pdf", "file.pdf", id="only dots"),
        pytest.param("photo.exe", "image/jpeg", "photo.exe.jpg", id="an extension that lies"),
        pytest.param("photo.JPEG", "image/jpeg", "photo.JPEG", id="another extension of the type"),
        pytest.param("main.py", "text/plain", "main.py", id="text has any extension"),
        pytest.param("👩🏽‍💻 ünï.pdf", "application/pdf", "👩🏽‍💻 ünï.pdf", id="emoji and letters"),
        pytest.param("u\u0308.pdf", "application/pdf", "ü.pdf", id="composed"),
    ],
)
def test_clean(name, mime_type, cleaned):
    assert clean(name, mime_type) == cleaned


@given(NASTY, TYPES)
def test_a_cleaned_name_is_safe_everywhere(text, mime_type):
    name = clean(text, mime_type)

    assert 3 <= len(name) <= MOST_CHARACTERS
    assert len(name.encode()) <= MOST_BYTES
    assert not re.search(r'[\\/:*?"<>|;%]', name)
    assert not any(
        unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in name if c != "\u200d"
    )
    assert name.strip(" .") == name
    assert re.fullmatch(r".+\.[A-Za-z0-9]{1,10}", name)
    assert name.partition(".")[0].strip().lower() not in ("con", "prn", "aux", "nul", "com1")


@given(NASTY, TYPES)
def test_cleaning_a_clean_name_changes_nothing(text, mime_type):
    name = clean(text, mime_type)

    assert clean(name, mime_type) == name


@given(st.text(max_size=100))
def test_any_text_gives_a_content_type_that_fits_into_a_header(text):
    assert re.fullmatch(r"[a-z0-9!#$&^_.+/-]{3,120}", plain_type(text))
