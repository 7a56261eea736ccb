"""What a virtual phone can do to the number that is linked to it, besides talking: unlink it, and
provoke what production provokes. Only pages under settings.SANDBOX may call this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import WhatsAppAccount
from sessions_mgr import commands, sandbox_gateway
from sessions_mgr.sandbox_gateway import SandboxError

CRASH_DEADLINE = 2.0  # seconds; a process that died does not answer


@dataclass(frozen=True, slots=True)
class Provocation:
    words: Promise
    """On the button."""
    done: Promise
    fault: Mapping[str, Any] = field(default_factory=dict)
    """What the sandbox is told; the kinds are in docs/sandbox.md. Empty: not its business."""


PROVOCATIONS = {
    "crash": Provocation(
        _("Crash the process"), _("The process was killed. Watch the number come back.")
    ),
    "drop": Provocation(_("Cut the line"), _("The line was cut."), {"kind": "drop"}),
    "mute": Provocation(
        _("Fall silent for a minute"),
        _("WhatsApp neither listens nor speaks to this number for a minute."),
        {"kind": "mute", "seconds": 60},
    ),
    "refuse": Provocation(
        _("Refuse the next message"),
        _("WhatsApp refuses the next message that this number sends (463)."),
        {"kind": "reject_send_463", "count": 1},
    ),
    "unlink": Provocation(_("Unlink"), _("The phone has ended the link.")),
}


def provoke(account: WhatsAppAccount, name: str) -> None:
    """SandboxError says why it cannot be done."""
    if name == "crash":
        _crash(account)
    elif not account.device_jid or not account.phone_number:
        raise SandboxError(409, "not_linked", "This account is not linked to a phone.")
    elif name == "unlink":
        sandbox_gateway.unlink(account.phone_number, account.device_jid)
    else:
        sandbox_gateway.arm_fault({**PROVOCATIONS[name].fault, "jid": account.device_jid})


def _crash(account: WhatsAppAccount) -> None:
    try:
        commands.ask(account, "panic", {}, CRASH_DEADLINE)
    except commands.CommandFailed as exc:
        if exc.code != "timeout":
            raise SandboxError(409, exc.code, exc.detail) from None
