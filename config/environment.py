"""Every environment variable: name, type, default, rule and sentence. The only reader of them.

Rule: a wrong value ends the start with the variable's name and what would be right. `.env.example`
is checked against this table by a test, so a variable cannot be undocumented.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import environ

from . import mail

MIN_SECRET_LENGTH = 40  # characters; as strong as what we generate


class ConfigurationError(Exception):
    """An environment variable is wrong. The text names it and says what is right."""


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    kind: Callable[[str], Any]
    default: Any
    help: str


def _bool(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError("use 1 or 0")


def _int(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,12}", text) or not low <= int(text) <= high:
            raise ValueError(f"use a whole number from {low} to {high}")
        return int(text)

    return parse


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not low <= value <= high:
            raise ValueError(f"use seconds from {low:g} to {high:g}")
        return value

    return parse


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError("use " + " or ".join(allowed))
        return text

    return parse


def _host(text: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", text):
            raise ValueError("use an address or a host name without port") from None
    return text


def _hosts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _database(text: str) -> str:
    if not text.startswith(("sqlite:///", "postgres://", "postgresql://")):
        raise ValueError("use sqlite:///path or postgres://user:password@host:5432/name")
    return text


def _store_url(text: str) -> str:
    """As lib/pq reads it: a socket's folder goes into the query, as host=/folder."""
    if not text.startswith(("postgres://", "postgresql://")):
        raise ValueError("use postgres://user:password@host:5432/name?sslmode=…")
    query = dict(parse_qsl(urlsplit(text).query))
    if query.get("sslmode", "require") not in ("disable", "require", "verify-ca", "verify-full"):
        raise ValueError("use sslmode=disable, require, verify-ca or verify-full")
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", query.get("search_path", "public")):
        raise ValueError("use one plain schema as search_path")
    return text


def _nats(text: str) -> str:
    if text and (urlsplit(text).scheme not in ("nats", "tls") or not urlsplit(text).hostname):
        raise ValueError("use nats://host:4222 (or tls://…)")
    return text


def _secret(text: str) -> str:
    if text and (len(text) < MIN_SECRET_LENGTH or len(set(text)) < 10 or "insecure" in text):
        raise ValueError(f"use {MIN_SECRET_LENGTH} or more random characters")
    return text


def _api_key(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9._~-]{40,200}", text):
        raise ValueError("use 40 to 200 URL-safe characters")
    return text


def _email(text: str) -> str:
    if text and not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise ValueError("use an e-mail address")
    return text


def _password(text: str) -> str:
    if text and (len(text) < 16 or len(set(text)) < 8):
        raise ValueError("use 16 or more characters, 8 of them different")
    return text


def _keys(text: str) -> list[bytes]:
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


def _bucket(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", text):
        raise ValueError("use the name of a bucket")
    return text


def _http(text: str) -> str:
    if urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).hostname:
        raise ValueError("use https://host[:port]")
    return text


def _webhook_proxy(text: str) -> str:
    if urlsplit(text).scheme != "http" or not urlsplit(text).hostname:
        raise ValueError("use http://host:port")
    return text


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_-]*)*", text):
        raise ValueError("use folder/folder of letters, digits, - and _")
    return text


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", text):
        raise ValueError("use letters, digits, - and _ (63 at most)")
    return text


def _node_name() -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname())[:63].strip("-_") or "node"


def _admin_path(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}(/[a-z0-9][a-z0-9-]{0,40})?/?", text):
        raise ValueError("use one or two words of a-z, 0-9 and -, such as back-office")
    if text.split("/")[0] in ("api", "static", "health", "metrics", "workspaces", "you", "join"):
        raise ValueError("this path is taken, use another one")
    return text.rstrip("/") + "/"


