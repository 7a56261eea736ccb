"""Every type of message from the neonize client to phones, in groups, and between phones."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.system.contents_lab import (
    OTHER,
    OURS,
    THEIRS,
    WAVEFORM,
    Lab,
    b64,
    eventually,
    linked_lab,
    no_faults,
)

__all__ = ["linked_lab", "no_faults"]  # fixtures: `lab`, and its faults end with each test

pytestmark = pytest.mark.system


# --- from the client to the phone


@pytest.mark.parametrize(
    ("kind", "upload", "member", "about", "shown"),
    [
        ("image", "MediaImage", "imageMessage", {"caption": "c"}, {"width": 0}),
        ("video", "MediaVideo", "videoMessage", {"gifPlayback": True}, {"gif": True}),
        ("audio", "MediaAudio", "audioMessage", {"seconds": 3}, {"duration": 3}),
        (
            "voice",
            "MediaAudio",
            "audioMessage",
            {"PTT": True, "waveform": b64(WAVEFORM)},
            {"waveform": b64(WAVEFORM)},
        ),
        (
            "document",
            "MediaDocument",
            "documentMessage",
            {"fileName": "ünï.txt"},
            {"filename": "ünï.txt"},
        ),
        ("sticker", "MediaImage", "stickerMessage", {"isAnimated": True}, {"animated": True}),
    ],
)
def test_a_file_of_the_client_arrives_byte_for_byte(
    lab: Lab, kind: str, upload: str, member: str, about: dict[str, Any], shown: dict[str, Any]
) -> None:
    content = os.urandom(70_000)
    part = lab.uploads(content, upload)
    entry = lab.sends(**{member: {**part, **about, "mimetype": "x/y; z=1"}})
    media = entry["media"]
    assert (entry["type"], media["state"], media["size"]) == (kind, "stored", len(content))
    assert media["sha256"] == hashlib.sha256(content).hexdigest()
    assert media["mime_type"] == "x/y; z=1"
    assert {name: media[name] for name in shown} == shown
    assert entry["text"] == about.get("caption", "")
    assert lab.api.inbox_media(THEIRS, entry["id"]) == content
    assert lab.api.inbox_media(THEIRS, entry["wa_id"]) == content


def test_a_reply_of_the_client_arrives(lab: Lab) -> None:
    info = {
        "stanzaID": "3A00",
        "participant": lab.theirs_lid,
        "quotedMessage": {"conversation": "old"},
        "mentionedJID": [lab.theirs_lid],
        "isForwarded": True,
    }
    entry = lab.sends(extendedTextMessage={"text": "new", "contextInfo": info})
    assert (entry["type"], entry["text"]) == ("text", "new")
    assert entry["quoted"] == {"wa_id": "3A00", "sender_jid": lab.theirs_lid, "text": "old"}
    assert entry["mentions"] == [lab.theirs_lid]
    assert entry["forwarded"]


def test_places_and_cards_of_the_client_arrive(lab: Lab) -> None:
    place = {"degreesLatitude": 1.25, "degreesLongitude": -2.5, "name": "Here"}
    entry = lab.sends(locationMessage=place)
    assert entry["type"] == "location"
    assert (entry["location"]["latitude"], entry["location"]["longitude"]) == (1.25, -2.5)
    entry = lab.sends(liveLocationMessage={"degreesLatitude": 3.0, "degreesLongitude": 4.0})
    assert (entry["type"], entry["location"]["latitude"]) == ("live_location", 3.0)
    entry = lab.sends(contactMessage={"displayName": "Ann", "vcard": "BEGIN:VCARD"})
    assert entry["contacts"] == [{"name": "Ann", "vcard": "BEGIN:VCARD"}]
    cards = [{"displayName": name, "vcard": name} for name in "AB"]
    entry = lab.sends(contactsArrayMessage={"displayName": "2", "contacts": cards})
    assert [card["name"] for card in entry["contacts"]] == ["A", "B"]


def test_what_the_client_changes_arrives(lab: Lab) -> None:
    own = lab.client.call("send", to=THEIRS, text="teh")
    theirs = lab.says("text", text="hello")
    lab.heard(theirs)
    chat = lab.theirs_lid
    reacted = lab.client.call("react", chat=chat, sender=chat, wa_id=theirs, emoji="❤️")
    assert lab.arrived(reacted)["reaction"] == {"message_id": theirs, "emoji": "❤️"}
    removed = lab.client.call("react", chat=chat, sender=chat, wa_id=theirs, emoji="")
    assert lab.arrived(removed)["reaction"] == {"message_id": theirs, "emoji": ""}
    edited = lab.client.call("edit", chat=chat, wa_id=own, text="the")
    assert lab.arrived(edited)["edit"] == {"message_id": own, "text": "the"}
    revoked = lab.client.call("revoke", chat=chat, sender=lab.ours_lid, wa_id=own)
    assert lab.arrived(revoked)["revoke"] == {"message_id": own}


def test_wrapped_and_unknown_messages_of_the_client_arrive(lab: Lab) -> None:
    content = b"seen once"
    part = lab.uploads(content, "MediaImage")
    once = {"message": {"imageMessage": {**part, "viewOnce": True}}}
    entry = lab.sends(viewOnceMessageV2=once)
    assert (entry["type"], entry["view_once"], entry["media"]["state"]) == ("image", True, "stored")
    info = {"expiration": 86_400}
    text = {"extendedTextMessage": {"text": "soon gone", "contextInfo": info}}
    entry = lab.sends(ephemeralMessage={"message": text})
    assert (entry["text"], entry["expires_in"]) == ("soon gone", 86_400)
    timer = {"type": "EPHEMERAL_SETTING", "ephemeralExpiration": 604_800}
    assert lab.sends(protocolMessage=timer)["timer"] == {"seconds": 604_800}
    invite = {"groupJID": "1@g.us", "inviteCode": "x", "groupName": "Us"}
    assert lab.sends(groupInviteMessage=invite)["group_invite"]["name"] == "Us"
    entry = lab.sends(eventMessage={"name": "Ball"})
    assert (entry["type"], entry["raw"]) == ("unsupported", {"fields": [75]})


def test_the_own_phone_gets_a_copy_of_every_type(lab: Lab) -> None:
    content = b"for both"
    part = lab.uploads(content, "MediaImage")
    entry = lab.sends(imageMessage=part)
    copy = lab.arrived(entry["wa_id"], OURS)
    assert (copy["from_me"], copy["type"], copy["to"]) == (True, "image", THEIRS)
    assert lab.api.inbox_media(OURS, copy["id"]) == content


# --- in groups


def test_every_kind_of_reference_works_in_a_group(lab: Lab) -> None:
    group = lab.api.create_group(THEIRS, "Everything", [OURS])["jid"]

    def says(kind: str, **members: Any) -> str:
        body = {"group": group, "type": kind, **members}
        wa_id: str = lab.api.send(THEIRS, body)["ids"][0]
        return wa_id

    content = os.urandom(3_000)
    image = says("image", media={"base64": b64(content)}, caption="look")
    message = lab.heard(image)
    assert message["Info"]["MessageSource"]["IsGroup"]
    assert base64.b64decode(lab.client.call("download", wa_id=image)) == content
    poll_id = says("poll", poll={"name": "?", "options": ["a", "b"]})
    lab.heard(poll_id)
    vote = lab.arrived(lab.client.call("vote", wa_id=poll_id, options=["b"]))
    assert (vote["group"], vote["vote"]["options"]) == (group, ["b"])
    reaction = {"text": "👍", "key": {"remoteJID": group, "fromMe": False, "ID": image}}
    reaction["key"]["participant"] = lab.theirs_lid
    wa_id = lab.client.call("send_message", to=group, message={"reactionMessage": reaction})
    assert lab.arrived(wa_id)["reaction"] == {"message_id": image, "emoji": "👍"}
    part = lab.uploads(content, "MediaDocument")
    wa_id = lab.client.call("send_message", to=group, message={"documentMessage": part})
    assert lab.api.inbox_media(THEIRS, lab.arrived(wa_id)["id"]) == content
    reply = lab.heard(says("text", text="and?", reply_to=wa_id))
    info = reply["Message"]["extendedTextMessage"]["contextInfo"]
    assert (info["stanzaID"], info["participant"]) == (wa_id, lab.ours_lid)


# --- between phones, receipts, pages


def test_phones_send_each_other_everything(lab: Lab) -> None:
    content = os.urandom(5_000)
    wa_id = lab.api.send_one(THEIRS, OTHER, "image", media={"base64": b64(content)}, caption="x")
    entry = lab.arrived(wa_id, OTHER)
    assert lab.api.inbox_media(OTHER, entry["id"]) == content
    reaction = {"message_id": wa_id, "emoji": "👀"}
    back = lab.api.send_one(OTHER, THEIRS, "reaction", reaction=reaction)
    assert lab.arrived(back)["reaction"] == reaction
    poll = {"name": "?", "options": ["a", "b"]}
    poll_id = lab.api.send_one(OTHER, THEIRS, "poll", poll=poll)
    vote = {"message_id": poll_id, "options": ["b", "a"]}
    entry = lab.arrived(lab.api.send_one(THEIRS, OTHER, "vote", vote=vote), OTHER)
    assert (entry["vote"]["readable"], entry["vote"]["options"]) == (True, ["a", "b"])


def test_a_voice_note_is_delivered_read_and_played(lab: Lab) -> None:
    part = lab.uploads(b"sound", "MediaAudio")
    wa_id = lab.sends(audioMessage={**part, "PTT": True})["wa_id"]

    def receipt(kind: str | None) -> Callable[[dict[str, Any]], bool]:
        return lambda event: (
            event["data"]["MessageIDs"] == [wa_id] and event["data"].get("Type") == kind
        )

    lab.client.wait("Receipt", lambda event: event["data"]["MessageIDs"] == [wa_id])
    lab.api.read(THEIRS, wa_id)
    lab.client.wait("Receipt", receipt("READ"))
    lab.api.read(THEIRS, wa_id, played=True)
    lab.client.wait("Receipt", receipt("PLAYED"))
    said = lab.says("voice", media={"base64": b64(b"sound")})
    lab.heard(said)
    lab.client.call("played", chat=lab.theirs_lid, wa_id=said)
    eventually(
        lambda: any(
            (entry["wa_id"], entry["type"]) == (said, "played")
            for entry in lab.api.receipts(THEIRS)
        )
    )


def test_the_inbox_has_pages_in_both_directions(lab: Lab) -> None:
    for text in "abc":
        lab.api.send_text(THEIRS, OTHER, text)
    newest = lab.api.inbox(OTHER, newest_first=True)
    assert [entry["text"] for entry in newest[:3]] == ["c", "b", "a"]
    older = lab.api.inbox(OTHER, before=newest[0]["id"], newest_first=True)
    assert older == newest[1:]
    assert lab.api.inbox(OTHER, after=newest[2]["id"]) == [newest[1], newest[0]]
