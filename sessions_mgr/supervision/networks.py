"""The environment that a zygote, and with it all of its workers, is exec'd with.

Go reads its proxy, its certificates and its memory limits from there and nowhere else, so this is
what keeps the live network and the sandbox apart. Only named variables pass: no secret of the web
application reaches a worker.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..worker.sandbox_guard import MARK, is_loopback

_PASSED = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH"}
    | {"PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"}
)
_PASSED_LIVE = frozenset(
    {"HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"}
)
# One small connection per process: collect early, keep few arenas.
_MEMORY = {"GOGC": "50", "GOMEMLIMIT": "96MiB", "MALLOC_ARENA_MAX": "2", "GOMAXPROCS": "2"}


@dataclass(frozen=True, slots=True)
class SandboxNetwork:
    """How to reach the sandbox: what it writes to network.json."""

    proxy_url: str
    ca_file: str
    noise_public_key: str

    @classmethod
    def read(cls, path: Path) -> SandboxNetwork | None:
        """None while the sandbox has not written it (completely)."""
        try:
            raw = json.loads(path.read_text())
            return cls(raw["proxy_url"], raw["ca_file"], raw["noise_public_key"])
        except (FileNotFoundError, json.JSONDecodeError, KeyError):
            return None


def zygote_environment(
    outer: Mapping[str, str], sandbox: SandboxNetwork | None = None
) -> dict[str, str]:
    """Raises ValueError when the sandbox's proxy is not on this machine."""
    passed = _PASSED if sandbox else _PASSED | _PASSED_LIVE
    inner = {k: v for k, v in outer.items() if k in passed or k.startswith("LC_")}
    inner |= _MEMORY | {"PYTHONUNBUFFERED": "1", "NEONIZE_BOT_TAG": "off"}
    if sandbox is None:
        return inner | {MARK: "live"}
    if not is_loopback(sandbox.proxy_url):
        raise ValueError(f"the sandbox is not on this machine: {sandbox.proxy_url}")
    return inner | {
        MARK: "sandbox",
        "HTTPS_PROXY": sandbox.proxy_url,
        "https_proxy": sandbox.proxy_url,
        "SSL_CERT_FILE": sandbox.ca_file,
        "SSL_CERT_DIR": "/nonexistent",
    }
