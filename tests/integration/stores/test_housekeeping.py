"""`manage.py stores`: list, verify, quarantine, purge; how many bytes of what."""

from __future__ import annotations

import os
import sqlite3
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts import lifecycle
from sessions_mgr import stores
from sessions_mgr.models import Session, StorePurge, StoreSnapshot
from sessions_mgr.snapshots import housekeeping, usage, vault
from sessions_mgr.snapshots.schedule import Schedule
from sessions_mgr.states import Status
from tests import linked_stores
from tests.factories import AccountFactory
from tests.integration.stores.command import JID, refused, run, tree

pytestmark = pytest.mark.django_db


def test_list_shows_the_stores_of_a_workspace_and_the_snapshots_of_an_account(account, store):
    AccountFactory()  # of another workspace
    run("snapshot", account.pk)

    [row] = run("list", "--workspace", account.workspace.name)
    [snapshot] = run("list", account.pk)

    assert (row["label"], row["device_jid"], row["snapshots"]) == ("Sales", JID, 1)
    assert len(run("list")) == 2
    assert (snapshot["reason"], snapshot["account_id"]) == ("manual", str(account.pk))
    assert "there is no workspace" in refused("list", "--workspace", "x")


def test_verify_says_what_is_not_in_order_and_changes_nothing(account, store, folders, settings):
    snapshot = vault.snapshot(account=account, folders=folders)
    assert {f["problem"] for f in run("verify", account.pk)} == {""}
    store.parent.chmod(0o755)
    vault.vault().delete(snapshot.path)
    before = tree(folders.root)

    with pytest.raises(CommandError, match="2 of 2") as raised:
        call_command("stores", "verify", "--all", stdout=(out := StringIO()))

    assert raised.value.returncode == 1
    assert "others can read" in out.getvalue() and "not in the storage" in out.getvalue()
    assert tree(folders.root) == before


def test_verify_finds_a_damaged_store_and_one_that_lost_its_credentials(account, store):
    db = sqlite3.connect(store)
    db.execute("DELETE FROM whatsmeow_device")
    db.commit()
    db.close()
    assert run("verify", account.pk)[0]["state"] == "not linked"
    Session.objects.filter(pk=account.pk).update(status=Status.CONNECTED)
    with pytest.raises(CommandError):
        run("verify", account.pk)
    store.write_bytes(b"x" * 5000)
    with pytest.raises(CommandError, match="1 of 1"):
        call_command("stores", "verify", str(account.pk), stdout=(out := StringIO()))
    assert "damaged" in out.getvalue()


def test_usage_tells_bytes_by_kind(account, store, folders):
    vault.snapshot(account=account, folders=folders)
    (store.parent / stores.LOG).write_bytes(b"x" * 10)
    (store.parent / stores.SPOOL).write_bytes(b"x" * 20)
    found = usage(folders)
    assert (found["logs"], found["spools"], found["quarantine"]) == (10, 20, 0)
    assert found["stores"] >= store.stat().st_size
    assert found["snapshots"] == StoreSnapshot.objects.get().size
    folders.quarantine(account.workspace_id, account.pk, "logged_out")
    assert usage(folders)["quarantine"] > 0


def test_what_was_set_aside_can_be_put_back_from_the_copy_when_the_store_lost_it(
    account, store, folders
):
    stores.keep_copy(store.parent)
    db = sqlite3.connect(store)
    db.execute("DELETE FROM whatsmeow_device")
    db.commit()
    db.close()
    aside = folders.quarantine(account.workspace_id, account.pk, "logged_out")

    [row] = run("quarantine", "list")
    done = run("quarantine", "restore", row["name"])

    assert (row["account_id"], row["reason"]) == (str(account.pk), "logged_out")
    assert done["device_jid"] == JID
    assert stores.has_credentials(store.parent)
    assert aside.exists()


@pytest.mark.parametrize("name", ["../x", "..", "", "x/y", "20260101T000000-nobody-x"])
def test_only_names_in_the_quarantine_are_put_back(name):
    assert refused("quarantine", "restore", name)


def test_a_quarantined_folder_that_was_renamed_to_another_account_is_refused(
    account, store, folders
):
    other = AccountFactory()
    aside = folders.quarantine(account.workspace_id, account.pk, "logged_out")
    renamed = aside.rename(aside.with_name(aside.name.replace(str(account.pk), str(other.pk))))
    assert "does not say" in refused("quarantine", "restore", renamed.name)


def test_purge_removes_what_is_old_and_belongs_to_nobody(account, store, folders):
    stores.keep_copy(store.parent)
    gone = AccountFactory.build()
    linked_stores.link(gone, folders)
    pending = AccountFactory()
    waiting = linked_stores.link(pending, folders)
    StorePurge.objects.create(account_id=pending.pk, workspace_id=pending.workspace_id)
    type(account).objects.filter(pk=pending.pk).update(deleted_at=pending.created_at)
    aside_of = AccountFactory()
    linked_stores.link(aside_of, folders)
    folders.quarantine(aside_of.workspace_id, aside_of.pk, "logged_out")

    assert run("purge") == []  # nothing is 30 days old
    before = tree(folders.root)
    would = run("purge", "--older-than", "0", "--dry-run")
    assert tree(folders.root) == before
    did = run("purge", "--older-than", "0")

    assert sorted(r["kind"] for r in did) == ["copy", "orphaned", "quarantined"]
    assert [r["path"] for r in did] == [r["path"] for r in would]
    assert all(r["bytes"] > 0 for r in did)
    assert store.exists() and waiting.exists()
    assert not folders.exists(gone.workspace_id, gone.pk)
    assert list(folders.quarantined()) == []


def test_purge_leaves_what_a_worker_holds(account, store, folders):
    stores.keep_copy(store.parent)
    held = stores.hold(store.parent, "worker")
    assert run("purge", "--older-than", "0") == []
    os.close(held)
    assert len(run("purge", "--older-than", "0")) == 1


def test_the_node_purges_the_old_part_of_the_quarantine(account, store, folders, settings):
    aside = folders.quarantine(account.workspace_id, account.pk, "logged_out")
    old = aside.rename(aside.with_name("20200101" + aside.name[8:]))
    linked_stores.link(account, folders)
    new = folders.quarantine(account.workspace_id, account.pk, "logged_out")

    assert housekeeping.purge_quarantine(folders=folders) == 1
    assert not old.exists() and new.exists()


def test_what_was_set_aside_of_a_deleted_workspace_goes_with_it(account, store, folders):
    mine = folders.quarantine(account.workspace_id, account.pk, "logged_out")
    (mine.with_name(f"{mine.name}-without-note")).mkdir()
    other = AccountFactory()
    folder = folders.create(other.workspace_id, other.pk)
    (folder / stores.STORE).write_bytes(b"x")
    kept = folders.quarantine(other.workspace_id, other.pk, "logged_out")
    schedule = Schedule(node="here", folders=folders)
    schedule.turn()
    assert mine.exists()

    lifecycle.delete(workspace=account.workspace, actor="test")
    schedule.turn()

    assert not mine.exists()
    assert len(list(folders.quarantined())) == 2
    assert kept.exists()
