import base64
import hashlib
import stat

import pytest

from sessions_mgr.engines import base
from sessions_mgr.engines.scripted import ScriptedEngine
from sessions_mgr.worker.transfers import CHUNK_BYTES, MEMORY_BYTES, OPEN_FILES, Transfers


class Connected(ScriptedEngine):
    def health(self):
        return base.LineHealth(True, True, None)


@pytest.fixture
def transfers(tmp_path):
    engine = Connected([])
    engine.stage._logged_in = lambda: True
    return Transfers(tmp_path, engine)


def code_of(call, **args):
    with pytest.raises(base.EngineError) as refused:
        call(args)
    return refused.value.code


def b64(data):
    return base64.b64encode(data).decode()


def test_a_file_comes_in_pieces(transfers):
    data = bytes(range(256)) * 4000
    transfers.upload_begin({"upload_id": "u", "size": len(data)})
    for start in range(0, len(data), CHUNK_BYTES):
        piece = data[start : start + CHUNK_BYTES]
        received = transfers.upload_chunk({"upload_id": "u", "offset": start, "data": b64(piece)})
        assert received == {"received": start + len(piece)}
    assert transfers.uploaded("u").read_bytes() == data


def test_a_piece_that_comes_again_is_passed_over(transfers):
    transfers.upload_begin({"upload_id": "u", "size": 4})
    for _ in range(2):
        answer = transfers.upload_chunk({"upload_id": "u", "offset": 0, "data": b64(b"ab")})
        assert answer == {"received": 2}
    transfers.upload_chunk({"upload_id": "u", "offset": 2, "data": b64(b"cd")})
    assert transfers.uploaded("u").read_bytes() == b"abcd"


@pytest.mark.parametrize(
    ("offset", "data"),
    [
        pytest.param(1, b64(b"x"), id="a hole"),
        pytest.param(0, b64(b"xxxxx"), id="more than was said"),
        pytest.param(-1, b64(b"x"), id="negative"),
        pytest.param("0", b64(b"x"), id="not a number"),
        pytest.param(True, b64(b"x"), id="a truth"),
        pytest.param(0, "???", id="not base64"),
        pytest.param(0, "", id="empty"),
        pytest.param(0, b64(b"x" * (CHUNK_BYTES + 1)), id="too large"),
    ],
)
def test_a_wrong_piece_is_refused(transfers, offset, data):
    transfers.upload_begin({"upload_id": "u", "size": 4})
    code = code_of(transfers.upload_chunk, upload_id="u", offset=offset, data=data)
    assert code == "invalid_request"
    assert code_of(lambda _: transfers.uploaded("u")) == "no_such_upload"


@pytest.mark.parametrize(
    "name",
    ["", "..", "../x", "a/b", "a\\b", ".hidden", "a\0b", "x" * 65, "ü", None, 5, "-x", "a\n"],
)
def test_no_name_leads_out_of_the_folder(transfers, tmp_path, name):
    assert code_of(transfers.upload_begin, upload_id=name, size=1) == "invalid_request"
    assert code_of(transfers.download_end, media_id=name) == "invalid_request"
    assert [path.name for path in tmp_path.rglob("*")] == ["tmp"]


@pytest.mark.parametrize("size", [0, MEMORY_BYTES + 1])
def test_a_file_of_a_wrong_size_is_refused(transfers, size):
    assert code_of(transfers.upload_begin, upload_id="u", size=size) == "media_too_large"


def test_a_piece_without_a_beginning_is_refused(transfers):
    code = code_of(transfers.upload_chunk, upload_id="u", offset=0, data=b64(b"x"))
    assert code == "no_such_upload"


def test_too_many_files_at_once_are_refused(transfers):
    for number in range(OPEN_FILES):
        transfers.upload_begin({"upload_id": f"u{number}", "size": 1})
    assert code_of(transfers.upload_begin, upload_id="more", size=1) == "busy"
    transfers.upload_end({"upload_id": "u0"})
    transfers.upload_begin({"upload_id": "more", "size": 1})


def test_a_file_goes_out_in_pieces(transfers, tmp_path):
    data = bytes(range(256)) * 2000
    begun = transfers.download_begin({"media_id": "m", "locator": b64(data), "max_bytes": 10**6})
    assert begun == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    got, eof = b"", False
    while not eof:
        piece = transfers.download_chunk({"media_id": "m", "offset": len(got), "length": 100_000})
        got += base64.b64decode(piece["data"])
        eof = piece["eof"]
    assert got == data
    transfers.download_end({"media_id": "m"})
    assert list((tmp_path / "tmp").iterdir()) == []
    code = code_of(transfers.download_chunk, media_id="m", offset=0, length=1)
    assert code == "no_such_download"


def test_a_file_that_is_too_large_is_not_kept(transfers, tmp_path):
    code = code_of(transfers.download_begin, media_id="m", locator=b64(b"x" * 100), max_bytes=99)
    assert code == "media_too_large"
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_folder_is_private_and_new_in_every_life(transfers, tmp_path):
    folder = tmp_path / "tmp"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    transfers.upload_begin({"upload_id": "u", "size": 1})
    Transfers(tmp_path, Connected([]))
    assert list(folder.iterdir()) == []
