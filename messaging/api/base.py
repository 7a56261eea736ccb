"""What the views of one account share: whose it is, which JID is meant, what a refusal means."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.problems import Problem
from accounts.models import ApiKey, WhatsAppAccount
from sessions_mgr import commands

from ..outbox import recipients

# What a worker's refusal is over HTTP: (status, code). Others are 502 with the worker's own code.
REFUSALS = {
    "not_connected": (409, "not_connected"),
    "not_running": (409, "not_connected"),
    "session_gone": (409, "session_gone"),
    "no_push_name": (409, "no_push_name"),
    "resource_limit": (409, "resource_limit"),
    "timeout": (504, "worker_timeout"),
    "bus_unavailable": (503, "bus_unavailable"),
    "busy": (503, "busy"),
    "invalid_request": (422, "invalid"),
    "invalid_recipient": (422, "invalid_recipient"),
    "invalid_phone_number": (422, "invalid_phone_number"),
    "not_acceptable": (422, "not_acceptable"),
    "not_on_whatsapp": (422, "not_on_whatsapp"),
    "media_rejected": (422, "media_rejected"),
    "media_too_large": (413, "media_too_large"),
    "not_found": (404, "not_found"),
    "not_a_member": (403, "not_a_member"),
    "not_allowed": (403, "not_allowed"),
    "rate_limited": (429, "rate_limited"),
    "reachout_timelock": (429, "reachout_timelock"),
    "unknown_op": (501, "not_supported"),
    "unsupported_by_engine": (501, "not_supported"),
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
    found = request.auth.visible_accounts().present().filter(pk=account_id).first()
    if found is None:
        raise Problem(404, "not_found", "There is no such account in this workspace.")
    return found


def refusal(exc: commands.CommandFailed) -> Problem:
    status, code = REFUSALS.get(exc.code, (502, exc.code))
    until = {"until": exc.extra["until"]} if exc.extra.get("until") else {}
    return Problem(status, code, exc.detail, **until)


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
