"""`python -m tests.dependency_audit`: known vulnerabilities in what requirements/*.txt lock.

Exit 1 names each. Where the advisories cannot be read (no network, a mirror without them) nothing
is known: it says so and passes, or exits with 2 where AUDIT_REQUIRED=1 is set.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

LOCKS = ("requirements/base.txt", "requirements/dev.txt")
DEADLINE = 90  # seconds for one lock


@dataclass(frozen=True, slots=True)
class Findings:
    known: list[str]  # a line for each vulnerability
    audited: int
    skipped: list[str]  # packages of which nothing could be learned


def read(report: str) -> Findings:
    """What pip-audit's JSON says. ValueError when there is none."""
    known, audited, skipped = [], 0, []
    for package in json.loads(report)["dependencies"]:
        if "skip_reason" in package:
            skipped.append(package["name"])
            continue
        audited += 1
        for flaw in package["vulns"]:
            fixed = ", ".join(flaw["fix_versions"]) or "no version yet"
            known.append(f"{package['name']} {package['version']}: {flaw['id']}, fixed by {fixed}")
    return Findings(known, audited, skipped)


def audit(lock: str) -> Findings:
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--format", "json", "-r", lock]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
        return read(ran.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return Findings([], 0, [lock])


def main() -> int:
    found = {lock: audit(lock) for lock in LOCKS if Path(lock).is_file()}
    for lock, findings in found.items():
        for line in findings.known:
            print(f"{lock}: {line}")
        print(f"{lock}: {findings.audited} packages audited, {len(findings.skipped)} could not be")
    if any(findings.known for findings in found.values()):
        return 1
    if any(findings.skipped for findings in found.values()):
        print("Advisories could not be read for all packages: this audit proves nothing for those.")
        return 2 if os.environ.get("AUDIT_REQUIRED") == "1" else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
