"""Brings neonize into a process in two steps, so that a zygote can share the first one.

`preload` imports all of neonize's Python and not its Go library: a process that has loaded Go must
never fork. `load` then adds the library, in the worker, after the fork. Only the neonize*.py files
of this package import neonize, and only the zygote and the workers import these files.

Two details of neonize 0.5.2 make this possible. Its module `_binder` leaves the library alone while
the variable SPHINX is set (neonize builds its own documentation that way). And its module
`utils.log` would start a thread, which must not exist before a fork: we put our own in its place,
which also hands the log lines of whatsmeow to `logging` at once instead of through a queue.
"""

from __future__ import annotations

import ctypes
import importlib
import io
import logging
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

LogSink = Callable[[str, str, str], None]
StanzaSink = Callable[[bool, bytes], None]

_sink: LogSink | None = None
_stanzas: StanzaSink | None = None

# How neonize ends a log entry: level and source of whatsmeow's lines about the wire.
_DEBUG = b"\x12\x05DEBUG\x1a"
_SENDING = _DEBUG + b"\x0bClient/Send"
_RECEIVED = _DEBUG + b"\x0bClient/Recv"
_TAIL = 24  # bytes of an entry that hold either
_LEVEL = "neonize.level"
_TAGS = (b"<message ", b"<receipt ", b"<ack ")


class LibraryMissing(ImportError):
    """The shared library of neonize is not there for this platform."""


def preload() -> None:
    """Import neonize without its Go library. Starts no thread, opens no file for good."""
    if "neonize" in sys.modules:
        return
    _stub_magic()
    sys.modules["neonize.utils.log"] = _log_module()
    os.environ["SPHINX"] = "1"
    try:
        importlib.import_module("neonize.client")
    finally:
        del os.environ["SPHINX"]
    _ask_without_a_shell()


def load(sink: LogSink, stanzas: StanzaSink | None = None) -> Any:
    """Load the Go library and return the module `neonize.client`, ready for use.

    `sink(logger, level, line)` gets every log line of whatsmeow, on the goroutine that wrote it:
    it must be quick and must not call the engine. Debug lines are for `stanzas(outgoing, line)`
    alone, and only messages, receipts and acknowledgements: a line about what goes out is written
    before it goes, so a sink that waits makes it wait. No debug line ever reaches a log of ours.
    """
    global _sink, _stanzas
    _sink, _stanzas = sink, stanzas
    preload()
    if stanzas is not None:
        logging.getLogger(_LEVEL).setLevel(logging.DEBUG)
    client = sys.modules["neonize.client"]
    binder = sys.modules["neonize._binder"]
    if hasattr(binder.gocode, "Neonize"):
        return client
    if not Path(library_path()).exists():  # neonize would try to download it
        raise LibraryMissing(f"neonize has no library for this platform: {library_path()}")
    binder = importlib.reload(binder)
    for name in ("gocode", "ProxySettings"):
        setattr(client, name, getattr(binder, name))
    return client


def library_path() -> str:
    """Where neonize keeps its shared library, as the kernel names it (no symbolic links)."""
    platform = importlib.import_module("neonize.utils.platform")
    package = Path(sys.modules["neonize"].__file__ or "").parent
    return str((package / platform.generated_name()).resolve())


def _ask_without_a_shell() -> None:
    """neonize runs `uname -a` in a shell whenever it asks what its library is called, and does not
    wait for its end: each worker would leave a zombie behind. The system can be asked directly."""
    platform = importlib.import_module("neonize.utils.platform")
    said = " ".join(os.uname())
    platform.os = types.SimpleNamespace(popen=lambda _: io.StringIO(said))  # type: ignore[attr-defined]  # all that it uses of os


def _stub_magic() -> None:
    """neonize imports python-magic, which needs libmagic, which a fresh machine lacks.

    Only link previews and some media helpers use it; they get a clear error instead.
    """
    try:
        importlib.import_module("magic")
    except ImportError:
        stub = types.ModuleType("magic")

        def from_buffer(*_: object, **__: object) -> str:
            raise RuntimeError("libmagic is not installed, so the type of this file is unknown")

        stub.from_buffer = from_buffer  # type: ignore[attr-defined]  # a module made here
        sys.modules["magic"] = stub


def _log_module() -> types.ModuleType:
    module = types.ModuleType("neonize.utils.log")
    logging.getLogger("neonize").setLevel(logging.WARNING)
    log = logging.getLogger(_LEVEL)  # neonize passes its level on to whatsmeow
    log.setLevel(logging.WARNING)
    log.addFilter(lambda record: record.levelno >= logging.WARNING)  # what Python itself says
    module.log = log  # type: ignore[attr-defined]  # a module made here
    module.log_whatsmeow = _log_whatsmeow  # type: ignore[attr-defined]  # likewise
    return module


def _log_whatsmeow(address: int, size: int) -> None:
    try:
        entry = ctypes.string_at(address, size)
        if _DEBUG in entry[-_TAIL:]:
            _read_debug(entry)
            return
        said = sys.modules["neonize.proto.Neonize_pb2"].LogEntry.FromString(entry)
        if _sink is not None and said.Level != "DEBUG":
            _sink(said.Name, said.Level, said.Message)
    except Exception:
        logging.getLogger("neonize").exception("could not read a log line of whatsmeow")


def _read_debug(entry: bytes) -> None:
    """Hand on what concerns messages. The line follows a tag and its length, one to four bytes."""
    outgoing = entry.endswith(_SENDING)
    if _stanzas is None or not (outgoing or entry.endswith(_RECEIVED)):
        return
    start = entry.find(b"<", 1, 6)
    if start > 0 and entry.startswith(_TAGS, start):
        _stanzas(outgoing, entry[start : -len(_SENDING)])