VARIABLES = [
    Variable("HOST", _host, "127.0.0.1", "address that the web process listens on"),
    Variable("PORT", _int(1, 65535), 8000, "port that the web process listens on"),
    Variable(
        "PUBLIC_URL",
        str,
        "",
        "address that people open, when it differs from HOST:PORT (https://…)",
    ),
    Variable(
        "DATA_DIR",
        Path,
        Path("var"),
        "folder of everything that is kept: database, sessions, media, bus",
    ),
    Variable(
        "DATABASE_URL", _database, "", "default: SQLite in DATA_DIR; postgres://… in production"
    ),
    Variable("NATS_URL", _nats, "", "default: a nats-server of our own; nats://… for a cluster"),
    Variable("NATS_TOKEN", str, "", "token of the NATS server at NATS_URL"),
    Variable(
        "SECRET_KEY",
        _secret,
        "",
        "signs logins and encrypts secrets; default: generated once into DATA_DIR/secret_key",
    ),
    Variable(
        "ALLOWED_HOSTS",
        _hosts,
        [],
        "host names that people use, comma separated; default: HOST and localhost",
    ),
    Variable(
        "DEBUG",
        _bool,
        False,
        "show tracebacks in the browser; refused when HOST is not a loopback address",
    ),
    Variable(
        "LOG_LEVEL", _choice("DEBUG", "INFO", "WARNING", "ERROR"), "INFO", "how much is logged"
    ),
    Variable(
        "LOG_FORMAT", _choice("text", "json"), "text", "text for people, json for log collectors"
    ),
    Variable(
        "SANDBOX", _bool, False, "1: all numbers live on a WhatsApp network on loopback (test mode)"
    ),
    Variable(
        "SANDBOX_QR_REFS",
        _int(1, 6),
        6,
        "how many QR codes the sandbox hands out before a round ends",
    ),
    Variable(
        "SESSION_STORE",
        _choice("local", "postgres"),
        "local",
        "where credentials live: local, a folder per number; postgres, a database for all nodes",
    ),
    Variable(
        "SESSION_STORE_URL",
        _store_url,
        "",
        "that database; default: DATABASE_URL with search_path=engine "
        "(postgres://user:password@host:5432/name?sslmode=require&search_path=engine)",
    ),
    Variable("NODE_NAME", _name, _node_name(), "name of this session node, unique among nodes"),
    Variable(
        "NODE_LEASE_TTL",
        _seconds(2, 300),
        15.0,
        "seconds after which a node that is not heard of has lost its numbers; the same everywhere",
    ),
    Variable("NODE_CAPACITY", _int(0, 1_000_000), 0, "numbers this node may run; 0: no limit"),
    Variable("SESSION_START_BURST", _int(1, 1000), 10, "workers that may start at once"),
    Variable(
        "SESSION_START_RATE",
        _seconds(0.1, 100),
        5.0,
        "workers that may start per second after the burst",
    ),
    Variable(
        "SESSION_STOP_GRACE", _seconds(0.5, 60), 6.0, "seconds a worker gets between stop and kill"
    ),
    Variable(
        "SESSION_CRASH_BUDGET",
        _int(1, 1000),
        10,
        "crashes without a steady minute before a number is failed(crash_loop)",
    ),
    Variable(
        "SESSION_HEARTBEAT_TIMEOUT",
        _seconds(2, 600),
        30.0,
        "seconds of silence after which a worker counts as hung",
    ),
    Variable(
        "PAIRING_TIMEOUT",
        _seconds(1, 600),
        200.0,
        "seconds a QR round may last before failed(qr_timeout)",
    ),
    Variable(
        "STORE_KEYS",
        _keys,
        [],
        "keys that seal store snapshots, base64, comma separated: the first seals, all open; "
        "default: derived from SECRET_KEY",
    ),
    Variable(
        "SNAPSHOT_INTERVAL",
        _seconds(0, 31_536_000),
        86_400.0,
        "seconds between snapshots of credentials that changed; 0: none by itself",
    ),
    Variable(
        "SNAPSHOT_KEEP", _int(1, 1000), 7, "snapshots of each reason that are kept per number"
    ),
    Variable(
        "SNAPSHOT_S3_BUCKET",
        _bucket,
        "",
        "bucket for snapshots; default: the folder DATA_DIR/snapshots",
    ),
    Variable("SNAPSHOT_S3_PREFIX", _prefix, "", "folder in that bucket"),
    Variable("SNAPSHOT_S3_ENDPOINT", _http, "", "address of an S3 service that is not Amazon's"),
    Variable("SNAPSHOT_S3_REGION", str, "", "region of that bucket"),
    Variable(
        "SNAPSHOT_S3_ACCESS_KEY",
        str,
        "",
        "access key for that bucket; default: what the machine's role allows",
    ),
    Variable("SNAPSHOT_S3_SECRET_KEY", str, "", "secret of that access key"),
    Variable(
        "STORE_QUARANTINE_DAYS",
        _int(1, 3650),
        30,
        "days that credentials which were set aside are kept",
    ),
    Variable("AVATAR_FETCH_ENABLED", _bool, True, "0: never ask WhatsApp for profile pictures"),
    Variable("EVENT_RETENTION_DAYS", _int(1, 3650), 30, "days that the event log is kept"),
    Variable(
        "WEBHOOK_ALLOW_PRIVATE",
        _bool,
        False,
        "1: webhooks may go to private and loopback addresses (development, tests)",
    ),
    Variable(
        "WEBHOOK_PROXY",
        _webhook_proxy,
        "",
        "egress proxy that all webhooks go through, http://host:port; it judges the addresses then",
    ),
    Variable("WEBHOOK_RETENTION_DAYS", _int(1, 3650), 14, "days that finished deliveries are kept"),
    Variable(
        "EMAIL_URL",
        mail.parse,
        "",
        "how mail leaves, smtp+tls://user:password@host:587; default: not at all, "
        "links for new passwords are made with `manage.py reset_password_link`",
    ),
    Variable("EMAIL_FROM", _email, "", "sender of mail; default: switchboard@ the host people use"),
    Variable("ADMIN_PATH", _admin_path, "installation/", "where installation administrators work"),
    Variable(
        "TRUSTED_PROXIES",
        _int(0, 10),
        0,
        "how many proxies of yours stand in front and write X-Forwarded-For; 0: it is ignored",
    ),
    Variable("SWITCHBOARD_API_KEY", str, "", "API key that `manage.py listen` uses"),
    Variable("API_RATE", str, "600/min", "requests per API key, as number/second|min|hour|day"),
    Variable(
        "SWITCHBOARD_BOOTSTRAP_EMAIL", _email, "", "e-mail of the owner that the first start makes"
    ),
    Variable(
        "SWITCHBOARD_BOOTSTRAP_PASSWORD",
        _password,
        "",
        "that owner's password; default: generated and printed once",
    ),
    Variable(
        "SWITCHBOARD_BOOTSTRAP_API_KEY",
        _api_key,
        "",
        "API key that the first start makes; default: generated and printed once",
    ),
]


