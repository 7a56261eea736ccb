"""A real S3 server on loopback, which checks signatures and rights: `with s3_server() as s3:`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from tests.product import eventually

REGION = "eu-central-1"
FREELY = 5  # requests that the server takes without a look at rights: ours, before it is in use


@dataclass(frozen=True)
class S3:
    url: str
    access_key: str
    secret_key: str
    bucket: str

    def options(self, **other: Any) -> dict[str, Any]:
        """What django-storages needs, as config/settings.py gives it."""
        return {
            "bucket_name": self.bucket,
            "location": "switchboard",
            "endpoint_url": self.url,
            "addressing_style": "path",
            "region_name": REGION,
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "default_acl": None,
            "file_overwrite": False,
            "max_memory_size": 4 * 1_048_576,
            **other,
        }

    def names(self) -> set[str]:
        client = _client("s3", self.url, self.access_key, self.secret_key)
        with closing(client):
            found = client.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {one["Key"] for one in found}


def _client(service: str, url: str, key: str, secret: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"max_attempts": 1}, proxies={}),
    )


@contextmanager
def s3_server(folder: Path, bucket: str = "files") -> Iterator[S3]:
    """Started, with a bucket and one user who may use that bucket and nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(port)]
    with (folder / "s3.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(FREELY)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        eventually(lambda: _answers(url), within=60, what="the S3 server")
        yield _prepare(url, bucket)
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/moto-api/", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _prepare(url: str, bucket: str) -> S3:
    with closing(_client("s3", url, "root", "root")) as s3:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    places = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    rights = {"Effect": "Allow", "Action": "s3:*", "Resource": places}
    with closing(_client("iam", url, "root", "root")) as iam:
        iam.create_user(UserName="switchboard")
        iam.put_user_policy(
            UserName="switchboard",
            PolicyName="one-bucket",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [rights]}),
        )
        made = iam.create_access_key(UserName="switchboard")["AccessKey"]
    return S3(url, made["AccessKeyId"], made["SecretAccessKey"], bucket)
