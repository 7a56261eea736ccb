"""Variables are typed, checked, documented, and refused by name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import environ
import pytest

from config import environment, mail
from config.environment import VARIABLES, ConfigurationError

ROOT = Path(__file__).parents[2]


def read(**given):
    env = environ.Env()
    env.ENVIRON = given
    return environment.read(env)


def test_the_defaults_are_valid():
    values = read()
    assert (values["HOST"], values["PORT"], values["SANDBOX"]) == ("127.0.0.1", 8000, False)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "70000"),
        ("HOST", "not a host"),
        ("SANDBOX", "maybe"),
        ("DATABASE_URL", "mysql://x"),
        ("NATS_URL", "http://x"),
        ("NATS_URL", "nats://"),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "a" * 60),
        ("SESSION_STORE", "redis"),
        ("LOG_LEVEL", "LOUD"),
        ("NODE_NAME", "a b"),
        ("API_RATE", "many"),
        ("SESSION_START_RATE", "-1"),
        ("PAIRING_TIMEOUT", "nan"),
        ("SWITCHBOARD_BOOTSTRAP_API_KEY", "weak"),
        ("SWITCHBOARD_BOOTSTRAP_PASSWORD", "weak"),
        ("SWITCHBOARD_BOOTSTRAP_EMAIL", "nobody"),
        ("EMAIL_URL", "mail.example.com"),
        ("EMAIL_URL", "http://mail.example.com"),
        ("EMAIL_URL", "smtp+tls://"),
        ("EMAIL_FROM", "nobody"),
        ("ADMIN_PATH", "/admin"),
        ("ADMIN_PATH", "api"),
        ("ADMIN_PATH", "a b"),
        ("TRUSTED_PROXIES", "-1"),
        ("TRUSTED_PROXIES", "all"),
    ],
)
def test_a_wrong_value_is_refused_by_the_variables_name(name, text):
    with pytest.raises(ConfigurationError, match=name):
        read(**{name: text})


def test_a_wrong_mail_url_does_not_repeat_its_password():
    with pytest.raises(ConfigurationError) as refused:
        read(EMAIL_URL="http://user:hunter2@mail.example.com")
    assert "hunter2" not in str(refused.value)


def test_mail_is_sent_as_the_url_says():
    found = mail.settings_for("smtp+tls://user:word@mail.example.com:587", ROOT)
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"]) == ("mail.example.com", 587)
    assert (found["EMAIL_USE_TLS"], found["EMAIL_HOST_USER"]) == (True, "user")
    assert mail.settings_for("", ROOT)["EMAIL_FILE_PATH"] == str(ROOT / "mail")


def test_debug_is_refused_where_others_could_see_it():
    assert read(DEBUG="1")["DEBUG"]
    with pytest.raises(ConfigurationError, match="DEBUG"):
        read(DEBUG="1", HOST="0.0.0.0")


def test_every_variable_is_in_the_example_and_nothing_else_is():
    named = re.findall(r"^#?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(v.name for v in VARIABLES)


def test_nobody_reads_the_environment_behind_this_tables_back():
    outside = ("config", "accounts", "events", "messaging", "realtime", "console")
    readers = [
        str(path.relative_to(ROOT))
        for app in outside
        for path in (ROOT / app).rglob("*.py")
        if re.search(r"os\.(environ\[|environ\.get|getenv)", path.read_text())
    ]
    assert readers == []


def test_a_bad_variable_ends_the_start_with_one_line_and_exit_code_2(tmp_path):
    ended = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={"PORT": "eighty", "DATA_DIR": str(tmp_path), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert (
        ended.stderr.strip() == "switchboard: PORT is not valid: use a whole number from 1 to 65535"
    )


def test_an_unwritable_folder_ends_the_start_with_one_line_and_exit_code_2(tmp_path):
    blocker = tmp_path / "file"
    blocker.touch()
    ended = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={"DATA_DIR": str(blocker / "var"), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "DATA_DIR" in ended.stderr
