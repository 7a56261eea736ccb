"""Files made fit for sending: what they really are, and what broken ones are told."""

from __future__ import annotations

import io
import struct
import sys

import pytest
from PIL import Image

from messaging.outbox import files, pictures, sniffing, voice
from messaging.outbox.errors import MediaProblem

MOST = 10_000_000


def picture(kind="JPEG", size=(320, 200), mode="RGB", **save) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 128).save(out, kind, **save)
    return out.getvalue()


def opus(seconds=2.5) -> bytes:
    def page(granule, body):
        return (
            b"OggS\0\2" + struct.pack("<qIII", granule, 1, 0, 0) + b"\1" + bytes([len(body)]) + body
        )

    return page(0, b"OpusHead\1\1") + page(round(seconds * 48_000), b"x" * 40)


@pytest.fixture
def examine(tmp_path):
    def look(data, kind, filename="", ffmpeg=None):
        path = tmp_path / "file"
        path.write_bytes(data)
        return files.examine(path, kind=kind, filename=filename, most=MOST, ffmpeg=ffmpeg)

    return look


def refused(examine, data, kind, **more) -> MediaProblem:
    with pytest.raises(MediaProblem) as caught:
        examine(data, kind, **more)
    return caught.value


def test_a_photo_has_its_size_and_a_small_thumbnail(examine):
    found = examine(picture(), "image", "beach 🏖️.jpg")
    assert (found.mime_type, found.width, found.height) == ("image/jpeg", 320, 200)
    assert found.filename == "beach 🏖️.jpg"
    small = Image.open(io.BytesIO(found.thumbnail))
    assert max(small.size) == 100
    assert len(found.thumbnail) < 5_000


def test_a_webp_photo_is_sent_as_one_that_phones_show(examine):
    found = examine(picture("WEBP"), "image", "a.webp")
    assert (found.mime_type, found.filename) == ("image/jpeg", "a.jpg")
    assert examine(picture("WEBP", mode="RGBA"), "image").mime_type == "image/png"


def test_a_zip_named_jpg_is_refused(examine):
    found = refused(examine, b"PK\x03\x04" + bytes(100), "image", filename="holiday.jpg")
    assert found.code == "media_invalid"
    assert "application/zip" in found.detail


@pytest.mark.parametrize("keep", [30, 200, 400])
def test_a_broken_picture_is_refused(examine, keep):
    assert refused(examine, picture("PNG", mode="L")[:keep], "image").code == "media_invalid"
    data = picture(size=(900, 700))
    assert refused(examine, data[: len(data) // 2], "image").code == "media_invalid"


def test_a_bomb_is_refused_before_it_is_unpacked(examine):
    assert refused(examine, picture("PNG", (9_000, 9_000), "1"), "image").code == "media_too_large"


def test_the_endless_and_the_empty_file(examine):
    assert refused(examine, b"", "document").code == "media_invalid"
    assert refused(examine, bytes(MOST + 1), "document").code == "media_too_large"


def test_a_sticker_becomes_a_square_webp(examine):
    found = examine(picture("PNG", (300, 100), "RGBA"), "sticker")
    assert (found.mime_type, found.width, found.height) == ("image/webp", 512, 512)
    frames = [Image.new("RGB", (64, 64), n * 60) for n in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    assert examine(out.getvalue(), "sticker").animated


def test_documents_are_anything_and_keep_their_kind(examine):
    assert examine(b"%PDF-1.7 x", "document", "a.pdf").mime_type == "application/pdf"
    docx = examine(b"PK\x03\x04 x", "document", "letter.docx")
    assert docx.mime_type.endswith("wordprocessingml.document")
    assert examine(b"hello", "document", "a.txt").mime_type == "text/plain"
    assert examine(b"x", "document", "a.html.jpg").mime_type == "application/octet-stream"
    assert examine(picture(), "document").filename == "document.jpg"


def test_videos_and_audio_by_their_bytes(examine):
    assert examine(b"\0\0\0\x18ftypmp42" + bytes(50), "video").mime_type == "video/mp4"
    assert refused(examine, picture(), "video").code == "media_invalid"
    assert examine(b"ID3" + bytes(50), "audio").filename == "audio.mp3"
    assert refused(examine, b"RIFF\0\0\0\0WAVE", "audio").code == "media_invalid"


def test_ogg_opus_is_a_voice_note_without_ffmpeg(examine):
    found = examine(opus(2.5), "voice")
    assert (found.mime_type, found.duration) == ("audio/ogg; codecs=opus", 2.5)
    assert found.waveform == ""


def test_other_audio_needs_ffmpeg_and_says_so(examine):
    found = refused(examine, b"ID3" + bytes(50), "voice")
    assert found.code == "voice_not_converted"
    assert "ffmpeg" in found.detail


@pytest.fixture
def ffmpeg(tmp_path):
    """A stand-in that does what ours is asked for: the arguments decide."""

    def make(body: str) -> str:
        script = tmp_path / "ffmpeg"
        script.write_text(f"#!{sys.executable}\nimport sys, time\n{body}\n")
        script.chmod(0o755)
        return str(script)

    return make


def test_with_ffmpeg_a_voice_note_is_converted_and_has_a_waveform(examine, ffmpeg):
    tool = ffmpeg(
        "out = sys.argv[-1]\n"
        "if out == 'pipe:1': sys.stdout.buffer.write(b'\\x00\\x10' * 8000)\n"
        f"else: open(out.removeprefix('file:'), 'wb').write({opus(1.0)!r})"
    )
    found = examine(b"ID3" + bytes(50), "voice", ffmpeg=tool)
    assert found.duration == 1.0
    assert len(found.waveform) == 88  # 64 bytes


def test_an_ffmpeg_that_fails_or_hangs_refuses_the_file(examine, ffmpeg, monkeypatch):
    assert refused(examine, b"x" * 9, "voice", ffmpeg=ffmpeg("sys.exit(1)")).code == "media_invalid"
    monkeypatch.setattr(voice, "DEADLINE", 0.2)
    hanging = ffmpeg("time.sleep(60)")
    assert refused(examine, b"x" * 9, "voice", ffmpeg=hanging).code == "voice_not_converted"


def test_the_waveform_follows_the_loudness():
    quiet, loud = struct.pack("<h", 100) * 3_200, struct.pack("<h", -20_000) * 3_200
    columns = voice.waveform(quiet + loud)
    assert len(columns) == 64
    assert set(columns[:32]) == {0} | ({1} & set(columns[:32]))
    assert set(columns[32:]) == {100}
    assert voice.waveform(b"") == bytes(64)


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (picture()[:64], "image/jpeg"),
        (picture("PNG")[:64], "image/png"),
        (picture("WEBP")[:64], "image/webp"),
        (b"\0\0\0\x18ftyp3gp5", "video/3gpp"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"<html>", sniffing.UNKNOWN),
        (b"", sniffing.UNKNOWN),
    ],
)
def test_first_bytes(head, found):
    assert sniffing.sniff(head) == found


def test_pixels_are_counted_before_decoding():
    assert pictures.PIXELS_MOST < 9_000 * 9_000
