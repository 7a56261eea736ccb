"""Snapshots in a bucket: the real S3 backend against a bucket on loopback."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.management import CommandError, call_command

from sessions_mgr import stores
from sessions_mgr.models import StoreSnapshot
from sessions_mgr.snapshots import restoring, vault
from sessions_mgr.snapshots.errors import SnapshotUnreadable, StorageFailed
from sessions_mgr.stores import Stores
from tests import linked_stores
from tests.factories import AccountFactory

pytestmark = pytest.mark.django_db


class Bucket(BaseHTTPRequestHandler):
    """The four requests that the backend makes, by path."""

    objects: dict[str, bytes]
    broken = False

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_PUT(self):
        if self.broken:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.answer(403)
            return
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            data = self._unchunked(data)
        self.server.objects[self.path] = data
        self.answer(200, ETag='"0"')

    @staticmethod
    def _unchunked(data):
        found = b""
        while match := re.match(rb"([0-9a-f]+)(;[^\r]*)?\r\n", data):
            length = int(match[1], 16)
            if not length:
                break
            found += data[match.end() : match.end() + length]
            data = data[match.end() + length + 2 :]
        return found

    def do_GET(self):
        found = self.server.objects.get(self.path.partition("?")[0])
        if found is None:
            self.answer(404)
            return
        self.answer(200, found, ETag='"0"', Last_Modified="Thu, 01 Jan 2026 00:00:00 GMT")

    do_HEAD = do_GET

    def do_DELETE(self):
        self.server.objects.pop(self.path, None)
        self.answer(204)

    def log_message(self, *_):
        pass


@pytest.fixture
def bucket(settings, tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Mine", (Bucket,), {}))
    server.objects = {}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    settings.SESSIONS_ROOT = tmp_path / "sessions"
    settings.STORAGES = {
        **settings.STORAGES,
        "snapshots": {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": "keep",
                "location": "switchboard",
                "endpoint_url": f"http://127.0.0.1:{server.server_port}",
                "region_name": "eu-1",
                "access_key": "access",
                "secret_key": "secret",
                "default_acl": None,
                "file_overwrite": False,
                "addressing_style": "path",
            },
        },
    }
    yield server
    vault.vault().connection.meta.client.close()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def account(workspace):
    return AccountFactory(workspace=workspace)


def test_a_snapshot_goes_to_the_bucket_and_comes_back(bucket, account, settings):
    folders = Stores(settings.SESSIONS_ROOT)
    store = linked_stores.link(account, folders)

    kept = vault.snapshot(account=account, folders=folders)
    [path] = bucket.objects
    store.write_bytes(b"damaged" * 999)
    restoring.restore(account=account, folders=folders)

    assert path == f"/keep/switchboard/{kept.path}"
    assert len(bucket.objects[path]) == kept.size
    assert stores.has_credentials(store.parent)
    vault.forget(snapshot=kept)
    assert bucket.objects == {}
    with pytest.raises(SnapshotUnreadable, match="not in the storage"):
        restoring.restore(account=account, folders=folders, snapshot=kept)


def test_a_bucket_that_refuses_is_one_clear_line_and_leaves_no_row(bucket, account, settings):
    folders = Stores(settings.SESSIONS_ROOT)
    linked_stores.link(account, folders)
    bucket.RequestHandlerClass.broken = True

    with pytest.raises(StorageFailed):
        vault.snapshot(account=account, folders=folders)
    with pytest.raises(CommandError, match="storage of snapshots failed") as raised:
        call_command("stores", "snapshot", str(account.pk))

    assert raised.value.returncode == 2
    assert not StoreSnapshot.objects.exists()
