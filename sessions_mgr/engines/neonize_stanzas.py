"""What our eyes need of a line of whatsmeow's log about a stanza. Its form: binary/xml.go."""

from __future__ import annotations

import re

_ID = re.compile(rb' id="([^"]*)"')
_TYPE = re.compile(rb' type="([^"]*)"')


def id_of(line: bytes) -> bytes:
    found = _ID.search(line)
    return found[1] if found else b""


def type_of(line: bytes) -> bytes:
    found = _TYPE.search(line)
    return found[1] if found else b""
