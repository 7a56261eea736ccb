"""What can go wrong. Everything here is a SwitchboardError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class SwitchboardError(Exception):
    """Something did not work; see the subclasses."""


class Unreachable(SwitchboardError):
    """The server did not answer, or the line broke. Whether it did the work is not known."""


class DeadlineExceeded(SwitchboardError, TimeoutError):
    """The call took longer than its deadline. Whether the server did the work is not known."""


class InvalidSignature(SwitchboardError):
    """These bytes were not signed with this secret, or not just now."""


class Problem(SwitchboardError):
    """The server refused. `code` is for programs (docs/problems.md), `detail` for people.

    `extra` holds what else the problem said: `errors`, `field`, `until`, `oldest`…
    """

    def __init__(self, status: int, document: Mapping[str, Any], retry_after: float | None) -> None:
        known = dict(document)
        self.status = status
        self.code = str(known.pop("code", "unknown"))
        self.detail = str(known.pop("detail", "The answer is no problem document."))
        self.title = str(known.pop("title", ""))
        self.type = str(known.pop("type", "about:blank"))
        self.retry_after = retry_after  # seconds
        known.pop("status", None)
        self.extra: dict[str, Any] = known
        super().__init__(f"{status} {self.code}: {self.detail}")

    @property
    def errors(self) -> dict[str, list[str]]:
        """What is wrong with each field, where the problem is about fields."""
        found = self.extra.get("errors")
        return found if isinstance(found, dict) else {}


class NotAuthenticated(Problem):
    """401: no key, or one that is wrong, expired or revoked."""


class NotAllowed(Problem):
    """403: the key lacks a scope, or WhatsApp does not let the number do it."""


class NotFound(Problem):
    """404: there is no such object in this workspace."""


class Conflict(Problem):
    """409: not in the present state; `code` says which."""


class Gone(Problem):
    """410: it existed. With the code cursor_expired go on from `extra["oldest"]`."""


class Invalid(Problem):
    """400, 413, 415, 422: the request is wrong and fails again."""


class TooManyRequests(Problem):
    """429: wait `retry_after` seconds where it is said."""


class ServerProblem(Problem):
    """5xx: the server, its worker or WhatsApp."""


_BY_STATUS: dict[int, type[Problem]] = {
    400: Invalid,
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: TooManyRequests,
}


def problem(status: int, document: Any, retry_after: float | None = None) -> Problem:
    """The error for an answer of 400 or more, whatever its body is."""
    kind = ServerProblem if status >= 500 else _BY_STATUS.get(status, Problem)
    return kind(status, document if isinstance(document, Mapping) else {}, retry_after)
