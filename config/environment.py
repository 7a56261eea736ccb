"""The only reader of the environment: the values of variables.py, and the rules between them.

Rule: a wrong value ends the start with the variable's name and what would be right.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import environ

from .variables import VARIABLES

__all__ = ["VARIABLES", "ConfigurationError", "read"]


class ConfigurationError(Exception):
    """An environment variable is wrong. The text names it and says what is right."""


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
    _check_s3(values, "SNAPSHOT_S3")
    _check_s3(values, "MEDIA_S3")
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


def _check_s3(values: dict[str, Any], prefix: str) -> None:
    named = [n for n in values if n.startswith(f"{prefix}_") and values[n]]
    if named and not values[f"{prefix}_BUCKET"]:
        raise ConfigurationError(f"{named[0]} is not valid: it needs {prefix}_BUCKET")
    if bool(values[f"{prefix}_ACCESS_KEY"]) != bool(values[f"{prefix}_SECRET_KEY"]):
        raise ConfigurationError(
            f"{prefix}_SECRET_KEY is not valid: set it together with {prefix}_ACCESS_KEY"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