def read(env: environ.Env) -> dict[str, Any]:
    """All variables, parsed. ConfigurationError names the first wrong one."""
    values: dict[str, Any] = {}
    for variable in VARIABLES:
        text = env.str(variable.name, default="")
        if text == "":
            values[variable.name] = variable.default
            continue
        try:
            values[variable.name] = variable.kind(text)
        except ValueError as exc:
            raise ConfigurationError(f"{variable.name} is not valid: {exc}") from None
    return _together(values)


def _together(values: dict[str, Any]) -> dict[str, Any]:
    """Rules between variables."""
    if values["DEBUG"] and not _is_loopback(values["HOST"]):
        raise ConfigurationError(
            "DEBUG is not valid: 1 is only allowed when HOST is a loopback address"
        )
    if not re.fullmatch(r"\d+/(s|sec|second|m|min|minute|h|hour|d|day)", values["API_RATE"]):
        raise ConfigurationError("API_RATE is not valid: use number/second, /min, /hour or /day")
    _check_store(values)
    _check_s3(values)
    return values


def _check_store(values: dict[str, Any]) -> None:
    if values["SESSION_STORE"] == "local":
        if values["SESSION_STORE_URL"]:
            raise ConfigurationError(
                "SESSION_STORE_URL is not valid: it is only for SESSION_STORE=postgres"
            )
    elif not (values["SESSION_STORE_URL"] or values["DATABASE_URL"].startswith("postgres")):
        raise ConfigurationError(
            "SESSION_STORE is not valid: postgres needs SESSION_STORE_URL, or a DATABASE_URL that "
            "is PostgreSQL"
        )


def _check_s3(values: dict[str, Any]) -> None:
    named = [n for n in values if n.startswith("SNAPSHOT_S3_") and values[n]]
    if named and not values["SNAPSHOT_S3_BUCKET"]:
        raise ConfigurationError(f"{named[0]} is not valid: it needs SNAPSHOT_S3_BUCKET")
    if bool(values["SNAPSHOT_S3_ACCESS_KEY"]) != bool(values["SNAPSHOT_S3_SECRET_KEY"]):
        raise ConfigurationError(
            "SNAPSHOT_S3_SECRET_KEY is not valid: set it together with SNAPSHOT_S3_ACCESS_KEY"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
