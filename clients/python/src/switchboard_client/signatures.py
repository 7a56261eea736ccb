"""Is this request really from Switchboard? Standard Webhooks, by its own library."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from .errors import InvalidSignature
from .models import Event


def verify(secret: str, body: bytes, headers: Mapping[str, str]) -> Event:
    """The event of a webhook's request. InvalidSignature when it is not from us, or older than
    five minutes.

    `body` are the bytes as they arrived. The same event may come more than once: remember `id`.
    """
    known = {name.lower(): value for name, value in headers.items()}
    try:
        Webhook(secret).verify(body, known)
    except WebhookVerificationError as exc:
        raise InvalidSignature(str(exc)) from None
    except ValueError as exc:  # what is no JSON was not signed by us either
        raise InvalidSignature(f"not JSON: {exc}") from None
    try:
        return Event.model_validate_json(body)
    except ValidationError as exc:
        raise InvalidSignature(f"not an event: {exc.error_count()} members do not fit") from None
