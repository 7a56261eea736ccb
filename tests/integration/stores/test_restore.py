"""Putting a snapshot back: checked first, the old one saved, or nothing is touched."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time

import pytest

from accounts.models import AuditEntry
from sessions_mgr import stores
from sessions_mgr.models import Session, StoreSnapshot
from sessions_mgr.snapshots import restoring, vault
from sessions_mgr.snapshots.errors import StoreError
from sessions_mgr.states import Desired, Status
from tests import linked_stores
from tests.factories import AccountFactory
from tests.integration.stores.command import (
    JID,
    NEW_KEY,
    bytes_of,
    refused,
    replace_object,
    run,
    tree,
)

pytestmark = pytest.mark.django_db


def test_a_corrupt_store_is_set_aside_and_replaced(account, store, folders):
    run("snapshot", account.pk)
    store.write_bytes(b"not a database" * 900)

    done = run("restore", account.pk)

    assert (done["device_jid"], done["saved_as"]) == (JID, None)
    assert stores.has_credentials(store.parent)
    assert store.stat().st_mode & 0o777 == 0o600
    [aside] = folders.quarantined()
    assert aside.name.endswith("replaced_by_restore")
    entry = AuditEntry.objects.get(action="account.store_restored")
    assert (entry.target, entry.actor) == (str(account.pk), "command:stores")


def test_a_sound_store_is_saved_before_it_is_replaced_and_its_log_is_not_replayed(account, store):
    [first] = run("snapshot", account.pk)
    db = sqlite3.connect(store)  # stays open: its last writes are in the -wal only
    db.execute("UPDATE whatsmeow_device SET push_name = 'later'")
    db.commit()
    shutil.copyfile(store, store.parent / "keep")
    shutil.copyfile(f"{store}-wal", store.parent / "keep-wal")
    db.close()
    (store.parent / "keep").replace(store)
    (store.parent / "keep-wal").replace(f"{store}-wal")

    done = run("restore", account.pk, "--snapshot", first["id"])

    name = "SELECT push_name FROM whatsmeow_device"
    assert linked_stores.rows(store, name) == [("",)]
    saved = StoreSnapshot.objects.get(pk=done["saved_as"])
    assert saved.reason == "before_restore"
    run("restore", account.pk, "--snapshot", saved.pk)
    assert linked_stores.rows(store, name) == [("later",)]


def test_a_store_that_is_gone_comes_back(account, store, folders):
    run("snapshot", account.pk)
    shutil.rmtree(store.parent)
    run("restore", account.pk)
    assert stores.has_credentials(store.parent)
    assert store.parent.stat().st_mode & 0o777 == 0o700


def test_a_dry_run_changes_nothing(account, store, folders):
    run("snapshot", account.pk)
    before = tree(folders.root)
    done = run("restore", account.pk, "--dry-run")
    assert done["dry_run"] and done["device_jid"] == JID
    assert tree(folders.root) == before
    assert StoreSnapshot.objects.count() == 1
    assert not AuditEntry.objects.filter(action="account.store_restored").exists()


def test_a_connected_account_is_left_alone_unless_forced(account, store):
    run("snapshot", account.pk)
    Session.objects.filter(pk=account.pk).update(
        desired=Desired.CONNECTED, status=Status.CONNECTED, epoch=4
    )
    assert "disconnect it first" in refused("restore", account.pk)
    assert Session.objects.get(pk=account.pk).epoch == 4
    assert run("restore", account.pk, "--force", "--dry-run")["disconnected"]
    assert Session.objects.get(pk=account.pk).status == Status.CONNECTED

    assert run("restore", account.pk, "--force")["disconnected"]

    session = Session.objects.get(pk=account.pk)
    assert (session.desired, session.status) == (Desired.DISCONNECTED, Status.DISCONNECTED)


def test_an_account_whose_link_is_being_ended_is_left_alone(account, store):
    run("snapshot", account.pk)
    Session.objects.filter(pk=account.pk).update(unlink_pending=True)
    assert "being ended" in refused("restore", account.pk, "--force")


def test_restore_waits_for_the_worker_to_let_go(account, store):
    run("snapshot", account.pk)
    held = stores.hold(store.parent, '{"pid": 1}')
    timer = threading.Timer(0.5, os.close, [held])
    began = time.monotonic()
    timer.start()
    run("restore", account.pk)
    assert time.monotonic() - began >= 0.4


def test_a_worker_that_never_lets_go_stops_the_restore_and_nothing_was_replaced(
    account, store, folders
):
    run("snapshot", account.pk)
    before = store.read_bytes()
    held = stores.hold(store.parent, '{"pid": 77}')
    with pytest.raises(StoreError, match=r"77.*nothing was replaced"):
        restoring.restore(account=account, folders=folders, patience=0.2)
    os.close(held)
    assert store.read_bytes() == before


def test_a_snapshot_of_another_account_is_refused_whatever_the_row_says(account, store, folders):
    other = AccountFactory(workspace=account.workspace)
    linked_stores.link(other, folders, "15550002:1@s.whatsapp.net")
    theirs = vault.snapshot(account=other, folders=folders)
    mine = vault.snapshot(account=account, folders=folders)
    before = store.read_bytes()

    assert "of another account" in refused("restore", account.pk, "--snapshot", theirs.pk)
    StoreSnapshot.objects.filter(pk=theirs.pk).update(account=account)
    assert "its path is not of" in refused("restore", account.pk, "--snapshot", theirs.pk)
    replace_object(mine, bytes_of(theirs))
    assert "belongs to another account" in refused("restore", account.pk, "--snapshot", mine.pk)
    assert store.read_bytes() == before


def test_an_older_snapshot_under_a_newer_ones_name_is_refused(account, store, folders):
    old = vault.snapshot(account=account, folders=folders)
    db = sqlite3.connect(store)
    db.execute("UPDATE whatsmeow_device SET push_name = 'later'")
    db.commit()
    db.close()
    new = vault.snapshot(account=account, folders=folders)
    replace_object(new, bytes_of(old))
    assert "another one was put in its place" in refused("restore", account.pk)


@pytest.mark.parametrize("at", [0, 10, 25, 200, -1])
def test_a_changed_snapshot_is_refused(account, store, folders, at):
    snapshot = vault.snapshot(account=account, folders=folders)
    sealed = bytearray(bytes_of(snapshot))
    sealed[at] ^= 1
    replace_object(snapshot, bytes(sealed))
    before = store.read_bytes()
    assert f"snapshot {snapshot.pk} cannot be opened" in refused("restore", account.pk)
    assert store.read_bytes() == before


def test_a_snapshot_that_is_gone_is_named(account, store, folders):
    snapshot = vault.snapshot(account=account, folders=folders)
    vault.vault().delete(snapshot.path)
    assert "not in the storage any more" in refused("restore", account.pk)


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "{own}../../x", "{own}a/../b"])
def test_a_path_that_leads_elsewhere_is_refused(account, store, folders, path):
    snapshot = vault.snapshot(account=account, folders=folders)
    own = f"{account.workspace_id}/{account.pk}/"
    StoreSnapshot.objects.filter(pk=snapshot.pk).update(path=path.format(own=own))
    assert "its path is not of account" in refused("restore", account.pk)


@pytest.mark.parametrize("text", ["../../etc", "", "1", "'; --"])
def test_only_the_id_of_an_account_names_one(text):
    assert "is not the id of an account" in refused("restore", text)


def test_a_wrong_key_is_said_clearly(account, store, settings):
    run("snapshot", account.pk)
    settings.STORE_KEYS = [NEW_KEY]
    assert "which is not among STORE_KEYS" in refused("restore", account.pk)
