"""Every type of message from virtual phones to the unmodified neonize client."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import Any

import pytest

from tests.system.contents_lab import OTHER, OURS, THEIRS, WAVEFORM, Lab, b64, linked_lab, no_faults

__all__ = ["linked_lab", "no_faults"]  # fixtures: `lab`, and its faults end with each test

pytestmark = pytest.mark.system


def test_a_reply_with_mentions_arrives(lab: Lab) -> None:
    first = lab.client.call("send", to=THEIRS, text="the question")
    lab.arrived(first)
    wa_id = lab.says("text", text="the answer @you", reply_to=first, mentions=[OURS, "1@lid"])
    part = lab.heard(wa_id)["Message"]["extendedTextMessage"]
    assert part["text"] == "the answer @you"
    info = part["contextInfo"]
    assert info["stanzaID"] == first
    assert info["participant"] == lab.ours_lid
    assert info["quotedMessage"]["extendedTextMessage"]["text"] == "the question"
    assert info["mentionedJID"] == [lab.ours_lid, "1@lid"]


FILES = [
    ("image", "imageMessage", {"width": 4, "height": 3, "mime_type": "image/png"}),
    ("video", "videoMessage", {"duration": 7, "width": 4, "height": 3, "mime_type": "video/mp4"}),
    ("video", "videoMessage", {"duration": 7, "gif": True, "mime_type": "video/mp4"}),
    ("audio", "audioMessage", {"duration": 7, "mime_type": "audio/mpeg"}),
    ("voice", "audioMessage", {"duration": 7, "waveform": b64(WAVEFORM)}),
    ("document", "documentMessage", {"filename": "a; b.pdf", "mime_type": "application/pdf"}),
    ("sticker", "stickerMessage", {"animated": True, "mime_type": "image/webp"}),
]


SHOWN = {"duration": "seconds", "filename": "fileName", "gif": "gifPlayback"}


SHOWN |= {"animated": "isAnimated", "mime_type": "mimetype"}


@pytest.mark.parametrize(("kind", "member", "about"), FILES)
def test_a_file_arrives_byte_for_byte(
    lab: Lab, kind: str, member: str, about: dict[str, Any]
) -> None:
    content = os.urandom(100_001)
    captioned = kind in ("image", "video", "document")
    more = {"caption": "look"} if captioned else {}
    wa_id = lab.says(kind, media={"base64": b64(content), **about}, **more)
    message = lab.heard(wa_id)
    part = message["Message"][member]
    for name, value in about.items():
        assert part[SHOWN.get(name, name)] == value
    assert part.get("PTT", False) == (kind == "voice")
    assert part.get("caption", "") == more.get("caption", "")
    assert int(part["fileLength"]) == len(content)
    assert message["Info"]["Type"] == "media"
    assert base64.b64decode(lab.client.call("download", wa_id=wa_id)) == content


def test_a_location_arrives(lab: Lab) -> None:
    place = {"latitude": -33.8568, "longitude": 151.2153, "name": "Opera", "address": "Sydney"}
    part = lab.heard(lab.says("location", location=place))["Message"]["locationMessage"]
    assert (part["degreesLatitude"], part["degreesLongitude"]) == (-33.8568, 151.2153)
    assert (part["name"], part["address"]) == ("Opera", "Sydney")


def test_a_live_location_arrives(lab: Lab) -> None:
    place = {"latitude": 1.5, "longitude": 2.5, "accuracy": 9}
    wa_id = lab.says("live_location", location=place, text="on my way")
    part = lab.heard(wa_id)["Message"]["liveLocationMessage"]
    assert (part["degreesLatitude"], part["accuracyInMeters"]) == (1.5, 9)
    assert part["caption"] == "on my way"


def test_contact_cards_arrive(lab: Lab) -> None:
    cards = [{"name": "Ann", "phone_number": OTHER}, {"name": "Bob", "vcard": "BEGIN:VCARD"}]
    one = lab.heard(lab.says("contact", contacts=cards[:1]))["Message"]["contactMessage"]
    assert one["displayName"] == "Ann"
    assert f"waid={OTHER.removeprefix('+')}:{OTHER}" in one["vcard"]
    both = lab.heard(lab.says("contact", contacts=cards))["Message"]["contactsArrayMessage"]
    assert [card["displayName"] for card in both["contacts"]] == ["Ann", "Bob"]


def test_a_poll_and_a_vote_for_it_travel_both_ways(lab: Lab) -> None:
    poll = {"name": "Tea?", "options": ["Yes", "No"], "selectable": 1}
    wa_id = lab.says("poll", poll=poll)
    message = lab.heard(wa_id)
    part = message["Message"]["pollCreationMessageV3"]
    assert (part["name"], part["selectableOptionsCount"]) == ("Tea?", 1)
    assert [option["optionName"] for option in part["options"]] == ["Yes", "No"]
    vote = lab.arrived(lab.client.call("vote", wa_id=wa_id, options=["No"]))
    assert (vote["type"], vote["vote"]["message_id"]) == ("poll_vote", wa_id)
    assert vote["vote"]["readable"]
    assert vote["vote"]["options"] == ["No"]


def test_votes_for_the_clients_poll_can_be_opened_by_it(lab: Lab) -> None:
    poll_id = lab.client.call("send_poll", to=THEIRS, name="Lunch?", options=["Soup", "Salad"])
    entry = lab.arrived(poll_id)
    assert (entry["type"], entry["poll"]["options"]) == ("poll", ["Soup", "Salad"])
    wa_id = lab.says("vote", vote={"message_id": poll_id, "options": ["Salad"]})
    key = lab.heard(wa_id)["Message"]["pollUpdateMessage"]["pollCreationMessageKey"]
    assert key["ID"] == poll_id
    assert lab.client.call("open_vote", wa_id=wa_id) == [hashlib.sha256(b"Salad").hexdigest()]
    taken_back = lab.says("vote", vote={"message_id": poll_id, "options": []})
    lab.heard(taken_back)
    assert lab.client.call("open_vote", wa_id=taken_back) == []


def test_a_reaction_and_its_removal_arrive(lab: Lab) -> None:
    target = lab.client.call("send", to=THEIRS, text="like this")
    lab.arrived(target)
    for emoji in ("👍🏽", ""):
        wa_id = lab.says("reaction", reaction={"message_id": target, "emoji": emoji})
        message = lab.heard(wa_id)
        part = message["Message"]["reactionMessage"]
        assert (part["text"], part["key"]["ID"]) == (emoji, target)
        assert message["Info"]["Type"] == "reaction"


def test_an_edit_and_a_revocation_arrive(lab: Lab) -> None:
    target = lab.says("text", text="teh")
    lab.heard(target)
    edited = lab.heard(lab.says("edit", edit={"message_id": target, "text": "the"}))
    protocol = edited["Message"]["protocolMessage"]
    assert (protocol["type"], protocol["key"]["ID"]) == ("MESSAGE_EDIT", target)
    assert protocol["editedMessage"]["conversation"] == "the"
    assert edited["IsEdit"]
    revoked = lab.heard(lab.says("revoke", revoke={"message_id": target}))
    protocol = revoked["Message"]["protocolMessage"]
    assert (protocol.get("type", "REVOKE"), protocol["key"]["ID"]) == ("REVOKE", target)


def test_view_once_media_arrives_in_its_wrapper(lab: Lab) -> None:
    image = {"base64": b64(b"once")}
    message = lab.heard(lab.says("image", media=image, view_once=True))
    assert message["IsViewOnce"]
    assert message["Message"]["imageMessage"]["viewOnce"]
    message = lab.heard(lab.says("voice", media=image, view_once=True))
    assert message["IsViewOnceV2Extension"]


def test_what_companions_may_not_have_is_announced_as_unavailable(lab: Lab) -> None:
    image = {"base64": b64(b"once")}
    wa_id = lab.says("image", media=image, view_once=True, unavailable=True)
    assert lab.heard(wa_id, "UndecryptableMessage")["IsUnavailable"]
    assert lab.arrived(wa_id, OURS)["view_once"]


def test_an_unavailable_message_is_had_from_the_own_phone(lab: Lab) -> None:
    wa_id = lab.says("text", text="only the phone got it", unavailable=True)
    assert lab.heard(wa_id, "UndecryptableMessage")["IsUnavailable"]
    message = lab.heard(wa_id)
    assert message["Message"]["conversation"] == "only the phone got it"
    assert message["UnavailableRequestID"]


def test_disappearing_messages_and_the_timer_arrive(lab: Lab) -> None:
    message = lab.heard(lab.says("text", text="soon gone", expires_in=86_400))
    assert message["IsEphemeral"]
    part = message["Message"]["extendedTextMessage"]
    assert part["contextInfo"]["expiration"] == 86_400
    changed = lab.heard(lab.says("timer", timer={"seconds": 604_800}))
    protocol = changed["Message"]["protocolMessage"]
    assert (protocol["type"], protocol["ephemeralExpiration"]) == ("EPHEMERAL_SETTING", 604_800)


def test_a_group_invitation_arrives(lab: Lab) -> None:
    invite = {"jid": "120363@g.us", "code": "AbC", "name": "Us", "expires_at": 1_900_000_000}
    wa_id = lab.says("group_invite", group_invite=invite, text="come")
    part = lab.heard(wa_id)["Message"]["groupInviteMessage"]
    assert (part["groupJID"], part["inviteCode"], part["caption"]) == ("120363@g.us", "AbC", "come")


def test_a_field_that_nobody_knows_arrives(lab: Lab) -> None:
    event = bytes([0x1A, 4]) + b"Ball"  # EventMessage.name = 3
    wa_id = lab.says("raw", raw={"field": 75, "base64": b64(event)})
    assert lab.heard(wa_id)["Message"]["eventMessage"]["name"] == "Ball"


def test_what_the_own_phone_sends_is_seen_by_its_companion(lab: Lab) -> None:
    content = os.urandom(999)
    wa_id = lab.api.send_one(OURS, THEIRS, "document", media={"base64": b64(content)})
    message = lab.heard(wa_id)
    assert message["Info"]["MessageSource"]["IsFromMe"]
    assert base64.b64decode(lab.client.call("download", wa_id=wa_id)) == content
    assert lab.arrived(wa_id)["media"]["sha256"] == hashlib.sha256(content).hexdigest()
