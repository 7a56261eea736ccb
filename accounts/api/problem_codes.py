"""Every code that a problem of the API may have: its statuses, what it means, what to do.

Pure data. docs/problems.md and the page /api/problems are made from this table, and the schema
names its codes. A test collects the codes that the source raises: one that is missing here fails
it, as does one that is here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    name: str
    statuses: tuple[int, ...]
    meaning: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    codes: tuple[Code, ...]


def _code(name: str, status: int | tuple[int, ...], meaning: str, remedy: str) -> Code:
    return Code(name, status if isinstance(status, tuple) else (status,), meaning, remedy)


SEND_AGAIN = "Ask again in a moment; sends with the same Idempotency-Key."
LOOK_AGAIN = "Read the object anew and go by what it is now."

REQUESTS = Group(
    "Any request",
    (
        _code(
            "invalid",
            (400, 422),
            "A value is missing, unknown or does not fit.",
            "`detail` says what fits; `errors` or `field` names where.",
        ),
        _code("parse_error", 400, "The body is not what its media type says.", "Send valid JSON."),
        _code("no_key", 401, "The request has no API key.", "Send `Authorization: Bearer <key>`."),
        _code(
            "invalid_key",
            401,
            "The API key is wrong, expired or revoked.",
            "Make a new key on the page API keys.",
        ),
        _code(
            "invalid_ticket",
            401,
            "The ticket is wrong, used or too old.",
            "Get a new one from `POST /ws-tickets`; each opens one feed.",
        ),
        _code(
            "missing_scope",
            403,
            "The key lacks the scope that `detail` names.",
            "Use a key with that scope.",
        ),
        _code(
            "restricted_key",
            403,
            "The key is restricted to some accounts and cannot add one.",
            "Use a key of the whole workspace.",
        ),
        _code("permission_denied", 403, "This is not allowed.", "`detail` says why."),
        _code(
            "not_found",
            404,
            "There is no such address, or no such object in this workspace.",
            "Check the id. Objects of other workspaces, and of accounts that the key may not see, "
            "are not found either.",
        ),
        _code(
            "method_not_allowed",
            405,
            "The address does not know this method.",
            "`Allow` names those it knows.",
        ),
        _code(
            "not_acceptable",
            (406, 422),
            "406: nothing in `Accept` can be had. 422: WhatsApp does not accept it.",
            "406: leave `Accept` out. 422: change what you send.",
        ),
        _code(
            "too_large",
            413,
            "The body is too large.",
            "`detail` says how much fits; send files to `POST /uploads`.",
        ),
        _code(
            "unsupported_media_type",
            415,
            "The body's media type is not understood here.",
            "Send `Content-Type: application/json`; files as `multipart/form-data`.",
        ),
        _code(
            "throttled",
            429,
            "The key made too many requests.",
            "Wait as many seconds as `Retry-After` says.",
        ),
        _code(
            "internal",
            (500, 502),
            "Something broke on our side; 502: in the number's worker.",
            "The log of the installation has the details. " + SEND_AGAIN,
        ),
        _code(
            "database_unavailable",
            503,
            "The database does not answer.",
            "Wait as many seconds as `Retry-After` says. " + SEND_AGAIN,
        ),
    ),
)
WORKSPACES = Group(
    "People and keys",
    (
        _code(
            "workspace_suspended",
            403,
            "An administrator of the installation has suspended the workspace.",
            "`detail` has the reason; nothing is lost, ask them to resume it.",
        ),
        _code(
            "quota_exceeded",
            (403, 429),
            "The workspace has used up what it may; `quota`, `limit` and `used` say of what.",
            "429: wait as long as `Retry-After` says. 403: make room, or ask for a larger quota.",
        ),
        _code("name_taken", 409, "Another workspace has this name.", "Choose another one."),
        _code(
            "owners_only",
            403,
            "Only an owner may make or change owners.",
            "An owner does it on the page Members.",
        ),
        _code(
            "last_owner",
            409,
            "A workspace keeps at least one owner.",
            "Make somebody else owner first.",
        ),
        _code(
            "not_rotatable", 409, "The key is revoked or expired.", "Make a new key in its place."
        ),
        _code("not_changeable", 409, "The key is revoked or expired.", "Make a new key instead."),
        _code(
            "too_many_webhooks",
            409,
            "The workspace has as many webhooks as it may have.",
            "Remove one that is not needed.",
        ),
        _code(
            "cursor_expired",
            410,
            "Events after this cursor are no longer kept.",
            "Read your accounts anew and go on from `oldest`.",
        ),
    ),
)
NUMBERS = Group(
    "Numbers and WhatsApp",
    (
        _code(
            "no_qr",
            409,
            "There is no code to scan; `account_status` says what the number is.",
            "Connect the number, then ask with `?wait=20`.",
        ),
        _code(
            "not_pairing",
            409,
            "A pairing code can be made only while the number waits for a phone.",
            "Connect the number first, and log it out before where it has credentials.",
        ),
        _code(
            "not_connected",
            409,
            "The number is not connected.",
            "Connect it, or wait until it is back: `session.status` tells.",
        ),
        _code(
            "not_running", 409, "No worker runs for the number.", "Connect it, and wait a moment."
        ),
        _code(
            "session_gone",
            409,
            "WhatsApp does not accept this login any more.",
            "Connect the number with a new code.",
        ),
        _code(
            "no_push_name",
            409,
            "The number has no name that others see, so it cannot be shown online.",
            "Set a name on the phone.",
        ),
        _code("already_done", 409, "WhatsApp says that it is so already.", LOOK_AGAIN),
        _code("resource_limit", 409, "WhatsApp says that there are too many already.", LOOK_AGAIN),
        _code(
            "invalid_phone_number",
            422,
            "This is no phone number that WhatsApp can use.",
            "Write it as E.164 with its +, e.g. +15550100200.",
        ),
        _code(
            "pairing_refused",
            502,
            "WhatsApp refused to give out a pairing code.",
            "`detail` has its words. Wait before the next try, or scan the QR code.",
        ),
        _code(
            "not_supported",
            501,
            "The engine of this number cannot do this.",
            "See `capabilities` of `GET /accounts/{id}/health`.",
        ),
        _code(
            "worker_failed",
            502,
            "WhatsApp or the worker refused; `worker_code` and `detail` say how.",
            "docs/worker-protocol.md lists the codes of workers.",
        ),
        _code("busy", 503, "The number's worker has too much to do at this moment.", SEND_AGAIN),
        _code("bus_unavailable", 503, "The message bus is away.", SEND_AGAIN),
        _code(
            "worker_timeout",
            504,
            "WhatsApp or the worker did not answer in time. It may have been done all the same.",
            LOOK_AGAIN,
        ),
        _code(
            "rate_limited",
            429,
            "WhatsApp asks this number to slow down.",
            "Do less: `PATCH /accounts/{id}/pacing`.",
        ),
        _code(
            "reachout_timelock",
            429,
            "WhatsApp does not let this number write to strangers, `until` then.",
            "Answer people, write to nobody new.",
        ),
    ),
)
MESSAGES = Group(
    "Messages, people and groups",
    (
        _code(
            "idempotency_key_reused",
            422,
            "This Idempotency-Key was used for another message.",
            "Take a new key for each message.",
        ),
        _code(
            "invalid_recipient",
            422,
            "`to` names nobody who can get a message.",
            "Use a phone number with its +, a JID, or `chat:<id>`.",
        ),
        _code(
            "not_on_whatsapp",
            422,
            "Nobody has this number on WhatsApp.",
            "Check numbers first: `POST /accounts/{id}/contacts/check`.",
        ),
        _code("not_a_member", 403, "The number is not in this group.", "Have it invited."),
        _code(
            "not_allowed",
            403,
            "WhatsApp does not let this number do it, mostly because it is no admin.",
            "Have an admin do it, or make the number one.",
        ),
        _code(
            "unknown_message",
            (404, 422),
            "The message that this is about is not in this account.",
            "Use our id or WhatsApp's id of a message of the same account.",
        ),
        _code(
            "target_not_sent",
            422,
            "The message that this is about was not sent (yet).",
            "Wait for its `message.ack`, or send it again.",
        ),
        _code("message_revoked", 422, "The message was deleted.", "Nothing is left to do."),
        _code(
            "message_too_old",
            422,
            "WhatsApp allows this for a limited time only.",
            "`detail` says for how long.",
        ),
        _code(
            "not_editable",
            422,
            "Only our own texts and captions can be edited.",
            "Delete it, and send a new one.",
        ),
        _code("not_ours", 422, "Only our own messages can be deleted.", "Nothing is left to do."),
        _code(
            "not_queued",
            409,
            "The message is no longer queued and cannot be taken back.",
            "Delete it with a message of the type revoke.",
        ),
        _code(
            "send_failed",
            502,
            "WhatsApp refused, for a reason that we do not know.",
            "See `detail`.",
        ),
    ),
)
FILES = Group(
    "Files",
    (
        _code(
            "unknown_upload", 422, "There is no such upload, or it has expired.", "Upload it again."
        ),
        _code(
            "media_invalid", 422, "The file is broken, or no file of this type.", "Send another."
        ),
        _code("media_rejected", 422, "WhatsApp does not take this file.", "Send it as a document."),
        _code("media_too_large", 413, "The file is too large.", "`detail` says what fits."),
        _code(
            "media_unreachable",
            422,
            "The URL gave no file.",
            "`detail` says what it gave. Check that the server may be reached from here.",
        ),
        _code(
            "media_url_refused",
            422,
            "The URL leads where we do not go: a private address, a wrong port or scheme.",
            "Use a public address, or upload the file.",
        ),
        _code(
            "voice_not_converted",
            422,
            "The voice message needs a conversion that this installation cannot do.",
            "Send Ogg with Opus, or install ffmpeg.",
        ),
        _code("media_pending", 409, "The file is being fetched.", "Ask with `?wait=20`."),
        _code("storage_failed", 503, "The disk or the bucket does not answer.", SEND_AGAIN),
        _code(
            "media_gone", 410, "The file no longer exists, here or at WhatsApp.", "Ask for it anew."
        ),
        _code("media_failed", 410, "The file cannot be had; `error` says why.", "Ask for it anew."),
        _code("no_thumbnail", 404, "The file has no preview.", "Ask for the file itself."),
    ),
)
SANDBOX = Group(
    "Sandbox",
    (
        _code("sandbox_down", 503, "The sandbox network does not answer.", SEND_AGAIN),
        _code("sandbox_error", 502, "The sandbox network failed.", "Its log has the details."),
        _code(
            "not_linked",
            409,
            "The account is linked to no virtual phone.",
            "Scan its code with one first.",
        ),
        _code("phone_exists", 409, "There is a virtual phone with this number.", "Use it."),
        _code("unknown_phone", 404, "There is no such virtual phone.", "Make it first."),
        _code("unknown_device", 404, "This device is not linked to the phone.", LOOK_AGAIN),
        _code("unknown_group", 404, "The virtual phones have no such group.", LOOK_AGAIN),
        _code("unknown_call", 404, "There is no such call.", LOOK_AGAIN),
        _code("unknown_path", 404, "The sandbox has no such address.", "See docs/sandbox.md."),
        _code("no_media", 404, "The message has no file.", LOOK_AGAIN),
        _code("media_corrupt", 422, "The file cannot be decrypted.", "Send it again."),
        _code(
            "unsupported_type",
            422,
            "Virtual phones cannot send this type.",
            "docs/sandbox.md lists the types.",
        ),
        _code("bad_qr", 422, "This is no code of a client.", "Scan the code as it is shown."),
        _code("qr_expired", 409, "No client shows this code any more.", "Scan the newest code."),
        _code("phone_offline", 409, "The virtual phone is offline.", "Set it online."),
        _code("passkey_required", 409, "The phone asks for a passkey.", "Use a phone without."),
        _code("too_many_devices", 409, "The phone cannot link more devices.", "Unlink one."),
        _code("pairing_rejected", 409, "The client refused to be linked.", "See `detail`."),
        _code("pairing_timeout", 504, "The client did not answer in time.", "Scan again."),
        _code("connection_lost", 409, "The client disconnected meanwhile.", "Scan again."),
        _code("no_code_requested", 409, "No client asked for a code for this phone.", LOOK_AGAIN),
        _code("wrong_code", 409, "The code is not the one that the client shows.", "Type it anew."),
        _code("not_group_admin", 403, "Only admins of the group may do this.", "Use an admin."),
        _code("group_forbidden", 403, "The phone is not in the group.", "Add it first."),
        _code("group_not_acceptable", 422, "The group's rules refuse this.", "See `detail`."),
        _code("already_member", 409, "It is so already.", "Nothing is left to do."),
        _code("invite_revoked", 410, "The invite link is not valid any more.", "Use a new one."),
        _code("call_ended", 409, "The call is over.", "Nothing is left to do."),
        _code("no_history", 409, "The phone has no history.", "Give it some first."),
        _code("bad_json", 400, "The sandbox got no JSON object.", "Send a JSON object."),
        _code("unauthorized", 401, "The sandbox was asked without its token.", "Restart it."),
    ),
)
GROUPS = (REQUESTS, WORKSPACES, NUMBERS, MESSAGES, FILES, SANDBOX)
CODES = {code.name: code for group in GROUPS for code in group.codes}
