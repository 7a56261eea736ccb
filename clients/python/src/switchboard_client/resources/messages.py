"""Sending, and what was said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import BinaryIO, Literal, Unpack
from uuid import uuid4

from .. import bodies
from ..models import Chat, Message, Presence, ReadMark, Typing, Upload
from ..transport import Call
from .base import Id, Resource, part

Direction = Literal["in", "out"]


class Messages(Resource):
    def send(
        self,
        account_id: Id,
        *,
        idempotency_key: str | None = None,
        **message: Unpack[bodies.SendRequest],
    ) -> Message:
        """Queue a message; it is durable when this returns, and `message.ack` events follow.

        Retries never send twice: without a key of yours one is made for this call. Give one that
        comes from your own data (an order's number) so that a new process does not send again
        either. The same key for another message is Invalid, code idempotency_key_reused.
        """
        answer = self._send(
            "POST",
            f"/accounts/{part(account_id)}/messages",
            json=message,
            headers={"Idempotency-Key": idempotency_key or str(uuid4())},
        )
        return self._read(Message, answer)

    def get(self, message_id: Id) -> Message:
        return self._get(Message, f"/messages/{part(message_id)}")

    def cancel(self, message_id: Id) -> Message:
        """Take back a message that is still queued. Conflict with not_queued otherwise."""
        return self._post(Message, f"/messages/{part(message_id)}/cancel")

    def list(
        self,
        account_id: Id,
        *,
        chat: str | None = None,
        direction: Direction | None = None,
        after: datetime | str | None = None,
        type: Sequence[str] | None = None,
        status: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> Iterator[Message]:
        """Messages of a number, newest first. `after` is a time or the id of a message."""
        return self._walk(
            Message,
            f"/accounts/{part(account_id)}/messages",
            chat=chat,
            direction=direction,
            after=_time(after),
            type=type and list(type),
            status=status and list(status),
            limit=limit,
        )

    def upload(self, file: bytes, *, filename: str) -> Upload:
        """Keep a file to send it, once or often: `media={"upload_id": str(upload.id)}`."""
        answer = self._send("POST", "/uploads", files={"file": (filename, file)})
        return self._read(Upload, answer)

    def download(
        self,
        media_id: Id,
        target: BinaryIO,
        *,
        thumbnail: bool | None = None,
        download: bool | None = None,
        wait: float | None = None,
    ) -> str:
        """Write a file of a message to `target`, block by block; returns its MIME type.

        Conflict with media_pending while it is being fetched: `wait` seconds for it.
        """
        query = {
            "thumbnail": thumbnail and "1",
            "download": download and "1",
            "wait": wait,
        }
        call = Call("GET", f"/media/{part(media_id)}", query=query)
        silence = self._transport.timeout + (wait or 0.0)
        with self._transport.open(call, read_timeout=silence) as answer:
            for block in answer.iter_bytes():
                target.write(block)
            return str(answer.headers.get("content-type", "application/octet-stream"))


class Chats(Resource):
    def list(
        self,
        account_id: Id,
        *,
        unread: bool | None = None,
        archived: bool | None = None,
        limit: int | None = None,
    ) -> Iterator[Chat]:
        """Conversations, the one that moved last first."""
        path = f"/accounts/{part(account_id)}/chats"
        return self._walk(Chat, path, unread=unread, archived=archived, limit=limit)

    def messages(
        self,
        account_id: Id,
        jid: str,
        *,
        direction: Direction | None = None,
        after: datetime | str | None = None,
        type: Sequence[str] | None = None,
        status: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> Iterator[Message]:
        """What was said in a conversation, newest first."""
        return self._walk(
            Message,
            f"/accounts/{part(account_id)}/chats/{part(jid)}/messages",
            direction=direction,
            after=_time(after),
            type=type and list(type),
            status=status and list(status),
            limit=limit,
        )

    def read(self, account_id: Id, jid: str, *, message_id: Id | None = None) -> ReadMark:
        """Send the blue ticks, up to the newest or a given message."""
        body = {"message_id": str(message_id)} if message_id else {}
        return self._post(ReadMark, f"/accounts/{part(account_id)}/chats/{part(jid)}/read", body)

    def typing(
        self, account_id: Id, jid: str, *, state: Literal["typing", "recording", "paused"]
    ) -> Typing:
        path = f"/accounts/{part(account_id)}/chats/{part(jid)}/typing"
        return self._post(Typing, path, {"state": state})

    def presence(self, account_id: Id, *, state: Literal["available", "unavailable"]) -> Presence:
        """Show the number as online or not."""
        return self._post(Presence, f"/accounts/{part(account_id)}/presence", {"state": state})


def _time(value: datetime | str | None) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else value
