"""The configuration document of a worker (docs/worker-protocol.md)."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from ..engines.base import EngineConfig
from ..stores import STORE, has_credentials
from .line import LINE_SECONDS


class ConfigInvalid(ValueError):
    """The worker cannot start with what it was given."""


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    account_id: UUID
    workspace_id: UUID
    epoch: int
    node: str
    session_dir: Path
    nats_url: str
    mode: Literal["connect", "unlink"] = "connect"
    engine: Literal["neonize", "scripted"] = "neonize"
    device_name: str = "Switchboard"
    proxy_url: str = ""
    sandbox_trust_anchor: str = ""
    nats_token: str = field(default="", repr=False)
    store_url: str = field(default="", repr=False)  # PostgreSQL; empty: a file in session_dir
    store_jid: str = ""  # which device of it is this account's; empty: a new one
    pairing_timeout: float = 180.0
    drain_timeout: float = 4.0
    line_timeout: float = LINE_SECONDS  # a line that is down for so long ends the life
    heartbeat_interval: float = 5.0
    engine_options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str | bytes) -> WorkerConfig:
        """Raises ConfigInvalid, naming what is wrong."""
        try:
            raw = json.loads(text)
            known = {f.name for f in dataclasses.fields(cls)}
            if unknown := raw.keys() - known:
                raise ConfigInvalid(f"unknown setting {sorted(unknown)[0]!r}")
            config = cls(
                **raw
                | {
                    "account_id": UUID(raw["account_id"]),
                    "workspace_id": UUID(raw["workspace_id"]),
                    "session_dir": Path(raw["session_dir"]),
                }
            )
        except ConfigInvalid:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise ConfigInvalid(f"{type(exc).__name__}: {exc}") from exc
        if config.mode not in ("connect", "unlink"):
            raise ConfigInvalid(f"mode {config.mode!r}")
        if config.engine not in ("neonize", "scripted"):
            raise ConfigInvalid(f"engine {config.engine!r}")
        return config

    @classmethod
    def from_fd(cls, fd: int) -> WorkerConfig:
        """Read the descriptor to its end and close it."""
        with os.fdopen(fd, "rb") as pipe:
            return cls.from_json(pipe.read())

    def to_json(self) -> str:
        raw: dict[str, Any] = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        for name in ("account_id", "workspace_id", "session_dir"):
            raw[name] = str(raw[name])
        return json.dumps(raw)

    def for_engine(self) -> EngineConfig:
        return EngineConfig(
            store_path=self.store_url or str(self.session_dir / STORE),
            device_name=self.device_name,
            proxy_url=self.proxy_url,
            sandbox_trust_anchor=self.sandbox_trust_anchor,
            work_dir=str(self.session_dir),
            extra=self.engine_options | ({"jid": self.store_jid} if self.store_url else {}),
        )

    def has_credentials(self) -> bool:
        """Whether the engine can log in without a new QR code."""
        if self.store_url:
            return bool(self.store_jid)
        return has_credentials(self.session_dir)
