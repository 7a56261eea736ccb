"""Keys and places of snapshots: from the environment, refused by name."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import environ
import pytest

from config import environment
from config.environment import ConfigurationError
from sessions_mgr.snapshots.keys import derived_key, keyring

ROOT = Path(__file__).parents[2]
KEY = base64.b64encode(bytes(range(32))).decode()
SECOND = base64.b64encode(bytes(range(1, 33))).decode()


def read(**given):
    env = environ.Env()
    env.ENVIRON = given
    return environment.read(env)


def settings_of(tmp_path, **given):
    """The storage as a fresh process has it, and whether its backend can be made."""
    program = (
        "import json, django; django.setup()\n"
        "from django.conf import settings\n"
        "from django.core.files.storage import storages\n"
        "made = storages['snapshots']\n"
        "print(json.dumps([settings.STORAGES['snapshots'], type(made).__module__]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATA_DIR": str(tmp_path),
            **given,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(ended.stdout)


def test_several_keys_are_read_in_their_order():
    assert read(STORE_KEYS=f"{KEY}, {SECOND}")["STORE_KEYS"] == [
        bytes(range(32)),
        bytes(range(1, 33)),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("STORE_KEYS", "not base64!"),
        ("STORE_KEYS", base64.b64encode(b"short").decode()),
        ("STORE_KEYS", base64.b64encode(b"a" * 32).decode()),
        ("STORE_KEYS", f"{KEY},{KEY}"),
        ("STORE_KEYS", f"{KEY},"),
        ("SNAPSHOT_INTERVAL", "daily"),
        ("SNAPSHOT_INTERVAL", "-1"),
        ("SNAPSHOT_KEEP", "0"),
        ("STORE_QUARANTINE_DAYS", "0"),
        ("SNAPSHOT_S3_BUCKET", "No Bucket"),
        ("SNAPSHOT_S3_ENDPOINT", "minio:9000"),
        ("SNAPSHOT_S3_PREFIX", "../elsewhere"),
    ],
)
def test_a_wrong_value_is_refused_by_the_variables_name_and_not_repeated(name, text):
    with pytest.raises(ConfigurationError, match=name) as refused:
        read(**{name: text})
    assert name != "STORE_KEYS" or text not in str(refused.value)


def test_a_bucket_needs_both_halves_of_its_key_and_a_name():
    with pytest.raises(ConfigurationError, match="SNAPSHOT_S3_SECRET_KEY"):
        read(SNAPSHOT_S3_BUCKET="keep", SNAPSHOT_S3_ACCESS_KEY="a")
    with pytest.raises(ConfigurationError, match=r"SNAPSHOT_S3_REGION .*SNAPSHOT_S3_BUCKET"):
        read(SNAPSHOT_S3_REGION="eu-1")


def test_without_keys_one_is_derived_from_the_secret(settings):
    settings.STORE_KEYS = []
    assert keyring().keys == (derived_key(settings.SECRET_KEY),)
    assert derived_key("one secret") != derived_key("another secret")


def test_keys_that_are_set_later_still_open_what_the_derived_one_sealed(settings):
    settings.STORE_KEYS = [bytes(range(32))]
    assert keyring().keys == (bytes(range(32)), derived_key(settings.SECRET_KEY))


def test_snapshots_go_to_a_private_folder_by_default(tmp_path):
    storage, module = settings_of(tmp_path)
    assert module == "django.core.files.storage.filesystem"
    assert storage["OPTIONS"]["location"] == str(tmp_path / "snapshots")
    assert storage["OPTIONS"]["directory_permissions_mode"] == 0o700


def test_snapshots_go_to_a_bucket_when_one_is_named(tmp_path):
    storage, module = settings_of(
        tmp_path,
        SNAPSHOT_S3_BUCKET="keep-safe",
        SNAPSHOT_S3_PREFIX="switchboard/one",
        SNAPSHOT_S3_ENDPOINT="http://127.0.0.1:9000",
        SNAPSHOT_S3_REGION="eu-1",
        SNAPSHOT_S3_ACCESS_KEY="access",
        SNAPSHOT_S3_SECRET_KEY="secret",
    )
    assert module == "storages.backends.s3"
    assert storage["OPTIONS"] | {"default_acl": None} == {
        "bucket_name": "keep-safe",
        "location": "switchboard/one",
        "endpoint_url": "http://127.0.0.1:9000",
        "addressing_style": "path",
        "region_name": "eu-1",
        "access_key": "access",
        "secret_key": "secret",
        "default_acl": None,
        "file_overwrite": False,
        "max_memory_size": 4 * 1024 * 1024,
    }
