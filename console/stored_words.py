"""The sentences that the console finds stored in English, for events/stored_sentences.py.

PLAIN are found whole, as are all of sessions_mgr/reasons.py. A test looks for each in the code that
writes it, so that no sentence changes without the other.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop as noop

from events.stored_sentences import StoredSentences
from sessions_mgr import reasons

PLAIN = (
    # Messages: sessions_mgr/engines/neonize_errors.py, sessions_mgr/worker, messaging/outbox
    noop("WhatsApp did not say whether it took the message."),
    noop("The link to the phone is gone."),
    noop("Nobody uses WhatsApp under this number."),
    noop("You are not in this group."),
    noop("There is no such group."),
    noop("Only admins may see the invitation."),
    noop("The invitation is not valid."),
    noop("WhatsApp does not take this picture."),
    noop("WhatsApp has not told this device its profile name yet."),
    noop("Messages cannot be sent to this address."),
    noop("WhatsApp takes no file of this size."),
    noop("WhatsApp does not take this file."),
    noop("WhatsApp does not have this file any more."),
    noop("The file is damaged."),
    noop("This file cannot be found at WhatsApp."),
    noop("The line to WhatsApp is down."),
    noop("WhatsApp did not answer in time."),
    noop("WhatsApp does not accept this login any more."),
    noop("WhatsApp does not let this number write here."),
    noop("WhatsApp knows nobody under this address."),
    noop("WhatsApp takes no message of this size."),
    noop("WhatsApp asks to slow down."),
    noop(
        "WhatsApp does not let this number write to people who have not written to it, for a time."
    ),
    noop("The message is not there any more."),
    noop("This message cannot be deleted any more."),
    noop("WhatsApp does not allow this."),
    noop("WhatsApp knows nothing under this name."),
    noop("WhatsApp does not accept this."),
    noop("This is so already."),
    noop("This is not there any more."),
    noop("There are too many already."),
    noop("WhatsApp cannot do this at the moment."),
    noop("It was tried before this ledger began; nobody knows the end."),
    noop("WhatsApp may have it: an answer was lost, and time has run out."),
    noop("The message that this one refers to was not sent."),
    noop("The account was not connected."),
    noop("this number is not connected"),
    # Files: messaging/outbox and messaging/media
    noop("The upload has expired; send it again."),
    noop("The storage does not answer."),
    noop("The file is empty."),
    noop("Send an animated sticker as WebP."),
    noop("The file is no picture that can be read; use a whole JPEG, PNG, WebP or GIF."),
    noop("The file is no audio that can be read."),
    noop("This server has no ffmpeg to convert audio; send Ogg with Opus, or type audio."),
    noop("The message does not say where its file is."),
    noop("Its message is kept no longer."),
    noop("The file is not the one that its message names."),
    # What the composer is told: messaging/outbox/orders.py
    noop("This account has no such chat."),
    noop("This account has no such message."),
    noop("Messages go to people and groups only."),
    noop("The message was deleted."),
    noop("Only texts of our own can be edited."),
    noop("Only our own messages can be deleted."),
    # Webhooks: webhooks/sender.py, webhooks/ledger.py, egress/addresses.py
    noop("connection refused"),
    noop("the secret cannot be read any more (was SECRET_KEY changed?); rotate it"),
    noop("use a URL of printable ASCII characters; encode the others"),
    noop("use a URL such as https://example.com/path"),
    noop("use a URL that begins with https:// or http:// and names a host"),
    noop("use a header for credentials, not the URL"),
    noop("leave out the part after #"),
    noop("use a port from 1 to 65535"),
    noop("write an IPv4 address as four decimal numbers"),
    noop("use a host name or an address that exists"),
)

WITH_VALUES = (
    *reasons.WITH_VALUES,
    # Messages
    noop("%(phone_number)s is not on WhatsApp."),
    noop("Not sent in time. %(why)s"),
    noop("WhatsApp refused it with error %(number)s."),
    noop("WhatsApp refused it: %(number)s."),
    noop("The file did not reach WhatsApp: %(text)s"),
    noop("The line broke while it was sent: %(text)s"),
    noop("WhatsApp did not answer within %(seconds)s s."),
    noop("WhatsApp allows this for %(hours)s h only."),
    noop("Use at most %(most)s characters; these are %(many)s."),
    # Files
    noop("Send at most %(most)s bytes."),
    noop("The file is too large for type %(kind)s."),
    noop("The file has more than %(most)s bytes."),
    noop("The file is larger than %(most)s bytes."),
    noop("The picture has more than %(most)s pixels."),
    noop("A sticker has at most %(most)s bytes."),
    noop("The file took more than %(seconds)s s."),
    noop("Converting the audio took longer than %(seconds)s s."),
    noop("Files are kept for %(days)s days."),
    noop(
        "The file is %(found)s, whatever its name says; type %(kind)s needs %(needed)s. "
        "Type document sends any file."
    ),
    # Webhooks
    noop("no answer within %(seconds)s s"),
    noop("not sent: %(why)s"),
    noop("answered %(status)s: redirects are not followed (%(where)s)"),
    noop("answered %(status)s"),
    noop("the answer is not HTTP: %(text)s"),
    noop("use at most %(most)s characters"),
    noop("port %(port)s is not allowed; use 443, 80 or one from %(first)s"),
    noop("%(host)s leads to %(address)s, a private or special address"),
    noop("%(host)s is a private address"),
    noop("%(host)s is a name of a private network"),
    noop("%(host)s is a private or special address"),
    noop("%(host)s was not resolved in time"),
    noop("the name %(host)s cannot be resolved"),
    noop("the name %(host)s has no address"),
)

_known = StoredSentences(WITH_VALUES)


def in_words(text: str) -> str:
    """What a page says for a sentence that is stored."""
    return _known.in_words(text)
