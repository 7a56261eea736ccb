"""Taking snapshots, by command and by schedule; sealing them with a new key."""

from __future__ import annotations

import os
import sqlite3
import threading
import time

import pytest
from django.core.management import CommandError, call_command

from sessions_mgr import stores
from sessions_mgr.models import StoreSnapshot
from sessions_mgr.snapshots import databases, schedule, vault
from tests import linked_stores
from tests.factories import AccountFactory
from tests.integration.stores.command import JID, KEY, NEW_KEY, bytes_of, refused, run

pytestmark = pytest.mark.django_db


def test_a_snapshot_has_a_row_and_its_object_tells_nothing(account, store):
    [row] = run("snapshot", account.pk)

    kept = StoreSnapshot.objects.get(pk=row["id"])
    assert (kept.account, kept.reason, kept.device_jid) == (account, "manual", JID)
    assert kept.path.startswith(f"{account.workspace_id}/{account.pk}/")
    sealed = bytes_of(kept)
    assert kept.size == len(sealed)
    assert b"SQLite" not in sealed and b"15550001" not in sealed


def test_a_snapshot_while_somebody_writes_is_one_consistent_state(account, store, folders):
    stop = threading.Event()

    def write():
        db = sqlite3.connect(store, timeout=5)
        number = 10
        while not stop.is_set():  # two rows per transaction: never one without the other
            db.execute("INSERT INTO whatsmeow_pre_keys VALUES (?, ?, ?, 1)", (JID, number, KEY))
            db.execute("INSERT INTO whatsmeow_lid_map VALUES (?, ?)", (f"7{number}", str(number)))
            db.commit()
            number += 1
        db.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        ids = [run("snapshot", account.pk)[0]["id"] for _ in range(5)]
    finally:
        stop.set()
        writer.join()

    counts = []
    for pk in ids:
        with databases.staging(folders.root) as work:
            found, _ = vault.fetch(snapshot=StoreSnapshot.objects.get(pk=pk), work=work)
            [(keys,)] = linked_stores.rows(found, "SELECT COUNT(*) FROM whatsmeow_pre_keys")
            [(people,)] = linked_stores.rows(found, "SELECT COUNT(*) FROM whatsmeow_lid_map")
            assert keys == people
            counts.append(keys)
    assert counts == sorted(counts) and counts[-1] > counts[0]


def test_an_account_that_is_not_linked_has_nothing_to_save(account, folders):
    assert "no store on this machine" in refused("snapshot", account.pk)
    linked_stores.write(
        folders.create(account.workspace_id, account.pk) / stores.STORE,
    )
    assert "not linked" in refused("snapshot", account.pk)
    assert run("snapshot", "--all") == []


def test_only_the_newest_of_each_reason_are_kept(account, store, settings, folders):
    settings.SNAPSHOT_KEEP = 2
    vault.snapshot(account=account, folders=folders, reason="scheduled")
    ids = [run("snapshot", account.pk)[0]["id"] for _ in range(4)]

    kept = StoreSnapshot.objects.filter(reason="manual").values_list("pk", flat=True)
    assert sorted(kept) == ids[-2:]
    assert StoreSnapshot.objects.filter(reason="scheduled").count() == 1
    _, files = vault.vault().listdir(f"{account.workspace_id}/{account.pk}")
    assert len(files) == 3


def test_snapshots_of_a_deleted_account_go(account, store, folders):
    snapshot = vault.snapshot(account=account, folders=folders)
    type(account).objects.filter(pk=account.pk).update(deleted_at=snapshot.at)

    assert vault.forget_deleted() == 1
    assert not vault.vault().exists(snapshot.path)


def test_the_folder_of_the_file_system_storage_is_private(account, store, settings, tmp_path):
    place = tmp_path / "snapshots"
    settings.STORAGES = {
        **settings.STORAGES,
        "snapshots": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {
                "location": str(place),
                "file_permissions_mode": 0o600,
                "directory_permissions_mode": 0o700,
            },
        },
    }
    run("snapshot", account.pk)

    modes = {p: p.stat().st_mode & 0o777 for p in (place, *place.rglob("*"))}
    assert len(modes) == 4
    assert {m for p, m in modes.items() if p.is_dir()} == {0o700}
    assert {m for p, m in modes.items() if p.is_file()} == {0o600}


def test_rotation_seals_everything_with_the_first_key(account, store, settings, folders):
    old = vault.snapshot(account=account, folders=folders)
    old_path = old.path
    settings.STORE_KEYS = [NEW_KEY, KEY]
    vault.snapshot(account=account, folders=folders)

    assert run("rotate-keys") == {"sealed": 1, "current": 1, "unreadable": []}

    settings.STORE_KEYS = [NEW_KEY]
    old.refresh_from_db()
    assert old.path != old_path and not vault.vault().exists(old_path)
    assert run("restore", account.pk, "--snapshot", old.pk)["device_jid"] == JID
    assert run("rotate-keys")["sealed"] == 0


def test_rotation_names_what_it_cannot_open_and_leaves_it(account, store, settings, folders):
    snapshot = vault.snapshot(account=account, folders=folders)
    settings.STORE_KEYS = [NEW_KEY]
    with pytest.raises(CommandError, match=f"snapshot {snapshot.pk} cannot") as raised:
        run("rotate-keys")
    assert raised.value.returncode == 1
    assert vault.vault().exists(snapshot.path)


def test_the_schedule_saves_what_changed_and_then_rests(account, store, folders, settings):
    AccountFactory(workspace=account.workspace)  # never linked
    elsewhere = AccountFactory(session__node="another-node")
    linked_stores.link(elsewhere, folders)
    clock = [time.time() + 120]
    made = schedule.Schedule(node="here", folders=folders, clock=lambda: clock[0])

    assert [made.turn(), made.turn()] == [1, 0]
    clock[0] += settings.SNAPSHOT_INTERVAL
    assert made.turn() == 0  # nothing has changed
    os.utime(store, (clock[0], clock[0]))
    assert made.turn() == 1
    assert set(StoreSnapshot.objects.values_list("account", "reason")) == {
        (account.pk, "scheduled")
    }


def test_the_schedule_outlives_a_damaged_store(account, store, folders):
    store.write_bytes(store.read_bytes()[:4096] + b"\xff" * 9000)
    other = AccountFactory()
    linked_stores.link(other, folders)
    made = schedule.Schedule(node="here", folders=folders, clock=lambda: time.time() + 120)
    assert made.turn() == 1
    assert StoreSnapshot.objects.get().account == other


def test_the_tables_for_people(account, store, capsys):
    call_command("stores", "snapshot", str(account.pk))
    call_command("stores", "restore", str(account.pk), "--dry-run")
    call_command("stores", "purge", "--dry-run")
    said = capsys.readouterr().out
    assert "KiB" in said and "nothing was changed" in said and "0 B would be removed" in said
