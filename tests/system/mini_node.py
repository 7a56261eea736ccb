"""A session node without a database: `python -m tests.system.mini_node DIR`.

What is wanted is a JSON file that a test writes; what happened is a file of JSON lines.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from uuid import UUID

from sessions_mgr import stores
from sessions_mgr.supervision.contracts import Assignment
from sessions_mgr.supervision.networks import SandboxNetwork, zygote_environment
from sessions_mgr.supervision.plan import Limits, StartRate, Wanted
from sessions_mgr.supervision.processes import kill_orphan
from sessions_mgr.supervision.supervisor import Supervisor
from sessions_mgr.supervision.zygote_client import MODULE, ZygoteWorkers
from sessions_mgr.worker.config import WorkerConfig

WORKSPACE = UUID("11111111-1111-4111-8111-111111111111")


class FileRegistry:
    """wanted.json: {account: {"mode", "version"}}. Epochs are files, like rows of a database."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.settings = json.loads((folder / "settings.json").read_text())
        self.network = SandboxNetwork(**self.settings["network"])
        self.stores = stores.Stores(folder / "sessions")

    def wanted(self):
        raw = json.loads((self.folder / "wanted.json").read_text())
        return {
            UUID(account): Wanted(WORKSPACE, self._epoch(account), row.get("mode", "connect"))
            for account, row in raw.items()
        }

    def assign(self, account, wanted):
        epoch = self._epoch(account) + 1
        (self.folder / f"{account}.epoch").write_text(str(epoch))
        config = WorkerConfig(
            account_id=account,
            workspace_id=WORKSPACE,
            epoch=epoch,
            node="mini",
            mode=wanted.mode,
            session_dir=self.stores.create(WORKSPACE, account),
            nats_url=self.settings["nats_url"],
            proxy_url=self.network.proxy_url,
            sandbox_trust_anchor=self.network.noise_public_key,
            heartbeat_interval=0.2,
        )
        self._note("assigned", account, epoch=epoch)
        return Assignment(epoch, config.to_json(), config.session_dir / stores.LOG)

    def ended(self, account, end):
        if end.exit == "store_locked":
            kill_orphan(self.stores.folder(WORKSPACE, account) / stores.LOCK, MODULE)
        self._note("ended", account, exit=end.exit, epoch=end.epoch, retry_in=end.retry_in)

    def gave_up(self, order):
        self._note("gave_up", order.account, code=order.code)

    def unlinked(self, account, epoch):
        self._note("unlinked", account, epoch=epoch)

    def _epoch(self, account):
        file = self.folder / f"{account}.epoch"
        return int(file.read_text()) if file.exists() else 1

    def _note(self, what, account, **more):
        with (self.folder / "journal.jsonl").open("a") as journal:
            journal.write(json.dumps({"what": what, "account": str(account), **more}) + "\n")


def main() -> None:
    folder = Path(sys.argv[1])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    registry = FileRegistry(folder)
    workers = ZygoteWorkers(zygote_environment(os.environ, registry.network))
    supervisor = Supervisor(
        registry=registry,
        workers=workers,
        limits=Limits(grace=6.0, silence=5.0),
        rate=StartRate(burst=50, per_second=50),
    )
    workers.start()
    (folder / "zygote.pid").write_text(str(workers.zygote_pid))
    try:
        supervisor.run()
    finally:
        workers.close()


if __name__ == "__main__":
    main()
