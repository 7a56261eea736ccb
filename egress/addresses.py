"""Where a request for a customer may go, so that nobody reaches into our own network. Pure.

A URL is judged twice: when somebody names it, and for every connection by the addresses that its
name resolved to then. The connection goes to the very address that was judged (transport.py), so a
name cannot answer differently the second time. Who follows a redirect judges its URL likewise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

MAX_URL = 2000  # characters
DEFAULT_PORTS = {"http": 80, "https": 443}
FIRST_FREE_PORT = 1024
# Above 1024, yet no place for HTTP: browsers refuse the first line, the others are databases.
BAD_PORTS = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6679, 6697, 10080}
    | set(range(6665, 6670))
    | {1433, 1521, 2375, 2376, 2379, 3306, 4222, 5432, 5672, 6379, 9042, 9200, 9300, 11211, 27017}
)

# https://www.iana.org/assignments/iana-ipv4-special-registry and multicast, reserved, broadcast.
FORBIDDEN_V4 = [
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
]
# Only global unicast is allowed, and in it not what wraps IPv4 or is set aside.
GLOBAL_V6 = ip_network("2000::/3")
FORBIDDEN_V6 = [
    ip_network(text)
    for text in (
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
    )
]


class Refused(ValueError):
    """This URL or address must not be called. The text is for the person who set it."""


@dataclass(frozen=True, slots=True)
class Target:
    scheme: str
    host: str  # a name in its ASCII form, or an address without brackets
    port: int
    path: str  # with the query

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str, *, allow_private: bool = False) -> Target:
    """The parts of a URL that may be called. Refused says what is wrong with it."""
    if len(url) > MAX_URL:
        raise Refused(f"use at most {MAX_URL} characters")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise Refused("use a URL of printable ASCII characters; encode the others")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("use a URL such as https://example.com/path") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise Refused("use a URL that begins with https:// or http:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise Refused("use a header for credentials, not the URL")
    if parts.fragment:
        raise Refused("leave out the part after #")
    port = DEFAULT_PORTS[parts.scheme] if port is None else port
    host = _host(parts.hostname)
    if not allow_private:
        _check_port(port)
        _check_name(host)
    elif not 0 < port < 65536:
        raise Refused("use a port from 1 to 65535")
    path = parts.path or "/"
    return Target(parts.scheme, host, port, f"{path}?{parts.query}" if parts.query else path)


def _host(text: str) -> str:
    if ":" in text:
        try:
            return str(ip_address(text)) if "%" not in text else _no_host()
        except ValueError:
            return _no_host()
    host = text.rstrip(".").lower()
    if not re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?", host) or ".." in host:
        return _no_host()
    # A name that ends in a number is an IPv4 address to many parsers: 127.1, 0x7f.1, 2130706433.
    if re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)", host.rpartition(".")[2]):
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise Refused("write an IPv4 address as four decimal numbers") from None
    return host


def _no_host() -> str:
    raise Refused("use a host name or an address that exists")


def _check_port(port: int) -> None:
    fine = port in DEFAULT_PORTS.values() or FIRST_FREE_PORT <= port < 65536
    if not fine or port in BAD_PORTS:
        raise Refused(f"port {port} is not allowed; use 443, 80 or one from {FIRST_FREE_PORT}")


def _check_name(host: str) -> None:
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".home.arpa")):
        raise Refused(f"{host} is a private address")
    try:
        address = ip_address(host)
    except ValueError:
        if "." not in host:
            raise Refused(f"{host} is a name of a private network") from None
        return
    check_address(str(address))


def check_address(text: str) -> None:
    """Refused when this address is not a public one. Every spelling ends up here, parsed."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv4Address):
        forbidden = any(address in network for network in FORBIDDEN_V4)
    else:
        forbidden = _forbidden_v6(address)
    if forbidden:
        raise Refused(f"{text} is a private or special address")


def _forbidden_v6(address: IPv6Address) -> bool:
    """Mapped, compatible, NAT64, 6to4 and Teredo addresses are outside GLOBAL_V6 or listed."""
    return address not in GLOBAL_V6 or any(address in network for network in FORBIDDEN_V6)
