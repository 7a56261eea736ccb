"""Typed client of the Switchboard API. See README.md."""

from .client import Switchboard
from .errors import (
    Conflict,
    DeadlineExceeded,
    Gone,
    Invalid,
    InvalidSignature,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Problem,
    ServerProblem,
    SwitchboardError,
    TooManyRequests,
    Unreachable,
)
from .signatures import verify

__all__ = [
    "Conflict",
    "DeadlineExceeded",
    "Gone",
    "Invalid",
    "InvalidSignature",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "Problem",
    "ServerProblem",
    "Switchboard",
    "SwitchboardError",
    "TooManyRequests",
    "Unreachable",
    "verify",
]
