import os
import sqlite3
from uuid import UUID

import pytest

from sessions_mgr import stores
from sessions_mgr.stores import StoreDamaged, StoreLocked, Stores, UnsafePath

W, A = UUID(int=1), UUID(int=2)


@pytest.fixture
def folders(tmp_path):
    return Stores(tmp_path / "sessions")


def log_in(folder):
    """Write what whatsmeow leaves behind after a pairing."""
    db = sqlite3.connect(folder / stores.STORE)
    db.execute("CREATE TABLE IF NOT EXISTS whatsmeow_device (jid TEXT)")
    db.execute("INSERT INTO whatsmeow_device VALUES ('15550001:1@s.whatsapp.net')")
    db.commit()
    db.close()


def test_a_folder_is_for_our_eyes_only_at_every_level(folders):
    folder = folders.create(W, A)
    assert [p.stat().st_mode & 0o777 for p in (folder, folder.parent, folders.root)] == [0o700] * 3


def test_a_folder_that_others_could_read_is_closed_again(folders):
    folders.create(W, A).chmod(0o755)
    assert folders.create(W, A).stat().st_mode & 0o777 == 0o700


def test_a_folder_that_was_deleted_is_made_again(folders):
    folders.create(W, A).rmdir()
    assert folders.create(W, A).is_dir()


@pytest.mark.parametrize("name", ["../../etc", "a/b", "..", "", str(A)])
def test_only_uuids_make_a_path(folders, name):
    with pytest.raises(UnsafePath):
        folders.folder(W, name)


@pytest.mark.parametrize("link", ["account", "workspace"])
def test_a_symbolic_link_is_refused(folders, tmp_path, link):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder = folders.root / str(W) / str(A)
    place = folder if link == "account" else folder.parent
    place.parent.mkdir(parents=True)
    place.symlink_to(elsewhere)
    with pytest.raises(UnsafePath):
        folders.create(W, A)
    with pytest.raises(UnsafePath):
        folders.purge(W, A)


def test_credentials_are_there_only_after_a_pairing(folders):
    folder = folders.create(W, A)
    assert not folders.has_credentials(W, A)
    sqlite3.connect(folder / stores.STORE).close()
    assert not folders.has_credentials(W, A)
    log_in(folder)
    assert folders.has_credentials(W, A)


def test_quarantine_keeps_the_credentials_and_leaves_the_spool(folders):
    folder = folders.create(W, A)
    log_in(folder)
    stores.keep_copy(folder)
    (folder / stores.SPOOL).write_text("facts")

    aside = folders.quarantine(W, A, "logged_out")

    assert {p.name for p in aside.iterdir()} == {stores.STORE, stores.COPY, "meta.json"}
    assert aside.parent.stat().st_mode & 0o777 == 0o700
    assert [p.name for p in folder.iterdir()] == [stores.SPOOL]
    assert list(folders.quarantined()) == [aside]


def test_two_quarantines_in_a_second_keep_both(folders):
    for _ in range(2):
        log_in(folders.create(W, A))
        folders.quarantine(W, A, "store_corrupt")
    assert len(list(folders.quarantined())) == 2


def test_quarantine_of_nothing_is_nothing(folders):
    folders.create(W, A)
    assert folders.quarantine(W, A, "logged_out") is None


@pytest.mark.parametrize("reason", ["../x", "", "A b", "x" * 41])
def test_a_reason_cannot_be_a_path(folders, reason):
    with pytest.raises(UnsafePath):
        folders.quarantine(W, A, reason)


def test_purge_removes_everything_and_twice_is_once(folders):
    log_in(folders.create(W, A))
    folders.purge(W, A)
    folders.purge(W, A)
    assert not folders.exists(W, A)
    assert not (folders.root / str(W)).exists()


def test_forgetting_credentials_leaves_what_still_has_to_be_told(folders):
    folder = folders.create(W, A)
    log_in(folder)
    (folder / stores.SPOOL).write_text("facts")
    folders.forget_credentials(W, A)
    assert [p.name for p in folder.iterdir()] == [stores.SPOOL]


def test_size_counts_the_bytes_and_is_zero_without_a_folder(folders):
    assert folders.size(W, A) == 0
    (folders.create(W, A) / "x").write_bytes(b"12345")
    assert folders.size(W, A) == 5


def test_a_sound_store_passes_the_check_and_so_does_none(folders):
    folder = folders.create(W, A)
    stores.check(folder)
    log_in(folder)
    stores.check(folder)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda f: f.write_bytes(b"garbage" * 999), id="not a database"),
        pytest.param(
            lambda f: f.write_bytes(f.read_bytes()[:4096] + b"\xff" * 8192), id="pages overwritten"
        ),
    ],
)
def test_a_damaged_store_is_found(folders, damage):
    folder = folders.create(W, A)
    db = sqlite3.connect(folder / stores.STORE)
    db.execute("CREATE TABLE t (x)")
    db.executemany("INSERT INTO t VALUES (?)", [("y" * 500,)] * 200)
    db.commit()
    db.close()
    damage(folder / stores.STORE)
    with pytest.raises(StoreDamaged):
        stores.check(folder)
    assert not folders.has_credentials(W, A)


def test_the_copy_survives_a_store_that_deletes_its_own_credentials(folders):
    folder = folders.create(W, A)
    log_in(folder)
    assert stores.keep_copy(folder)
    db = sqlite3.connect(folder / stores.STORE)
    db.execute("DELETE FROM whatsmeow_device")
    db.commit()
    db.close()

    assert not stores.keep_copy(folder)

    copy = sqlite3.connect(folder / stores.COPY)
    assert copy.execute("SELECT COUNT(*) FROM whatsmeow_device").fetchone() == (1,)
    copy.close()


def test_a_folder_is_held_by_one_at_a_time_and_tells_by_whom(folders):
    folder = folders.create(W, A)
    held = stores.hold(folder, '{"pid": 42}')
    with pytest.raises(StoreLocked, match="42"):
        stores.hold(folder, "second")
    os.close(held)
    os.close(stores.hold(folder, "third"))
