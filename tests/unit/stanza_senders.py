"""Threads that send stanzas, as whatsmeow's goroutines do: each may wait in the log."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Senders:
    """`wait` is what the log does before a stanza may go; `sent` are those that went."""

    def __init__(self, wait: Callable[[bytes], None]) -> None:
        self._wait = wait
        self.sent: list[bytes] = []
        self.threads: list[threading.Thread] = []

    def send(self, line: bytes) -> None:
        def go() -> None:
            self._wait(line)
            self.sent.append(line)

        thread = threading.Thread(target=go, daemon=True)
        self.threads.append(thread)
        thread.start()
        thread.join(0.05)

    def all_sent(self) -> bool:
        for thread in self.threads:
            thread.join(5)
        return not any(thread.is_alive() for thread in self.threads)
