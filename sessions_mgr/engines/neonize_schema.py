"""`python -m sessions_mgr.engines.neonize_schema < URL`: make whatsmeow's tables, or upgrade them.

A process of its own, because the Go library must not be loaded anywhere else. The URL holds a
password, so it comes by standard input and not on the command line, which everybody can read.
"""

from __future__ import annotations

import sys

from . import neonize_library


def main() -> int:
    client = neonize_library.load(_tell)
    client.ClientFactory.get_all_devices_from_db(sys.stdin.read().strip())
    return 0


def _tell(name: str, level: str, line: str) -> None:
    sys.stderr.write(f"{name} {level} {line}\n")


if __name__ == "__main__":
    sys.exit(main())
