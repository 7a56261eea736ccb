"""`manage.py stores` as a test calls it, and looks at what it has done."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command

from sessions_mgr.snapshots import vault

JID = "15550001:1@s.whatsapp.net"
KEY, NEW_KEY = bytes(range(32)), bytes(range(1, 33))


def run(*arguments):
    out = StringIO()
    call_command("stores", *map(str, arguments), "--json", stdout=out)
    return json.loads(out.getvalue())


def refused(*arguments) -> str:
    with pytest.raises(CommandError) as raised:
        call_command("stores", *map(str, arguments), stdout=StringIO())
    assert raised.value.returncode == 2
    assert "\n" not in str(raised.value)
    return str(raised.value)


def tree(root: Path):
    return {
        str(p.relative_to(root)): p.read_bytes()
        for p in sorted(root.rglob("*"))
        if p.is_file() and not p.name.endswith(("-shm", "-wal"))
    }


def replace_object(snapshot, data):
    vault.vault().delete(snapshot.path)
    vault.vault().save(snapshot.path, ContentFile(data))


def bytes_of(snapshot) -> bytes:
    with vault.vault().open(snapshot.path) as file:
        return file.read()
