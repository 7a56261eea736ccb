"""`manage.py stores import`: a number of another program that uses whatsmeow moves in."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import WhatsAppAccount
from sessions_mgr import stores
from sessions_mgr.snapshots import databases, importing
from sessions_mgr.stores import Stores
from tests import linked_stores
from tests.factories import AccountFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db

ANN, BOB = "15550001:1@s.whatsapp.net", "15550002:7@s.whatsapp.net"


@pytest.fixture
def folders(settings, tmp_path):
    settings.SESSIONS_ROOT = tmp_path / "sessions"
    return Stores(settings.SESSIONS_ROOT)


@pytest.fixture
def foreign(tmp_path):
    (tmp_path / "other program").mkdir()
    return linked_stores.write(tmp_path / "other program" / "whatsapp.db", ANN)


def run(file, workspace, *more):
    out = StringIO()
    call_command(
        "stores", "import", str(file), "--workspace", workspace.name, "--label", "Moved in",
        *more, "--json", stdout=out,
    )  # fmt: skip
    return json.loads(out.getvalue())


def refused(file, workspace, *more) -> str:
    accounts = WhatsAppAccount.objects.count()
    with pytest.raises(CommandError) as raised:
        run(file, workspace, *more)
    assert raised.value.returncode == 2
    assert WhatsAppAccount.objects.count() == accounts
    return str(raised.value)


def change(file, *statements):
    db = sqlite3.connect(file)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


def store_of(folders, workspace, made):
    return folders.root / str(workspace.pk) / made["account_id"] / stores.STORE


def test_an_imported_number_has_an_account_and_credentials(foreign, workspace, folders):
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in foreign.parent.iterdir()}

    made = run(foreign, workspace)

    account = WhatsAppAccount.objects.get(pk=made["account_id"])
    assert (account.label, account.workspace, account.phone_number) == ("Moved in", workspace, None)
    assert (made["phone_number"], made["rows"]) == ("+15550001", 4)
    store = store_of(folders, workspace, made)
    assert databases.inspect(store).device_jids == (ANN,)
    assert (store.stat().st_mode & 0o777, store.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    after = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in foreign.parent.iterdir()}
    assert after == before


def test_what_is_only_in_the_sources_log_comes_along(foreign, workspace, folders):
    change(foreign, "PRAGMA journal_mode=WAL")
    db = sqlite3.connect(foreign)
    db.execute("UPDATE whatsmeow_device SET push_name = 'in the log'")
    db.commit()
    assert foreign.with_name(foreign.name + "-wal").stat().st_size

    made = run(foreign, workspace)

    db.close()
    query = "SELECT push_name FROM whatsmeow_device"
    assert linked_stores.rows(store_of(folders, workspace, made), query) == [("in the log",)]


def test_of_several_devices_one_is_chosen_and_only_its_rows_move(foreign, workspace, folders):
    db = sqlite3.connect(foreign)
    linked_stores.add_device(db, BOB, 2)
    db.commit()
    db.close()

    assert "choose one with --jid" in refused(foreign, workspace)
    assert "there is no device" in refused(foreign, workspace, "--jid", "1:1@s.whatsapp.net")
    made = run(foreign, workspace, "--jid", BOB)

    store = store_of(folders, workspace, made)
    assert databases.inspect(store).device_jids == (BOB,)
    assert linked_stores.rows(store, "SELECT our_jid FROM whatsmeow_sessions") == [(BOB,)]
    assert linked_stores.rows(store, "SELECT jid FROM whatsmeow_pre_keys") == [(BOB,)]
    assert linked_stores.rows(store, "SELECT pn FROM whatsmeow_lid_map") == [("420001",)]
    assert b"15550001" not in store.read_bytes()


def test_tables_of_an_older_version_become_ours(foreign, workspace, folders):
    """As whatsmeow 6 left them: no LIDs, no buffers, no word on compatibility."""
    change(
        foreign,
        "PRAGMA foreign_keys=OFF",
        *(
            f"DROP TABLE whatsmeow_{name}"
            for name in ("lid_map", "event_buffer", "retry_buffer", "nct_salt")
        ),
        *(
            f"ALTER TABLE whatsmeow_device DROP COLUMN {name}"
            for name in ("lid", "lid_migration_ts", "companion_meta_nonce")
        ),
        "DROP TABLE whatsmeow_version",
        "CREATE TABLE whatsmeow_version (version INTEGER)",
        "INSERT INTO whatsmeow_version VALUES (6)",
    )

    store = store_of(folders, workspace, run(foreign, workspace))

    assert databases.inspect(store).schema_version == 15
    assert linked_stores.rows(store, "SELECT lid, lid_migration_ts FROM whatsmeow_device") == [
        (None, 0)
    ]


def test_tables_of_other_programs_stay_behind(foreign, workspace, folders):
    change(foreign, "CREATE TABLE chats (text)", "CREATE TABLE whatsmeow_extra (our_jid, x)")
    store = store_of(folders, workspace, run(foreign, workspace))
    names = [n for (n,) in linked_stores.rows(store, "SELECT name FROM sqlite_master")]
    assert "whatsmeow_device" in names
    assert not {"chats", "whatsmeow_extra"} & set(names)


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        (["UPDATE whatsmeow_version SET version = 20, compat = 18"], "need version 18"),
        (["UPDATE whatsmeow_version SET version = 4"], "have version 4"),
        (["DELETE FROM whatsmeow_device"], "holds no device"),
        (["DROP TABLE whatsmeow_device"], "not a store of whatsmeow"),
        (["UPDATE whatsmeow_device SET jid = '../../etc/passwd'"], "not a linked device"),
        (
            ["PRAGMA ignore_check_constraints=ON", "UPDATE whatsmeow_device SET noise_key = x'00'"],
            "not valid|damaged",
        ),
    ],
)
def test_what_our_engine_could_not_use_is_refused(
    foreign, workspace, folders, statements, sentence
):
    change(foreign, *statements)
    assert re.search(sentence, refused(foreign, workspace))


def test_a_newer_version_that_is_compatible_is_taken(foreign, workspace, folders):
    change(foreign, "UPDATE whatsmeow_version SET version = 20, compat = 8")
    store = store_of(folders, workspace, run(foreign, workspace))
    assert databases.inspect(store).schema_version == 15


@pytest.mark.parametrize("content", [b"", b"not a database" * 500, b"SQLite format 3\0" + b"x" * 9])
def test_a_file_that_is_no_store_is_refused(tmp_path, workspace, folders, content):
    file = tmp_path / "file"
    file.write_bytes(content)
    assert refused(file, workspace)
    assert refused(tmp_path, workspace).endswith("is not a file")
    assert refused(tmp_path / "nothing", workspace).endswith("is not a file")


def test_a_file_that_changes_meanwhile_is_in_use(foreign, workspace, folders, monkeypatch):
    real = importing.shutil.copyfile

    def copy_and_touch(source, target):
        real(source, target)
        os.utime(source, ns=(1, 1))

    monkeypatch.setattr(importing.shutil, "copyfile", copy_and_touch)
    assert "in use" in refused(foreign, workspace)


def test_a_phone_that_the_workspace_has_is_refused_by_the_other_accounts_name(
    foreign, workspace, folders
):
    AccountFactory(workspace=workspace, label="Desk", connected=True, phone_number="+15550001")
    assert "belongs to 'Desk'" in refused(foreign, workspace)
    assert run(foreign, WorkspaceFactory())["phone_number"] == "+15550001"


def test_a_disconnected_account_with_credentials_for_the_phone_counts_too(
    foreign, workspace, folders
):
    run(foreign, workspace)
    assert "belongs to 'Moved in'" in refused(foreign, workspace)


def test_a_dry_run_makes_nothing(foreign, workspace, folders):
    made = run(foreign, workspace, "--dry-run")
    assert (made["account_id"], made["device_jid"]) == (None, ANN)
    assert WhatsAppAccount.objects.count() == 0
    assert not list(folders.root.rglob("*.db"))


def test_a_folder_that_cannot_be_written_leaves_no_account(
    foreign, workspace, folders, monkeypatch
):
    def fail(*_):
        raise OSError(28, "No space left on device", "store.db")

    monkeypatch.setattr(databases, "put_in_place", fail)
    assert "No space left" in refused(foreign, workspace)
    assert not list((folders.root / str(workspace.pk)).glob("*"))


@pytest.mark.parametrize("label", ["", "  ", "x" * 121])
def test_a_label_is_needed(foreign, workspace, folders, label):
    assert "--label" in refused(foreign, workspace, "--label", label)
