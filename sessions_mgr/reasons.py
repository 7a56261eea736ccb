"""Why a number is not connected: a code for programs and a sentence that a person can act on."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # failed
    "qr_timeout": "Nobody scanned the code in time. Ask for a new code and scan it at once.",
    "crash_loop": (
        "The worker of this number crashed again and again, so we stopped starting it. "
        "Look at the timeline for the cause, then connect again."
    ),
    "banned": "WhatsApp has banned this number for a while. Wait until the ban ends.",
    "client_outdated": (
        "WhatsApp no longer accepts this version of the engine. Update Switchboard, then connect."
    ),
    "passkey_required": (
        "WhatsApp asks for a passkey to link this account, which this engine cannot give. Turn off "
        "the passkey in WhatsApp (Settings, Account, Passkeys) on the phone, then connect again."
    ),
    "store_corrupt": (
        "The stored credentials were damaged and are set aside. Connect again with a new code."
    ),
    "replaced": (
        "Another program connected with the same credentials. Stop it, then connect again."
    ),
    "phone_in_use": "This phone is already connected in this workspace.",
    "connect_refused": "WhatsApp refused the login. Try again later, or link the phone anew.",
    "pairing_refused": "Linking the phone did not work. Ask for a new code and try again.",
    "internal": "Something went wrong on our side; the log has the details. Connect to try again.",
    # logged_out
    "unlinked_by_phone": (
        "The link was removed on the phone or by WhatsApp. Connect again and scan a new code."
    ),
    "unlinked": "You logged this number out. Connect again to link it with a new code.",
    # reconnecting, starting
    "line_lost": "The line to WhatsApp is down; it comes back by itself.",
    "silent": "The line is open but WhatsApp does not answer; it is being renewed.",
    "line_unreachable": "WhatsApp cannot be reached from here; the next try follows by itself.",
    "worker_crashed": "The process of this number ended unexpectedly; a new one is being started.",
    "worker_hung": "The process of this number stopped answering; a new one is being started.",
    "node_restarted": "The session node was restarted; the number is coming back.",
    "node_gone": (
        "The node that holds the credentials of this number is away; the number comes back with it."
    ),
    "node_drained": "The number is moving to another node.",
    "restart_requested": "A restart was asked for.",
}


def sentence(code: str) -> str:
    return SENTENCES[code]
