"""Why a number is not connected: a code for programs and a sentence that a person can act on."""

from __future__ import annotations

from django.utils.translation import gettext_noop as noop

SENTENCES: dict[str, str] = {
    # failed
    "qr_timeout": noop("Nobody scanned the code in time. Ask for a new code and scan it at once."),
    "crash_loop": noop(
        "The worker of this number crashed again and again, so we stopped starting it. "
        "Look at the timeline for the cause, then connect again."
    ),
    "banned": noop("WhatsApp has banned this number for a while. Wait until the ban ends."),
    "client_outdated": noop(
        "WhatsApp no longer accepts this version of the engine. Update Switchboard, then connect."
    ),
    "passkey_required": noop(
        "WhatsApp asks for a passkey to link this account, which this engine cannot give. Turn off "
        "the passkey in WhatsApp (Settings, Account, Passkeys) on the phone, then connect again."
    ),
    "store_corrupt": noop(
        "The stored credentials were damaged and are set aside. Connect again with a new code."
    ),
    "replaced": noop(
        "Another program connected with the same credentials. Stop it, then connect again."
    ),
    "phone_in_use": noop("This phone is already connected in this workspace."),
    "connect_refused": noop("WhatsApp refused the login. Try again later, or link the phone anew."),
    "pairing_refused": noop("Linking the phone did not work. Ask for a new code and try again."),
    "internal": noop(
        "Something went wrong on our side; the log has the details. Connect to try again."
    ),
    # logged_out
    "unlinked_by_phone": noop(
        "The link was removed on the phone or by WhatsApp. Connect again and scan a new code."
    ),
    "unlinked": noop("You logged this number out. Connect again to link it with a new code."),
    # reconnecting, starting
    "line_lost": noop("The line to WhatsApp is down; it comes back by itself."),
    "silent": noop("The line is open but WhatsApp does not answer; it is being renewed."),
    "line_unreachable": noop(
        "WhatsApp cannot be reached from here; the next try follows by itself."
    ),
    "worker_crashed": noop(
        "The process of this number ended unexpectedly; a new one is being started."
    ),
    "worker_hung": noop(
        "The process of this number stopped answering; a new one is being started."
    ),
    "node_restarted": noop("The session node was restarted; the number is coming back."),
    "node_gone": noop(
        "The node that holds the credentials of this number is away; the number comes back with it."
    ),
    "node_drained": noop("The number is moving to another node."),
    "restart_requested": noop("A restart was asked for."),
}

BANNED_UNTIL = noop("WhatsApp has banned this number until %(until)s. Wait until then.")
PHONE_IN_USE = noop(
    "%(phone_number)s is already connected in this workspace as %(name)s. The new link was "
    "removed again; disconnect the other account first if this one should have the phone."
)
WITH_VALUES = (BANNED_UNTIL, PHONE_IN_USE)


def sentence(code: str) -> str:
    return SENTENCES[code]
