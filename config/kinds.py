"""What the text of an environment variable may be. Pure.

Each kind returns the value, or raises ValueError with what would be right. The message never
repeats the text, which may be a secret.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import socket
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

MIN_SECRET_LENGTH = 40  # characters; as strong as what we generate


def boolean(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError("use 1 or 0")


def whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,12}", text) or not low <= int(text) <= high:
            raise ValueError(f"use a whole number from {low} to {high}")
        return int(text)

    return parse


def seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not low <= value <= high:
            raise ValueError(f"use seconds from {low:g} to {high:g}")
        return value

    return parse


def choice(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError("use " + " or ".join(allowed))
        return text

    return parse


def host(text: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", text):
            raise ValueError("use an address or a host name without port") from None
    return text


def hosts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def database(text: str) -> str:
    if not text.startswith(("sqlite:///", "postgres://", "postgresql://")):
        raise ValueError("use sqlite:///path or postgres://user:password@host:5432/name")
    return text


def store_url(text: str) -> str:
    """As lib/pq reads it: a socket's folder goes into the query, as host=/folder."""
    if not text.startswith(("postgres://", "postgresql://")):
        raise ValueError("use postgres://user:password@host:5432/name?sslmode=…")
    query = dict(parse_qsl(urlsplit(text).query))
    if query.get("sslmode", "require") not in ("disable", "require", "verify-ca", "verify-full"):
        raise ValueError("use sslmode=disable, require, verify-ca or verify-full")
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", query.get("search_path", "public")):
        raise ValueError("use one plain schema as search_path")
    return text


def nats(text: str) -> str:
    if text and (urlsplit(text).scheme not in ("nats", "tls") or not urlsplit(text).hostname):
        raise ValueError("use nats://host:4222 (or tls://…)")
    return text


def secret(text: str) -> str:
    if text and (len(text) < MIN_SECRET_LENGTH or len(set(text)) < 10 or "insecure" in text):
        raise ValueError(f"use {MIN_SECRET_LENGTH} or more random characters")
    return text


def secrets(text: str) -> list[str]:
    return [secret(part.strip()) for part in text.split(",") if part.strip()]


def api_key(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9._~-]{40,200}", text):
        raise ValueError("use 40 to 200 URL-safe characters")
    return text


def email(text: str) -> str:
    if text and not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise ValueError("use an e-mail address")
    return text


def password(text: str) -> str:
    if text and (len(text) < 16 or len(set(text)) < 8):
        raise ValueError("use 16 or more characters, 8 of them different")
    return text


def keys(text: str) -> list[bytes]:
    """Keys for AES-256. The message never repeats the text."""
    try:
        keys = [base64.b64decode(part.strip(), validate=True) for part in text.split(",")]
    except binascii.Error:
        keys = []
    if not keys or any(len(key) != 32 or len(set(key)) < 10 for key in keys):
        raise ValueError("use base64 of 32 random bytes each, comma separated")
    if len(set(keys)) != len(keys):
        raise ValueError("name each key once")
    return keys


def bucket(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", text):
        raise ValueError("use the name of a bucket")
    return text


def http(text: str) -> str:
    if urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).hostname:
        raise ValueError("use https://host[:port]")
    return text


def webhook_proxy(text: str) -> str:
    if urlsplit(text).scheme != "http" or not urlsplit(text).hostname:
        raise ValueError("use http://host:port")
    return text


def prefix(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_-]*)*", text):
        raise ValueError("use folder/folder of letters, digits, - and _")
    return text


def name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", text):
        raise ValueError("use letters, digits, - and _ (63 at most)")
    return text


def node_name() -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname())[:63].strip("-_") or "node"


def admin_path(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}(/[a-z0-9][a-z0-9-]{0,40})?/?", text):
        raise ValueError("use one or two words of a-z, 0-9 and -, such as back-office")
    if text.split("/")[0] in ("api", "static", "health", "metrics", "workspaces", "you", "join"):
        raise ValueError("this path is taken, use another one")
    return text.rstrip("/") + "/"
