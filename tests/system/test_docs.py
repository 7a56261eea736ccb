"""What the documentation tells people to type is typed here."""

from __future__ import annotations

import json
import re
import subprocess

from tests.product import API_KEY, ROOT


def test_the_curl_guide_connects_a_number_and_disconnects_it_twice(product, tmp_path):
    guide = (ROOT / "docs" / "connect-by-curl.md").read_text()
    commands = re.search(r"```sh\n(.*?)```", guide, re.DOTALL)[1]
    commands = commands.replace("http://127.0.0.1:8000", product.url).replace("<the key>", API_KEY)

    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    last = json.loads('{"id"' + ended.stdout.rpartition('{"id"')[2])
    assert (last["status"], last["already_disconnected"]) == ("disconnected", True)
    assert last["phone_number"] is None
    assert (tmp_path / "qr.png").read_bytes().startswith(b"\x89PNG")
