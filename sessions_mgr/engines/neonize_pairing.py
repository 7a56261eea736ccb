"""Where a round of QR codes stands, and what its end means. Pure; times are Unix seconds."""

from __future__ import annotations

from . import base

QR_SECONDS = 20.0
FIRST_OF_SIX_SECONDS = 60.0  # whatsmeow shows the first of six codes longer
PAIRING_CODE_SECONDS = 160.0  # a code lives as long as the round of QR codes behind it

# What the QR channel of whatsmeow ends with, besides "success", "timeout" and "passkey-request".
_REFUSALS: dict[str, base.EngineEvent] = {
    "err-client-outdated": base.ClientOutdated(),
    "err-scanned-without-multidevice": base.PairingRefused("the phone has linked devices off"),
    "err-unexpected-state": base.ConnectRefused("unexpected-state", "during pairing"),
}


class Pairing:
    """Where the round of QR codes stands."""

    def __init__(self) -> None:
        self.attempt = 0
        self.waiting = False
        self.round_ends = 0.0
        self.last_error = ""
        self._shown_at = 0.0

    def code_shown(self, now: float) -> tuple[int, float]:
        """(attempt, expires_at) of the code that is shown from now on."""
        self.attempt += 1
        self.waiting = True
        self._shown_at = now
        if self.attempt == 1:
            self.round_ends = now + PAIRING_CODE_SECONDS
        return self.attempt, now + (FIRST_OF_SIX_SECONDS if self.attempt == 1 else QR_SECONDS)

    def ended_with(self, status: str, now: float) -> base.EngineEvent | base.EngineError | None:
        """What the last word of whatsmeow's QR channel means. None: the fact itself follows."""
        self.waiting = False
        if status == "success":
            return None
        if status in ("passkey-request", "passkey-confirmation"):
            return base.PasskeyRequired()
        if status == "timeout":
            if self._code_ran_out(now - self._shown_at):
                return base.PairingExpired()
            return base.EngineError("line_unreachable", "the line closed while a code was shown")
        return _REFUSALS.get(status) or base.PairingRefused(self.last_error or status)

    def _code_ran_out(self, shown_for: float) -> bool:
        """whatsmeow says "timeout" after the last code, but also when the server hangs up."""
        if self.attempt == 1 and shown_for >= QR_SECONDS + 1.0:
            return shown_for >= FIRST_OF_SIX_SECONDS - 1.0
        return shown_for >= QR_SECONDS - 1.0
