"""One message on its way: check, wait for its turn, upload, ask the worker, write down the answer.

Every step may be the last one of this process. What the steps leave behind is always enough for
the next dispatcher to go on: before `begin` nothing was asked, after it the request id is known to
the worker or the worker can say that it cannot know.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from accounts.models import WhatsAppAccount
from events import services as event_log
from sessions_mgr.commands import CHUNK_BYTES, TIMEOUTS, CommandFailed
from sessions_mgr.engines.base import Party

from .. import chats, people
from ..models import Media, MediaState, Message, Outgoing
from . import errors, ledger, orders, pacing, settling
from .recipients import USER_SERVER
from .requests import OPERATIONS

logger = logging.getLogger(__name__)

UPLOAD_TRIES = 6
# What the worker is told of a message's content as it is.
TAKEN_OVER = (
    *("mentions", "location", "contacts", "poll", "emoji"),
    *("expires_in", "expires_since"),
)

# ask(account, op, args, timeout in seconds): the worker's result, or CommandFailed.
Ask = Callable[[WhatsAppAccount, str, dict[str, Any], float], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Courier:
    """Blocking; one call in one thread per message. `rest(seconds)` waits."""

    ask: Ask
    clock: Callable[[], datetime]
    rest: Callable[[float], None]

    def deliver(self, outgoing: Outgoing) -> None:
        """Bring this message one step further: sent, refused, unknown, or later again."""
        message, account = outgoing.message, outgoing.message.account
        media = getattr(message, "media", None)
        if media is not None and media.state != MediaState.STORED:
            self._fail(message, media.error or {"code": errors.MEDIA_GONE, "detail": "No file."})
            return
        content = self._content(outgoing, message, media)
        if content is None:
            return
        try:
            if not self._checked(outgoing, message, account):
                return
            if ledger.reserve(outgoing, self.clock()) is not None:
                return
            self._type(outgoing, message, account)
            if media is not None:
                self._upload(account, media)
        except CommandFailed as exc:
            self._refused_before(outgoing, message, exc)
            return
        self._send(outgoing, message, account, content)

    def _send(
        self,
        outgoing: Outgoing,
        message: Message,
        account: WhatsAppAccount,
        content: dict[str, Any],
    ) -> None:
        doubtful = outgoing.in_doubt
        begun = ledger.begin(outgoing, self.clock())
        if begun is None:
            return
        args = {
            "request_id": str(message.pk),
            "to": outgoing.request["to"],
            "content": content,
            "first_epoch": begun.first_epoch,
        }
        try:
            answer = self.ask(account, "send", args, TIMEOUTS["send"])
        except CommandFailed as exc:
            self._refused(outgoing, message, exc, doubtful)
            return
        settling.sent(
            message.pk,
            wa_id=str(answer["wa_id"]),
            at=_time(answer.get("timestamp"), self.clock()),
            chat=_party(answer.get("chat")),
        )

    def _refused(
        self, outgoing: Outgoing, message: Message, exc: CommandFailed, doubtful: bool
    ) -> None:
        if exc.code == errors.UNKNOWN_OUTCOME:
            settling.unknown(
                message.pk,
                detail=exc.detail,
                at=self.clock(),
                wa_id=str(exc.extra.get("wa_id", "")),
            )
        elif exc.code in errors.PASSING:
            doubt = doubtful or exc.code in errors.IN_DOUBT
            self._again(outgoing, message, exc, doubt=doubt)
        else:
            self._fail(message, ledger.error_of(exc))

    def _refused_before(self, outgoing: Outgoing, message: Message, exc: CommandFailed) -> None:
        """Not in doubt by this: sending was not asked for in this try."""
        if exc.code in errors.PASSING or outgoing.in_doubt:
            outgoing.attempts += 1
            self._again(outgoing, message, exc, doubt=outgoing.in_doubt)
        else:
            self._fail(message, ledger.error_of(exc))

    def _again(
        self, outgoing: Outgoing, message: Message, exc: CommandFailed, *, doubt: bool
    ) -> None:
        at = self.clock()
        if exc.code == errors.UPLOAD_FAILED and outgoing.attempts >= UPLOAD_TRIES and not doubt:
            self._fail(message, ledger.error_of(exc))
            return
        until = None
        if exc.code == errors.RATE_LIMITED:
            until = settling.slow_down(message.account_id, at)
        ledger.postpone(
            outgoing, at=at, code=exc.code, detail=exc.detail, doubt=doubt, not_before=until
        )

    def _fail(self, message: Message, error: dict[str, Any]) -> None:
        settling.failed(message.pk, error=error, at=self.clock())

    # Before it is sent ---------------------------------------------------------------------------

    def _checked(self, outgoing: Outgoing, message: Message, account: WhatsAppAccount) -> bool:
        """Whether the recipient is on WhatsApp; asked once, before the first contact."""
        chat = ledger.chat_of(message, outgoing)
        if chat is None or outgoing.first_epoch or not orders.needs_number_check(chat):
            return True
        if people.is_us(account, Party(jid=chat.jid, lid=chat.lid)):
            return True
        known = people.known(account, Party(jid=chat.jid))
        if known is not None and known.lid:
            return True
        number = f"+{chat.jid.removesuffix(f'@{USER_SERVER}')}"
        results = self.ask(
            account, "check_numbers", {"numbers": [number]}, TIMEOUTS["check_numbers"]
        )
        found: dict[str, Any] = next(iter(results.get("results") or []), {})
        if not found.get("registered"):
            detail = f"{number} is not on WhatsApp."
            self._fail(message, {"code": errors.NOT_ON_WHATSAPP, "detail": detail})
            return False
        party = Party(jid=str(found.get("jid") or chat.jid), lid=str(found.get("lid") or ""))
        with transaction.atomic():  # what two names make one is one for everybody else, too
            event_log.take_turns(pk=account.workspace_id)  # ingest may learn the same now
            chats.of(account, party)
            people.of(account, party)
        return True

    def _type(self, outgoing: Outgoing, message: Message, account: WhatsAppAccount) -> None:
        """Show "typing…" for a while. That it could not be shown stops nothing."""
        if message.type != "text" or outgoing.first_epoch:
            return
        seconds = pacing.typing_time(ledger.rules(account.pk), message.text).total_seconds()
        if not seconds:
            return
        to = outgoing.request["to"]
        try:
            self.ask(account, "typing", {"to": to, "state": "typing"}, TIMEOUTS["typing"])
        except CommandFailed as exc:
            logger.debug("typing was not shown: %s", exc.code)
            return
        self.rest(seconds)

    def _upload(self, account: WhatsAppAccount, media: Media) -> None:
        """Hand the file to the worker in pieces. From the start each time: it may be a new one."""
        upload_id = str(media.pk)
        begin = {"upload_id": upload_id, "size": media.size}
        self.ask(account, "upload_begin", begin, TIMEOUTS["upload_begin"])
        with media.file.open("rb") as file:
            self._chunks(account, upload_id, file)

    def _chunks(self, account: WhatsAppAccount, upload_id: str, file: Any) -> None:
        offset = 0
        while data := file.read(CHUNK_BYTES):
            args = {
                "upload_id": upload_id,
                "offset": offset,
                "data": base64.b64encode(data).decode(),
            }
            self.ask(account, "upload_chunk", args, TIMEOUTS["upload_chunk"])
            offset += len(data)

    # What the worker is told ---------------------------------------------------------------------

    def _content(
        self, outgoing: Outgoing, message: Message, media: Media | None
    ) -> dict[str, Any] | None:
        """`content` of the send command; None when the message it refers to has no wa_id."""
        request = outgoing.request
        content: dict[str, Any] = {"type": message.type}
        if message.type not in OPERATIONS:
            chat = ledger.chat_of(message, outgoing)
            ledger.note_timer(message, chat, first=not outgoing.first_epoch)
        for name in TAKEN_OVER:
            if name in message.content:
                content[name] = message.content[name]
        if message.text and message.type not in ("location", "contact", "poll"):
            content["text"] = message.text
        if request.get("reply_to"):
            quoted = self._referred(message, request["reply_to"])
            if quoted is None:
                return None
            content["quoted"] = {**_target(quoted), "text": quoted.text[:1_000]}
            ledger.note_quoted(message, quoted)
        if request.get("target"):
            target = self._referred(message, request["target"])
            if target is None:
                return None
            content["target"] = _target(target)
        if media is not None:
            content["media"] = _media(media)
        return content

    def _referred(self, message: Message, reference: str) -> Message | None:
        found = ledger.reference(reference)
        if found is not None and found.wa_id:
            return found
        detail = "The message that this one refers to was not sent."
        self._fail(message, {"code": errors.TARGET_NOT_SENT, "detail": detail})
        return None


def _target(message: Message) -> dict[str, Any]:
    sender = message.sender
    return {
        "wa_id": message.wa_id,
        "sender_jid": sender.get("jid") or sender.get("lid") or "",
        "from_me": message.direction == "out",
    }


def _media(media: Media) -> dict[str, Any]:
    described: dict[str, Any] = {
        "upload_id": str(media.pk),
        "mime_type": media.raw_mime_type or media.mime_type,
        "filename": media.filename,
    }
    for name in ("width", "height", "duration", "waveform", "animated"):
        if value := getattr(media, name):
            described[name] = value
    if media.thumbnail:
        described["thumbnail"] = base64.b64encode(bytes(media.thumbnail)).decode()
    return described


def _time(seconds: Any, otherwise: datetime) -> datetime:
    if isinstance(seconds, int | float) and seconds > 0:
        return datetime.fromtimestamp(seconds, UTC)
    return otherwise


def _party(raw: Any) -> Party | None:
    if not isinstance(raw, dict) or not raw.get("jid"):
        return None
    names = ("jid", "lid", "phone_number", "push_name", "type")
    return Party(**{name: str(raw[name]) for name in names if raw.get(name)})
