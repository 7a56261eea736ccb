"""How every process logs: one line per event on stderr, as text for people or JSON for machines."""

from __future__ import annotations

import logging.config
from typing import Any

import structlog


def configuration(*, level: str, style: str) -> dict[str, Any]:
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: Any = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    last,
                ],
            }
        },
        "filters": {"probes": {"()": lambda: is_no_probe}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # One line per request is daphne's access log; Django repeats every 4xx on top.
            "django.request": {"level": "ERROR", "filters": ["probes"]},
            "daphne.http_protocol": {"level": "WARNING"},
            "daphne.ws_protocol": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
        },
    }


def is_no_probe(record: logging.LogRecord) -> bool:
    """Who asks whether we are ready gets an answer. "Not yet" is none that the log must tell at
    each start; whatever is down later tells of itself."""
    request = getattr(record, "request", None)
    asked = request.path if request is not None else ""
    return getattr(record, "status_code", 0) != 503 or asked != "/health/ready"


def configure(config: dict[str, Any]) -> None:
    logging.config.dictConfig(config)
