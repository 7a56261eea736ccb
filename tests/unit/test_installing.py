"""docs/installing.md and the systemd unit say what is true of this version."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess

import pytest
from django.core.management import get_commands

from config.environment import VARIABLES
from tests.product import ROOT

GUIDE = (ROOT / "docs" / "installing.md").read_text()
UNIT = ROOT / "deploy" / "systemd" / "switchboard.service"


@pytest.fixture
def service():
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read(UNIT)
    return unit["Service"]


def test_only_the_launcher_is_told_to_stop_and_a_killed_worker_ends_nobody_else(service):
    assert service["ExecStart"].endswith("manage.py serve")
    assert service["KillMode"] == "mixed"
    assert service["OOMPolicy"] == "continue"
    assert int(service["TimeoutStopSec"]) > 10  # seconds that CONTRACT gives the launcher


def test_a_wrong_setting_is_not_tried_again_and_a_database_that_is_away_is(service):
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("always", "2")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_understands_the_unit(tmp_path):
    copy = tmp_path / UNIT.name
    copy.write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text()))
    told = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, timeout=60
    )
    assert [line for line in told.stderr.splitlines() if UNIT.name in line] == []


def test_the_guide_names_what_there_is():
    commands = set(re.findall(r"manage\.py (\w+)", GUIDE))
    assert {"migrate", "create_admin", "create_workspace", "doctor"} <= commands
    assert commands <= set(get_commands())
    settings = set(re.findall(r"^    ([A-Z_]+)=", GUIDE, re.MULTILINE))
    assert {"DATABASE_URL", "SECRET_KEY", "PUBLIC_URL"} <= settings
    assert settings <= {variable.name for variable in VARIABLES}
    for path in re.findall(r"\]\(([\w./-]+)\)", GUIDE):
        assert (ROOT / "docs" / path).exists(), path
    assert UNIT.relative_to(ROOT).as_posix() in GUIDE
