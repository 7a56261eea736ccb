"""What the views of one account share: whose it is, which JID is meant, what a refusal means."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.documented import codes
from accounts.api.problems import Problem
from accounts.models import ApiKey, WhatsAppAccount
from sessions_mgr import commands
from sessions_mgr.api.refusals import refusal

from ..outbox import recipients

# What an operation may be refused with that WhatsApp is asked about, or a worker.
WORKER = {
    403: codes("not_allowed"),
    409: codes("not_connected", "session_gone", "resource_limit", "already_done"),
    422: codes("not_acceptable", "not_on_whatsapp"),
    429: codes("rate_limited"),
    501: codes("not_supported"),
    502: codes("worker_failed", "internal"),
    503: codes("busy", "bus_unavailable"),
    504: codes("worker_timeout"),
}


class AccountView(APIView):
    """`self.account` is the account of the path, of the key's workspace, or the answer is 404."""

    account: WhatsAppAccount

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.account = account_of(request, kwargs["account_id"])

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, commands.CommandFailed):
            exc = refusal(exc)
        return super().handle_exception(exc)

    def order(self, op: str, **args: Any) -> dict[str, Any]:
        """The worker's result; its refusal becomes the answer."""
        return commands.order(self.account, op, **args)


def account_of(request: Request, account_id: UUID) -> WhatsAppAccount:
    assert isinstance(request.auth, ApiKey)
    known = request.auth.visible_accounts().present().select_related("workspace")
    found = known.filter(pk=account_id).first()
    if found is None:
        raise Problem(404, "not_found", "There is no such account in this workspace.")
    return found


def checked(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The body as the serializer reads it; a problem names the first wrong field."""
    wanted = serializer(data=request.data)
    wanted.is_valid(raise_exception=True)
    data: dict[str, Any] = wanted.validated_data
    return data


def recipient(text: str, what: str = "jid") -> recipients.Recipient:
    """The person or group that the path or a field names; 422 says what is wrong with it."""
    if text != text.strip():
        raise Problem(422, "invalid", f"{what}: remove the spaces around it.")
    try:
        return recipients.parse(text)
    except recipients.NoRecipient as exc:
        raise Problem(422, "invalid", f"{what}: {exc}") from None


def group_jid(text: str) -> str:
    found = recipient(text)
    if found.type != "group":
        raise Problem(422, "invalid", "jid: use the JID of a group, …@g.us.")
    return found.jid


def person_jids(texts: list[str], what: str) -> list[str]:
    """JIDs of people, each once, in their order."""
    found = [recipient(text, what) for text in texts]
    for one, text in zip(found, texts, strict=True):
        if one.type != "user":
            raise Problem(422, "invalid", f"{what}: {text[:60]!r} is no person.")
    return list(dict.fromkeys(one.jid for one in found))
