"""When the process ends: on signals, with its parent, or when standard input ends."""

import asyncio
import ctypes
import os
import signal
import sys
import threading

PR_SET_PDEATHSIG = 1


def stop_event(*, with_stdin: bool) -> asyncio.Event:
    """An event that is set when this process should end. Call it on the running event loop."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if with_stdin:
        watcher = threading.Thread(target=_wait_for_end_of_input, args=(loop, stopped), daemon=True)
        watcher.start()
    return stopped


def _wait_for_end_of_input(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), 4_096):
        pass
    if not loop.is_closed():
        loop.call_soon_threadsafe(stopped.set)


def die_with_parent(parent: int) -> None:
    """On Linux: get SIGTERM when the parent ends; exits at once when it already has."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit(0)
