"""What must not be true where strangers can reach the installation. Judged before anything starts.

Pure: the values of the environment in, ConfigurationError out. It names the variable and the fix.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MAKE_ONE = "python -c 'import secrets; print(secrets.token_urlsafe(64))'"
# Parts of keys that stand in examples and templates of this world.
FROM_EXAMPLES = ("insecure", "changeme", "change-me", "change_me", "replace", "your-", "example")


def objection(values: Mapping[str, Any], key_file: Path) -> str:
    """Why these values must not start, as a sentence that begins with the variable; else empty."""
    key = str(values["SECRET_KEY"])
    if any(part in key.lower() for part in FROM_EXAMPLES):
        return f"SECRET_KEY is not valid: it comes from an example; make one with {MAKE_ONE}"
    public = reachable(values)
    if values["DEBUG"] and public:
        return f"DEBUG is not valid: 1 shows secrets to everybody who reaches {public}; use 0"
    production = not values["DEBUG"] and not values["SANDBOX"]
    if production and public and not key and not key_file.exists():
        return f"SECRET_KEY is missing: {public} is public; make one with {MAKE_ONE}"
    return ""


def reachable(values: Mapping[str, Any]) -> str:
    """By what name or address others reach this installation; empty when nobody can."""
    url = str(values["PUBLIC_URL"])
    named = [urlsplit(url).hostname or url] if url else []
    for host in (*named, values["HOST"], *values["ALLOWED_HOSTS"]):
        if host and not is_loopback(str(host)):
            return str(host)
    return ""


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host in ("localhost", "testserver") or host.endswith(".localhost")
