"""Loaded by pytest before Django's settings: tests never see the developer's own environment.

Every run has a data folder of its own, removed at the end.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

KEPT = ("DATABASE_URL", "REQUIRE_BROWSER")


def _prepare() -> None:
    if "SWITCHBOARD_TEST_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="switchboard-test-")
        os.environ["SWITCHBOARD_TEST_DIR"] = folder
        owner = os.getpid()

        def remove() -> None:
            if os.getpid() == owner:
                shutil.rmtree(folder, ignore_errors=True)

        atexit.register(remove)
    from config.environment import VARIABLES

    for variable in VARIABLES:
        if variable.name not in KEPT:
            os.environ.pop(variable.name, None)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    folder = Path(os.environ["SWITCHBOARD_TEST_DIR"]) / worker
    (folder / "static").mkdir(parents=True, exist_ok=True)
    os.environ |= {"DATA_DIR": str(folder), "SANDBOX": "1", "LOG_LEVEL": "WARNING"}
    os.environ["WEBHOOK_ALLOW_PRIVATE"] = "1"


_prepare()
