"""Processes and a database that exist only in memory, with a clock that tests move."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from sessions_mgr.supervision.contracts import Assignment, Ended, Heard
from sessions_mgr.supervision.plan import Wanted

WORKSPACE = UUID(int=99)


class Clock:
    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


class FakeWorkers:
    """Implements Workers. `alive` maps an account to the epochs of its live workers."""

    def __init__(self):
        self.alive: dict[UUID, list[int]] = {}
        self.reports: list[Heard | Ended] = []
        self.said: list[tuple[str, UUID]] = []
        self.obedient = True
        self.broken = False
        self.woken = 0

    def spawn(self, account, assignment):
        if self.broken:
            raise OSError("no zygote")
        self.alive.setdefault(account, []).append(assignment.epoch)
        self.said.append(("spawn", account))

    def stop(self, account):
        self.said.append(("stop", account))
        if self.obedient:
            self.end(account, 0)

    def unlink(self, account):
        self.said.append(("unlink", account))

    def kill(self, account):
        self.said.append(("kill", account))
        self.end(account, -9)

    def poll(self, timeout):
        reports, self.reports = self.reports, []
        return reports

    def wake(self):
        self.woken += 1

    def end(self, account, status, detail=""):
        self.alive[account].pop()
        self.reports.append(Ended(account, status, detail=detail))

    def beat(self, account, rss_bytes=1):
        self.reports.append(Heard(account, rss_bytes))


class FakeRegistry:
    """Implements Registry over a dict, with the epoch rule of the database."""

    def __init__(self, *accounts: UUID, mode="connect"):
        self.rows = {account: Wanted(WORKSPACE, epoch=1, mode=mode) for account in accounts}
        self.ends = []
        self.gave_ups = []
        self.unlinks = []
        self.down = False
        self.faster = False

    def _reachable(self):
        if self.down:
            raise ConnectionError("the database is away")

    def wanted(self):
        self._reachable()
        return dict(self.rows)

    def assign(self, account, wanted):
        self._reachable()
        row = self.rows.get(account)
        if self.faster or row is None or row.epoch != wanted.epoch:
            return None
        self.bump(account)
        return Assignment(self.rows[account].epoch, "{}", Path("/dev/null"))

    def ended(self, account, end):
        self._reachable()
        self.ends.append((account, end))
        if end.final:
            self.rows.pop(account, None)

    def gave_up(self, order):
        self._reachable()
        self.gave_ups.append(order)
        self.rows.pop(order.account, None)

    def unlinked(self, account, epoch):
        self._reachable()
        self.unlinks.append((account, epoch))
        self.rows.pop(account, None)

    def bump(self, account):
        row = self.rows[account]
        self.rows[account] = Wanted(row.workspace_id, row.epoch + 1, row.mode, row.proxy_url)
