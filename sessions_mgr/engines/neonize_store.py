"""`python -m sessions_mgr.engines.neonize_store FILE`: make an empty store, as this engine does.

A process of its own, because the Go library must not be loaded anywhere else. whatsmeow creates
and upgrades its tables whenever it opens a store, so the tables are always of the version in use.
"""

from __future__ import annotations

import sys
from pathlib import Path

from . import neonize_library


def main() -> int:
    target = Path(sys.argv[1])
    client = neonize_library.load(_tell)
    client.ClientFactory.get_all_devices_from_db(str(target))
    return 0 if target.is_file() else 1


def _tell(name: str, level: str, line: str) -> None:
    sys.stderr.write(f"{name} {level} {line}\n")


if __name__ == "__main__":
    sys.exit(main())
