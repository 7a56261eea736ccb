import sqlite3

import pytest

from sessions_mgr.worker.spool import Spool


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "spool.db")
    yield spool
    spool.close()


def test_facts_come_out_in_the_order_they_went_in(spool):
    for n in range(5):
        spool.append({"n": n})
    assert [b'"n":%d' % n in fact.body for n, fact in enumerate(spool.oldest(10))] == [True] * 5


def test_every_fact_gets_an_id_of_its_own_that_its_body_carries(spool):
    body = {"kind": "connected"}
    first, second = spool.append(body), spool.append({})
    assert first != second
    assert body["id"] == first == spool.oldest(1)[0].id


def test_a_deleted_fact_is_gone_and_the_others_stay(spool):
    for n in range(3):
        spool.append({"n": n})
    first, *rest = spool.oldest(3)
    spool.delete([first.seq])
    assert spool.oldest(3) == rest
    assert len(spool) == 2


def test_what_was_appended_survives_the_process_that_never_closed_it(tmp_path):
    abandoned = Spool(tmp_path / "spool.db")
    fact_id = abandoned.append({"text": "héllo"})
    heir = Spool(tmp_path / "spool.db")
    assert [fact.id for fact in heir.oldest(5)] == [fact_id]
    abandoned.close()
    heir.close()


def test_a_fact_that_the_stream_refuses_makes_way_and_is_kept(spool, tmp_path):
    spool.append({"too": "large"})
    spool.append({"n": 1})
    spool.refuse(spool.oldest(1)[0], "larger than the bus allows")
    assert len(spool) == 1
    db = sqlite3.connect(tmp_path / "spool.db")
    assert db.execute("SELECT why FROM refused").fetchall() == [("larger than the bus allows",)]
    db.close()


def test_appending_is_as_durable_as_sqlite_can_be(spool):
    assert spool._in.execute("PRAGMA synchronous").fetchone() == (2,)
    assert spool._in.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_damaged_spool_is_set_aside_and_a_new_one_begun(tmp_path, caplog):
    (tmp_path / "spool.db").write_bytes(b"not a database at all" * 100)
    spool = Spool(tmp_path / "spool.db")
    spool.append({})
    assert len(spool) == 1
    spool.close()
    assert [p.name for p in tmp_path.glob("spool.db.damaged-*")]
    assert "spool damaged" in caplog.text


def test_a_fact_that_cannot_be_stored_raises(spool):
    spool._in.execute("PRAGMA query_only=ON")
    with pytest.raises(sqlite3.OperationalError):
        spool.append({})
