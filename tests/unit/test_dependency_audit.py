"""The audit of locked packages: what fails, and what is only not known."""

from __future__ import annotations

import json

import pytest

from tests import dependency_audit as audit

SOUND = {"name": "sound", "version": "1.0", "vulns": []}
FLAWED = {
    "name": "flawed",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["2.1"], "aliases": []}],
}
HIDDEN = {"name": "hidden", "skip_reason": "Dependency not found"}


def report(*packages):
    return json.dumps({"dependencies": packages, "fixes": []})


def answered(monkeypatch, *packages):
    findings = audit.read(report(*packages))
    monkeypatch.setattr(audit, "audit", lambda lock: findings)


def test_a_known_vulnerability_fails_and_names_the_version_that_fixes_it(monkeypatch, capsys):
    answered(monkeypatch, SOUND, FLAWED, HIDDEN)
    assert audit.main() == 1
    assert "flawed 2.0: PYSEC-2026-1, fixed by 2.1" in capsys.readouterr().out


def test_sound_packages_pass(monkeypatch, capsys):
    answered(monkeypatch, SOUND)
    assert audit.main() == 0
    assert "proves nothing" not in capsys.readouterr().out


@pytest.mark.parametrize(("required", "code"), [("", 0), ("1", 2)])
def test_what_could_not_be_looked_up_is_said(monkeypatch, capsys, required, code):
    monkeypatch.setenv("AUDIT_REQUIRED", required)
    answered(monkeypatch, SOUND, HIDDEN)
    assert audit.main() == code
    assert "proves nothing" in capsys.readouterr().out


def test_no_report_is_no_clean_bill(monkeypatch):
    class Ran:
        stdout = ""

    monkeypatch.setattr(audit.subprocess, "run", lambda *_a, **_k: Ran())
    assert audit.audit("requirements/base.txt").skipped == ["requirements/base.txt"]
