"""People through neonize: pictures, names, numbers, presence, read marks."""

from __future__ import annotations

import importlib
from typing import Any, Literal

from . import base
from .neonize_access import Access
from .neonize_errors import engine_error
from .neonize_parties import jid_text

_PICTURE_STATES: tuple[tuple[str, Literal["hidden", "none"]], ...] = (
    ("hidden their profile picture", "hidden"),
    ("does not have a profile picture", "none"),
)
_READ, _PLAYED = b"read", b"played"


class NeonizePeople:
    def __init__(self, access: Access) -> None:
        self._access = access
        self._enums = importlib.import_module("neonize.utils.enum")
        self._proto = importlib.import_module("neonize.proto.Neonize_pb2")

    def picture(self, jid: str, known_id: str, *, community: bool = False) -> base.PictureLink:
        """The link to the preview; its host is one of WhatsApp's."""
        access = self._access
        access.require_login()
        params = self._proto.GetProfilePictureParams(
            Preview=True, ExistingID=known_id, IsCommunity=community
        )
        try:
            found = access.client.get_profile_picture(access.address(jid), params)
        except access.neonize.NeonizeError as exc:
            text = str(getattr(exc.args[0], "Error", exc)) if exc.args else str(exc)
            for words, state in _PICTURE_STATES:
                if words in text:
                    return base.PictureLink(state)
            raise engine_error(text, "picture_failed") from exc
        if not found.URL:
            return base.PictureLink("unchanged" if known_id else "none")
        return base.PictureLink("found", picture_id=found.ID, url=found.URL)

    def check_numbers(self, numbers: list[str]) -> list[base.Registration]:
        asked = {number.lstrip("+"): number for number in numbers}
        answers = self._access.call(
            "is_on_whatsapp", *(f"+{digits}" for digits in asked), otherwise="check_failed"
        )
        found: dict[str, Any] = {a.Query.lstrip("+"): a for a in answers}
        return [self._registration(n, found.get(digits)) for digits, n in asked.items()]

    def _registration(self, number: str, answer: Any) -> base.Registration:
        if answer is None or not answer.IsIn:
            return base.Registration(number, registered=False)
        names = [answer.JID, self._access.hidden_id(answer.JID)]
        texts = {n.Server: jid_text(n) for n in names if n is not None}
        return base.Registration(
            number,
            registered=True,
            jid=texts.get("s.whatsapp.net", ""),
            lid=texts.get("lid", ""),
        )

    def names(self) -> list[base.Known]:
        self._access.require_login()
        try:
            contacts = self._access.client.contact.get_all_contacts()
        except self._access.neonize.NeonizeError as exc:
            raise engine_error(exc, "names_failed") from exc
        known = []
        for contact in contacts:
            info, jid = contact.Info, jid_text(contact.JID)
            known.append(
                base.Known(
                    jid=jid,
                    lid=jid if contact.JID.Server == "lid" else "",
                    full=info.FullName,
                    first=info.FirstName,
                    push=info.PushName,
                    business=info.BusinessName,
                )
            )
        return known

    def announce(self, state: Literal["available", "unavailable"]) -> None:
        presence = importlib.import_module("neonize.utils.enum").Presence
        self._access.call(
            "send_presence",
            presence.AVAILABLE if state == "available" else presence.UNAVAILABLE,
            otherwise="presence_failed",
        )

    def typing(self, to: str, state: Literal["typing", "recording", "paused"]) -> None:
        enums = self._enums
        self._access.call(
            "send_chat_presence",
            self._access.address(to),
            enums.ChatPresence(1 if state == "paused" else 0),
            enums.ChatPresenceMedia(1 if state == "recording" else 0),
            otherwise="presence_failed",
        )

    def mark_read(self, chat: str, sender: str, wa_ids: list[str], *, played: bool) -> None:
        place = self._access.address(chat)
        author = self._access.address(sender) if sender else place
        self._access.call(
            "mark_read",
            *wa_ids,
            chat=place,
            sender=author,
            receipt=self._enums.ReceiptType(_PLAYED if played else _READ),
            otherwise="mark_read_failed",
        )
