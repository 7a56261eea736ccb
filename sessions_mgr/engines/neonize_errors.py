"""What whatsmeow's error texts mean. Pure: a text in, an EngineError with a code out.

neonize passes errors as text only. The texts are those of whatsmeow's errors.go, send.go, upload.go
and user.go; a text that is not known gets the code that the caller names, with the text as detail.
"""

from __future__ import annotations

import re

from .base import EngineError

# In the order in which they are tried: (pattern, code, what a person should know).
_TEXTS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern), code, detail)
    for pattern, code, detail in (
        (
            r"timed out waiting for message send response|disconnected before message send"
            r"|message send.*(disconnected|context)",
            "unknown_outcome",
            "WhatsApp did not say whether it took the message.",
        ),
        (r"store doesn't contain a device JID", "session_gone", "The link to the phone is gone."),
        (
            r"no LID found for \S+ from server|is not on WhatsApp",
            "not_on_whatsapp",
            "Nobody uses WhatsApp under this number.",
        ),
        (r"not participating in that group", "not_a_member", "You are not in this group."),
        (r"group does not exist", "not_found", "There is no such group."),
        (
            r"have the permission to get the group's invite link",
            "not_allowed",
            "Only admins may see the invitation.",
        ),
        (
            r"invite link (is not valid|has been revoked)",
            "not_found",
            "The invitation is not valid.",
        ),
        (r"not a valid image", "media_rejected", "WhatsApp does not take this picture."),
        (
            r"without PushName set",
            "no_push_name",
            "WhatsApp has not told this device its profile name yet.",
        ),
        (
            r"unknown server|recipient must be a user JID|non-status broadcast lists",
            "invalid_recipient",
            "Messages cannot be sent to this address.",
        ),
        (
            r"upload failed with status code 413",
            "media_too_large",
            "WhatsApp takes no file of this size.",
        ),
        (
            r"upload failed with status code (400|415)",
            "media_rejected",
            "WhatsApp does not take this file.",
        ),
        (
            r"download failed with status code (401|403|404|410)",
            "media_gone",
            "WhatsApp does not have this file any more.",
        ),
        (
            r"invalid media (hmac|key)|hash of (media|unencrypted)|file too short",
            "media_corrupt",
            "The file is damaged.",
        ),
        (
            r"didn't find any attachments|no url present|unknown media type",
            "invalid_locator",
            "This file cannot be found at WhatsApp.",
        ),
        (
            r"websocket (is )?not connected|client is nil|frame socket is closed",
            "not_connected",
            "The line to WhatsApp is down.",
        ),
        (
            r"info query timed out|websocket disconnected before|context deadline exceeded",
            "timeout",
            "WhatsApp did not answer in time.",
        ),
    )
)
_REFUSED = re.compile(r"server returned error (\d+)")
_QUERY = re.compile(r"info query returned status (\d+)")
_NODE_LOST = re.compile(
    r"failed to send message node: (?!websocket not connected|frame socket is closed)"
)
_UPLOAD = re.compile(r"upload|media connections")

# <ack error="…"> of a message.
_MESSAGE_CODES = {
    401: ("session_gone", "WhatsApp does not accept this login any more."),
    403: ("not_a_member", "WhatsApp does not let this number write here."),
    404: ("not_on_whatsapp", "WhatsApp knows nobody under this address."),
    413: ("media_too_large", "WhatsApp takes no message of this size."),
    429: ("rate_limited", "WhatsApp asks to slow down."),
    463: (
        "reachout_timelock",
        "WhatsApp does not let this number write to people who have not written to it, for a time.",
    ),
    499: ("message_too_old", "The message is not there any more."),
    550: ("message_too_old", "This message cannot be deleted any more."),
}
# <error code="…"> of a question.
_QUERY_CODES = {
    401: ("not_allowed", "WhatsApp does not allow this."),
    403: ("not_allowed", "WhatsApp does not allow this."),
    404: ("not_found", "WhatsApp knows nothing under this name."),
    405: ("not_allowed", "WhatsApp does not allow this."),
    406: ("not_acceptable", "WhatsApp does not accept this."),
    409: ("already_done", "This is so already."),
    410: ("not_found", "This is not there any more."),
    419: ("resource_limit", "There are too many already."),
    429: ("rate_limited", "WhatsApp asks to slow down."),
    503: ("timeout", "WhatsApp cannot do this at the moment."),
}


def engine_error(text: object, otherwise: str) -> EngineError:
    """The error that whatsmeow's text stands for; `otherwise` is the code of an unknown one."""
    said = str(text)
    if refused := _REFUSED.search(said):
        number = int(refused[1])
        code, detail = _MESSAGE_CODES.get(
            number, (otherwise, f"WhatsApp refused it with error {number}.")
        )
        return EngineError(code, detail, whatsapp_error=number)
    for pattern, code, detail in _TEXTS:
        if pattern.search(said):
            return EngineError(code, detail)
    if query := _QUERY.search(said):
        number = int(query[1])
        code, detail = _QUERY_CODES.get(number, (otherwise, f"WhatsApp refused it: {number}."))
        return EngineError(code, detail, whatsapp_error=number)
    if _UPLOAD.search(said):
        return EngineError("upload_failed", f"The file did not reach WhatsApp: {said:.300}")
    return EngineError(otherwise, f"{said:.500}" or "WhatsApp gave no reason.")


def send_error(text: object, otherwise: str) -> EngineError:
    """The error of a SendMessage. Certain of it is only what WhatsApp refused, or what failed on
    the way there: whatsmeow wraps that in "failed to …". A bare "not connected" comes from the
    second try after a line that broke (retryFrame), when the first one may have arrived."""
    said = str(text)
    error = engine_error(said, otherwise)
    certain = said.startswith("failed to ") and not _NODE_LOST.match(said)
    if certain or error.code not in ("not_connected", "timeout", otherwise):
        return error
    if _REFUSED.search(said):
        return error
    return EngineError("unknown_outcome", f"The line broke while it was sent: {said:.300}")
