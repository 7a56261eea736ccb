"""Voice notes made by the real ffmpeg: what phones get is Ogg/Opus of the right length."""

from __future__ import annotations

import base64
import math
import socket
import struct
import subprocess
import wave

import imageio_ffmpeg
import pytest

from messaging.outbox import files, voice
from messaging.outbox.errors import MediaProblem

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
RATE = 16_000  # samples per second
SECONDS = 3.0
MOST = 10_000_000


@pytest.fixture
def recording(tmp_path):
    """A tone that is silent for its first half, as WAV."""
    path = tmp_path / "recording.wav"
    count = int(RATE * SECONDS)
    samples = [
        0 if n < count // 2 else round(12_000 * math.sin(n * 440 * math.tau / RATE))
        for n in range(count)
    ]
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1), out.setsampwidth(2), out.setframerate(RATE)
        out.writeframes(struct.pack(f"<{count}h", *samples))
    return path


def as_kind(recording, ending, *options):
    made = recording.with_suffix(ending)
    command = [FFMPEG, "-nostdin", "-loglevel", "error", "-i", str(recording), *options, "-y"]
    subprocess.run([*command, str(made)], check=True, timeout=60)
    return made


@pytest.mark.parametrize(
    ("ending", "options"),
    [
        pytest.param(".mp3", ["-ac", "2", "-ar", "44100"], id="mp3, stereo"),
        pytest.param(".m4a", ["-c:a", "aac"], id="m4a"),
        pytest.param(".webm", ["-c:a", "libopus"], id="webm, as browsers record"),
        pytest.param(".flac", [], id="flac"),
    ],
)
def test_any_audio_becomes_ogg_with_opus(recording, tmp_path, ending, options):
    made = as_kind(recording, ending, *options)

    found = files.examine(made, kind="voice", filename=made.name, most=MOST, ffmpeg=FFMPEG)

    assert found.mime_type == "audio/ogg; codecs=opus"
    assert found.path.read_bytes()[:4] == b"OggS" and b"OpusHead" in found.path.read_bytes()[:64]
    assert found.duration == pytest.approx(SECONDS, abs=0.15)
    columns = base64.b64decode(found.waveform)
    assert len(columns) == 64
    assert max(columns[:28]) < 10 < 80 < min(columns[36:62])


def test_ogg_with_opus_goes_out_as_it_is_with_a_waveform(recording):
    made = as_kind(recording, ".ogg", "-c:a", "libopus")

    found = files.examine(made, kind="voice", filename="x", most=MOST, ffmpeg=FFMPEG)

    assert found.path == made
    assert found.waveform and found.duration == pytest.approx(SECONDS, abs=0.15)


def test_a_video_gives_its_sound(recording, tmp_path):
    picture = ["-f", "lavfi", "-i", "color=black:s=32x32:d=3", "-shortest", "-c:a", "aac"]
    made = as_kind(recording, ".mp4", *picture)

    note = voice.prepare(made, folder=tmp_path, ffmpeg=FFMPEG)

    assert note.duration == pytest.approx(SECONDS, abs=0.15)
    listed = subprocess.run([FFMPEG, "-i", str(note.path)], capture_output=True, check=False)
    assert b"Audio: opus" in listed.stderr and b"Video:" not in listed.stderr


def test_what_is_no_audio_is_refused(tmp_path):
    path = tmp_path / "noise"
    path.write_bytes(bytes(range(256)) * 40)
    with pytest.raises(MediaProblem) as refused:
        voice.prepare(path, folder=tmp_path, ffmpeg=FFMPEG)
    assert refused.value.code == "media_invalid"


def test_a_playlist_in_disguise_reaches_no_network(tmp_path):
    path = tmp_path / "song.m3u8"
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x.ts"
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{url}\n#EXT-X-ENDLIST\n")
        with pytest.raises(MediaProblem) as refused:
            voice.prepare(path, folder=tmp_path, ffmpeg=FFMPEG)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert refused.value.code == "media_invalid"
