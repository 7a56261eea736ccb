"""Two networks, never mixed: a sandbox process cannot reach WhatsApp, a live one trusts no sandbox.

Go reads proxy and certificates from the environment that its process was exec'd with, so that is
what decides, and what is checked: not os.environ, which a program may have changed since.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

MARK = "SWITCHBOARD_NETWORK"  # "sandbox" or "live", set at exec of a zygote
_OTHER_WAYS_OUT = ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy")
_WAYS_IN = ("HTTPS_PROXY", "https_proxy")
_AT_START = dict(os.environ)


class WrongNetwork(ValueError):
    """This worker may not run in this process."""


def initial_environment() -> Mapping[str, str]:
    """The environment at exec. Where the kernel cannot tell, as it was when Python imported us."""
    if not sys.platform.startswith("linux"):
        return _AT_START
    pairs = Path("/proc/self/environ").read_bytes().split(b"\0")
    return dict(os.fsdecode(pair).split("=", 1) for pair in pairs if b"=" in pair)


def check(*, trust_anchor: str, proxy_url: str, environment: Mapping[str, str]) -> None:
    """Raises WrongNetwork when this process and this configuration do not belong together."""
    in_sandbox = environment.get(MARK) == "sandbox"
    if not trust_anchor:
        if in_sandbox:
            raise WrongNetwork("a live worker may not run in the sandbox")
        return
    if not in_sandbox:
        raise WrongNetwork("a trust anchor is only for a process that was started for the sandbox")
    for name in _WAYS_IN:
        if not is_loopback(environment.get(name, "")):
            raise WrongNetwork(f"{name} does not lead to a loopback address")
    if open_ways := [name for name in _OTHER_WAYS_OUT if environment.get(name)]:
        raise WrongNetwork(f"{open_ways[0]} would lead around the sandbox")
    if proxy_url and proxy_url != environment["HTTPS_PROXY"]:
        raise WrongNetwork("the account's proxy is not the sandbox")


def is_loopback(url: str) -> bool:
    """Whether a proxy URL names an address of this machine. A name has to be "localhost"."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
