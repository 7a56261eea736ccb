"""One message, one row: the echo of our own message that arrived before the answer.

WhatsApp may tell our message to our other devices, or the engine may, before the worker's answer
is here. Ingest first asks `settling.claim_echo`; when that could not decide, a row of the echo's
own exists, and this brings the two together: our row stays, as its id was given to the app.
"""

from __future__ import annotations

from ..models import Chat, Media, Message, PollVote, Reaction, Receipt


def absorb_echo(message: Message, wa_id: str) -> bool:
    """Take over what the echo's row has and delete it. False when there is none.

    True also means that a `message` event with this wa_id was told already, under the echo's id.
    """
    echo = (
        Message.objects.select_for_update(of=("self",))
        .filter(account_id=message.account_id, wa_id=wa_id)
        .exclude(pk=message.pk)
        .first()
    )
    if echo is None:
        return False
    Reaction.objects.filter(message=echo).update(message=message)
    PollVote.objects.filter(message=echo).update(message=message)
    Receipt.objects.filter(message=echo).update(message=message)
    Chat.objects.filter(last_message=echo).update(last_message=message)
    if not Media.objects.filter(message=message).exists():
        Media.objects.filter(message=echo).update(message=message)
    message.chat = {**message.chat, **{name: value for name, value in echo.chat.items() if value}}
    if message.chat_row_id is None:
        message.chat_row_id = echo.chat_row_id
    message.sender = {**message.sender, **{n: v for n, v in echo.sender.items() if v}}
    message.edited_at, message.revoked_at = echo.edited_at, echo.revoked_at
    message.save(update_fields=["chat", "chat_row", "sender", "edited_at", "revoked_at"])
    echo.delete()
    return True
