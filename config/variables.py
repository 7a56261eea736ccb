"""Every environment variable: name, kind, default and sentence. Nothing else is read.

`.env.example` is checked against this table by a test, so a variable cannot be undocumented.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import kinds, mail


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    kind: Callable[[str], Any]
    default: Any
    help: str


VARIABLES = [
    Variable("HOST", kinds.host, "127.0.0.1", "address that the web process listens on"),
    Variable("PORT", kinds.whole(1, 65535), 8000, "port that the web process listens on"),
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
        "DATABASE_URL",
        kinds.database,
        "",
        "default: SQLite in DATA_DIR; postgres://… in production",
    ),
    Variable(
        "NATS_URL", kinds.nats, "", "default: a nats-server of our own; nats://… for a cluster"
    ),
    Variable("NATS_TOKEN", str, "", "token of the NATS server at NATS_URL"),
    Variable(
        "SECRET_KEY",
        kinds.secret,
        "",
        "signs logins and encrypts secrets; default: generated once into DATA_DIR/secret_key",
    ),
    Variable(
        "SECRET_KEY_FALLBACKS",
        kinds.secrets,
        [],
        "former values of SECRET_KEY, comma separated: what they sealed and signed still opens",
    ),
    Variable(
        "ALLOWED_HOSTS",
        kinds.hosts,
        [],
        "host names that people use, comma separated; default: those of PUBLIC_URL and HOST, "
        "and localhost",
    ),
    Variable(
        "DEBUG",
        kinds.boolean,
        False,
        "show tracebacks in the browser; refused when HOST is not a loopback address",
    ),
    Variable(
        "LOG_LEVEL", kinds.choice("DEBUG", "INFO", "WARNING", "ERROR"), "INFO", "how much is logged"
    ),
    Variable(
        "LOG_FORMAT",
        kinds.choice("text", "json"),
        "text",
        "text for people, json for log collectors",
    ),
    Variable(
        "SANDBOX",
        kinds.boolean,
        False,
        "1: all numbers live on a WhatsApp network on loopback (test mode)",
    ),
    Variable(
        "SANDBOX_QR_REFS",
        kinds.whole(1, 6),
        6,
        "how many QR codes the sandbox hands out before a round ends",
    ),
    Variable(
        "SESSION_STORE",
        kinds.choice("local", "postgres"),
        "local",
        "where credentials live: local, a folder per number; postgres, a database for all nodes",
    ),
    Variable(
        "SESSION_STORE_URL",
        kinds.store_url,
        "",
        "that database; default: DATABASE_URL with search_path=engine "
        "(postgres://user:password@host:5432/name?sslmode=require&search_path=engine)",
    ),
    Variable(
        "NODE_NAME", kinds.name, kinds.node_name(), "name of this session node, unique among nodes"
    ),
    Variable(
        "NODE_LEASE_TTL",
        kinds.seconds(2, 300),
        15.0,
        "seconds after which a node that is not heard of has lost its numbers; the same everywhere",
    ),
    Variable(
        "NODE_CAPACITY", kinds.whole(0, 1_000_000), 0, "numbers this node may run; 0: no limit"
    ),
    Variable("SESSION_START_BURST", kinds.whole(1, 1000), 10, "workers that may start at once"),
    Variable(
        "SESSION_START_RATE",
        kinds.seconds(0.1, 100),
        5.0,
        "workers that may start per second after the burst",
    ),
    Variable(
        "SESSION_STOP_GRACE",
        kinds.seconds(0.5, 60),
        6.0,
        "seconds a worker gets between stop and kill",
    ),
    Variable(
        "SESSION_CRASH_BUDGET",
        kinds.whole(1, 1000),
        10,
        "crashes without a steady minute before a number is failed(crash_loop)",
    ),
    Variable(
        "SESSION_HEARTBEAT_TIMEOUT",
        kinds.seconds(2, 600),
        30.0,
        "seconds of silence after which a worker counts as hung",
    ),
    Variable(
        "PAIRING_TIMEOUT",
        kinds.seconds(1, 600),
        200.0,
        "seconds a QR round may last before failed(qr_timeout)",
    ),
    Variable(
        "STORE_KEYS",
        kinds.keys,
        [],
        "keys that seal store snapshots, base64, comma separated: the first seals, all open; "
        "default: derived from SECRET_KEY",
    ),
    Variable(
        "SNAPSHOT_INTERVAL",
        kinds.seconds(0, 31_536_000),
        86_400.0,
        "seconds between snapshots of credentials that changed; 0: none by itself",
    ),
    Variable(
        "SNAPSHOT_KEEP",
        kinds.whole(1, 1000),
        7,
        "snapshots of each reason that are kept per number",
    ),
    Variable(
        "SNAPSHOT_S3_BUCKET",
        kinds.bucket,
        "",
        "bucket for snapshots; default: the folder DATA_DIR/snapshots",
    ),
    Variable("SNAPSHOT_S3_PREFIX", kinds.prefix, "", "folder in that bucket"),
    Variable(
        "SNAPSHOT_S3_ENDPOINT", kinds.http, "", "address of an S3 service that is not Amazon's"
    ),
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
        kinds.whole(1, 3650),
        30,
        "days that credentials which were set aside are kept",
    ),
    Variable(
        "AVATAR_FETCH_ENABLED", kinds.boolean, True, "0: never ask WhatsApp for profile pictures"
    ),
    Variable(
        "MEDIA_RETENTION_DAYS", kinds.whole(1, 3650), 90, "days that files of messages are kept"
    ),
    Variable(
        "MEDIA_MAX_BYTES",
        kinds.whole(1, 2_147_483_648),
        104_857_600,
        "bytes of the largest file that is fetched from WhatsApp",
    ),
    Variable(
        "OUTBOUND_MEDIA_ALLOW_PRIVATE",
        kinds.boolean,
        False,
        "1: files to send may come from private and loopback addresses (development, tests)",
    ),
    Variable("MEDIA_DOWNLOADS", kinds.whole(1, 100), 8, "files that one pipeline fetches at once"),
    Variable(
        "MEDIA_S3_BUCKET", kinds.bucket, "", "bucket for files of messages; default: DATA_DIR/media"
    ),
    Variable("MEDIA_S3_PREFIX", kinds.prefix, "", "folder in that bucket"),
    Variable("MEDIA_S3_ENDPOINT", kinds.http, "", "address of an S3 service that is not Amazon's"),
    Variable("MEDIA_S3_REGION", str, "", "region of that bucket"),
    Variable(
        "MEDIA_S3_ACCESS_KEY",
        str,
        "",
        "access key for that bucket; default: what the machine's role allows",
    ),
    Variable("MEDIA_S3_SECRET_KEY", str, "", "secret of that access key"),
    Variable("EVENT_RETENTION_DAYS", kinds.whole(1, 3650), 30, "days that the event log is kept"),
    Variable(
        "TIMELINE_RETENTION_DAYS",
        kinds.whole(7, 3650),
        365,
        "days that status changes and worker exits are kept; the latest of a number always is",
    ),
    Variable(
        "WEBHOOK_ALLOW_PRIVATE",
        kinds.boolean,
        False,
        "1: webhooks may go to private and loopback addresses (development, tests)",
    ),
    Variable(
        "WEBHOOK_PROXY",
        kinds.webhook_proxy,
        "",
        "egress proxy that all webhooks go through, http://host:port; it judges the addresses then",
    ),
    Variable(
        "WEBHOOK_RETENTION_DAYS", kinds.whole(1, 3650), 14, "days that finished deliveries are kept"
    ),
    Variable(
        "EMAIL_URL",
        mail.parse,
        "",
        "how mail leaves, smtp+tls://user:password@host:587; default: not at all, "
        "links for new passwords are made with `manage.py reset_password_link`",
    ),
    Variable(
        "EMAIL_FROM", kinds.email, "", "sender of mail; default: switchboard@ the host people use"
    ),
    Variable(
        "ADMIN_PATH", kinds.admin_path, "installation/", "where installation administrators work"
    ),
    Variable(
        "TRUSTED_PROXIES",
        kinds.whole(0, 10),
        0,
        "how many proxies of yours stand in front and write X-Forwarded-For; 0: it is ignored",
    ),
    Variable("SWITCHBOARD_API_KEY", str, "", "API key that `manage.py listen` uses"),
    Variable("API_RATE", str, "600/min", "requests per API key, as number/second|min|hour|day"),
    Variable(
        "SWITCHBOARD_BOOTSTRAP_EMAIL",
        kinds.email,
        "",
        "e-mail of the owner that the first start makes",
    ),
    Variable(
        "SWITCHBOARD_BOOTSTRAP_PASSWORD",
        kinds.password,
        "",
        "that owner's password; default: generated and printed once",
    ),
    Variable(
        "SWITCHBOARD_BOOTSTRAP_API_KEY",
        kinds.api_key,
        "",
        "API key that the first start makes; default: generated and printed once",
    ),
]
