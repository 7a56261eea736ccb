"""Voice notes: Ogg with Opus, its length, and the waveform that phones draw.

ffmpeg does what needs decoding, as a child process with a deadline and without a shell. Without it
a file that is Ogg/Opus already is sent without a waveform, and any other is refused.
"""

from __future__ import annotations

import base64
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import MEDIA_INVALID, VOICE_NOT_CONVERTED, MediaProblem
from .sniffing import HEAD, is_opus

DEADLINE = 60.0  # seconds for one run of ffmpeg
WAVEFORM = 64  # columns, 0 to 100 each
SAMPLES = 8_000  # per second, for the waveform
OPUS_RATE = 48_000  # granules per second, whatever was recorded
SECONDS_MOST = 3_600
LAST_PAGE = 65_307 + 4_096  # bytes: the largest Ogg page, and some more


@dataclass(frozen=True, slots=True)
class Voice:
    path: Path  # of the Ogg/Opus file
    duration: float  # seconds
    waveform: str  # base64 of WAVEFORM bytes; empty without ffmpeg

    mime_type = "audio/ogg; codecs=opus"


def find_ffmpeg() -> str | None:
    return shutil.which("ffmpeg")


def prepare(path: Path, *, folder: Path, ffmpeg: str | None) -> Voice:
    """A voice note from the audio file at `path`. What is made anew goes into `folder`."""
    with path.open("rb") as file:
        ready = is_opus(file.read(HEAD))
    if not ready:
        if ffmpeg is None:
            raise MediaProblem(
                VOICE_NOT_CONVERTED,
                "This server has no ffmpeg to convert audio; send Ogg with Opus, or type audio.",
            )
        path = _convert(path, folder / "voice.ogg", ffmpeg)
    return Voice(path, duration(path), _waveform(path, ffmpeg) if ffmpeg else "")


def duration(path: Path) -> float:
    """Seconds of an Ogg/Opus file, by the position that its last page names. 0 when unreadable."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - LAST_PAGE))
        tail = file.read()
    at = tail.rfind(b"OggS")
    if at < 0 or len(tail) < at + 14:
        return 0.0
    granule: int = struct.unpack_from("<q", tail, at + 6)[0]
    return round(max(0, granule) / OPUS_RATE, 2)


def waveform(samples: bytes) -> bytes:
    """WAVEFORM columns of the loudness of 16-bit mono samples; the loudest is 100. Pure."""
    count = len(samples) // 2
    values = struct.unpack(f"<{count}h", samples[: count * 2])
    if not count:
        return bytes(WAVEFORM)
    columns = []
    for n in range(WAVEFORM):
        part = values[n * count // WAVEFORM : (n + 1) * count // WAVEFORM] or (0,)
        columns.append(sum(abs(value) for value in part) / len(part))
    loudest = max(columns) or 1.0
    return bytes(round(100 * column / loudest) for column in columns)


def _convert(path: Path, to: Path, ffmpeg: str) -> Path:
    _run(
        ffmpeg,
        ["-i", f"file:{path}", "-vn", "-map", "0:a:0", "-t", str(SECONDS_MOST), "-ac", "1"],
        ["-c:a", "libopus", "-b:a", "32k", "-f", "ogg", "-y", f"file:{to}"],
    )
    return to


def _waveform(path: Path, ffmpeg: str) -> str:
    raw = _run(
        ffmpeg,
        ["-i", f"file:{path}", "-vn", "-t", str(SECONDS_MOST)],
        ["-ac", "1", "-ar", str(SAMPLES), "-f", "s16le", "pipe:1"],
    )
    return base64.b64encode(waveform(raw)).decode()


def _run(ffmpeg: str, *arguments: list[str]) -> bytes:
    """Its output. Only files are opened: a playlist in disguise reaches no network."""
    command = [ffmpeg, "-nostdin", "-hide_banner", "-loglevel", "error"]
    command += ["-protocol_whitelist", "file,pipe", *(a for part in arguments for a in part)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)
    except subprocess.TimeoutExpired:
        raise MediaProblem(
            VOICE_NOT_CONVERTED, f"Converting the audio took longer than {DEADLINE:g} s."
        ) from None
    except OSError as exc:
        raise MediaProblem(VOICE_NOT_CONVERTED, f"ffmpeg does not start: {exc}.") from None
    if done.returncode:
        raise MediaProblem(MEDIA_INVALID, "The file is no audio that can be read.")
    return done.stdout
