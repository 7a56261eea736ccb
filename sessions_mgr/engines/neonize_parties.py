"""People, groups and channels: neonize's JIDs in our words. Pure."""

from __future__ import annotations

from typing import Any

from . import base

_SERVERS = {
    "s.whatsapp.net": "user",
    "lid": "user",
    "g.us": "group",
    "broadcast": "broadcast",
    "newsletter": "newsletter",
}


def jid_text(jid: Any) -> str:
    """A JID without its device, "" for none."""
    if jid.IsEmpty or not jid.Server:
        return ""
    return f"{jid.User}@{jid.Server}" if jid.User else str(jid.Server)


def device_jid_text(jid: Any) -> str:
    """A JID with its device, as whatsmeow writes it."""
    if jid.IsEmpty or not jid.Server:
        return ""
    return f"{jid.User}:{jid.Device}@{jid.Server}" if jid.Device else jid_text(jid)


def phone_number(jid: Any) -> str:
    return f"+{jid.User}" if jid.Server == "s.whatsapp.net" and jid.User.isdigit() else ""


def party(jid: Any, alternative: Any = None, push_name: str = "") -> base.Party:
    """One person, group or channel under both of its names, the number and the hidden id."""
    names = [j for j in (jid, alternative) if j is not None]
    return base.Party(
        jid=jid_text(jid),
        lid=next((jid_text(j) for j in names if j.Server == "lid"), ""),
        phone_number=next(filter(None, map(phone_number, names)), ""),
        push_name=push_name,
        type=_SERVERS.get(jid.Server, "user"),
    )


def chat_and_sender(source: Any, push_name: str = "") -> tuple[base.Party, base.Party]:
    sender = party(source.Sender, source.SenderAlt, push_name)
    if source.IsGroup or source.Chat.Server not in ("s.whatsapp.net", "lid"):
        return party(source.Chat), sender
    if source.IsFromMe:
        return party(source.Chat, source.RecipientAlt), sender
    return party(source.Chat, source.SenderAlt, push_name), sender


def without_device(jid: str) -> str:
    """ "15550001:3@s.whatsapp.net" is device 3 of "15550001@s.whatsapp.net"."""
    user, at, server = jid.rpartition("@")
    return user.partition(":")[0].partition(".")[0] + at + server if at else jid


def party_from_text(jid: str, alternative: str = "", push_name: str = "") -> base.Party:
    """The party of a JID that came as text, as log lines and histories have it."""
    jid = without_device(jid)
    numbers, lids = [], []
    for name in (jid, without_device(alternative)):
        user, _, server = name.rpartition("@")
        if server == "s.whatsapp.net" and user.isdigit():
            numbers.append(f"+{user}")
        elif server == "lid":
            lids.append(name)
    return base.Party(
        jid=jid,
        lid=lids[0] if lids else "",
        phone_number=numbers[0] if numbers else "",
        push_name=push_name,
        type=_SERVERS.get(jid.rpartition("@")[2], "user"),
    )
