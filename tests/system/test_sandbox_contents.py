"""Every type of message between virtual phones and the unmodified neonize client, both ways."""

from __future__ import annotations

import base64
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.client import SandboxError, SandboxNetwork
from tests.system.neonize_client import NeonizeClient
from tests.system.sandbox_process import SandboxProcess

pytestmark = pytest.mark.system

OURS = "+15550001001"
THEIRS = "+15550002002"
OTHER = "+15550003003"
DEADLINE_SECONDS = 15.0
WAVEFORM = bytes(range(64))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def eventually(probe: Callable[[], Any], deadline: float = DEADLINE_SECONDS) -> Any:
    end = time.monotonic() + deadline
    while not (value := probe()):
        assert time.monotonic() < end, "it did not become true in time"
        time.sleep(0.02)
    return value


class Lab:
    """One sandbox, a client linked to OURS, and what tests ask again and again."""

    def __init__(self, process: SandboxProcess, api: SandboxNetwork, client: NeonizeClient) -> None:
        self.process = process
        self.api = api
        self.client = client
        self.ours_lid, self.theirs_lid = (api.phone(number)["lid"] for number in (OURS, THEIRS))

    def says(self, kind: str, **members: Any) -> str:
        """THEIRS sends a message to OURS."""
        return self.api.send_one(THEIRS, OURS, kind, **members)

    def heard(self, wa_id: str, event: str = "Message") -> dict[str, Any]:
        """The event of the client with this message id; in a group, one with only a key may come
        before the one with the message."""

        def matches(entry: dict[str, Any]) -> bool:
            members = set(entry["data"].get("Message", {})) - {"senderKeyDistributionMessage"}
            wanted = event != "Message" or bool(members)
            return wanted and entry["data"]["Info"]["ID"] == wa_id

        data: dict[str, Any] = self.client.wait(event, matches)["data"]
        return data

    def arrived(self, wa_id: str, number: str = THEIRS) -> dict[str, Any]:
        """The entry of a phone's inbox with this message id."""

        def find() -> dict[str, Any] | None:
            entries = self.api.inbox(number, newest_first=True)
            return next((entry for entry in entries if entry["wa_id"] == wa_id), None)

        entry: dict[str, Any] = eventually(find)
        return entry

    def sends(self, **message: Any) -> dict[str, Any]:
        """The client sends a message to THEIRS; how it arrived there."""
        return self.arrived(self.client.call("send_message", to=THEIRS, message=message))

    def settled(self) -> bool:
        """Whether the client has confirmed everything."""
        devices = self.api.state()["devices"]
        return all(device["unacked"] == 0 for device in devices)

    def uploads(self, data: bytes, kind: str) -> dict[str, Any]:
        """The client uploads a file; the members of a message that point to it."""
        uploaded = self.client.call("upload", data=b64(data), kind=kind)
        names = {"url": "URL", "DirectPath": "directPath", "MediaKey": "mediaKey"}
        names |= {"FileEncSHA256": "fileEncSHA256", "FileSHA256": "fileSHA256"}
        part = {names[name]: value for name, value in uploaded.items() if name in names}
        return part | {"fileLength": len(data)}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("contents")
    with SandboxProcess(folder / "network") as process, process.api() as api:
        for number, name in ((OURS, "Ours"), (THEIRS, "Theirs"), (OTHER, "Other")):
            api.create_phone(number, name)
        with NeonizeClient(process.network, folder / "ours.db") as client:
            api.scan(OURS, client.wait("qr")["code"])
            client.wait("Connected")
            yield Lab(process, api, client)


@pytest.fixture(autouse=True)
def _no_faults(lab: Lab) -> Iterator[None]:
    yield
    lab.api.clear_faults()


# --- from the phone to the client


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


# --- what cannot be read, and files that cannot be had


@pytest.mark.parametrize("kind", ["text", "image", "reaction"])
def test_an_unreadable_message_is_sent_again_when_asked_for(lab: Lab, kind: str) -> None:
    target = lab.says("text", text="target")
    lab.heard(target)
    more: dict[str, Any] = {
        "text": {"text": "at last"},
        "image": {"media": {"base64": b64(b"at last")}},
        "reaction": {"reaction": {"message_id": target, "emoji": "👍"}},
    }[kind]
    wa_id = lab.says(kind, unreadable="until_retry", **more)
    assert not lab.heard(wa_id, "UndecryptableMessage")["IsUnavailable"]
    message = lab.heard(wa_id)
    assert message["RetryCount"] == "1"
    eventually(lab.settled)


def test_a_message_can_stay_unreadable_for_ever(lab: Lab) -> None:
    wa_id = lab.says("text", text="never", unreadable="forever")
    lab.heard(wa_id, "UndecryptableMessage")
    after = lab.says("text", text="the next one")
    assert lab.heard(after)["Message"]["conversation"] == "the next one"
    ids = [
        event["data"]["Info"]["ID"] for event in lab.client.events if event["event"] == "Message"
    ]
    assert wa_id not in ids
    assert lab.arrived(wa_id, OURS)["text"] == "never"


@pytest.mark.parametrize("code", [403, 404, 410])
def test_a_file_can_be_gone(lab: Lab, code: int) -> None:
    wa_id = lab.says("image", media={"base64": b64(b"gone")})
    lab.heard(wa_id)
    lab.api.fault("media_gone", phone_number=THEIRS, code=404)
    lab.api.fault("media_gone", phone_number=OURS, code=code, count=1)
    with pytest.raises(RuntimeError, match=str(code)):
        lab.client.call("download", wa_id=wa_id)
    assert base64.b64decode(lab.client.call("download", wa_id=wa_id)) == b"gone"


def test_a_file_can_be_corrupt(lab: Lab) -> None:
    wa_id = lab.says("image", media={"base64": b64(b"changed on the way")})
    lab.heard(wa_id)
    lab.api.fault("media_corrupt", phone_number=OURS, count=1)
    with pytest.raises(RuntimeError, match="hash"):
        lab.client.call("download", wa_id=wa_id)


def test_a_file_can_come_late(lab: Lab) -> None:
    wa_id = lab.says("image", media={"base64": b64(b"slow")})
    lab.heard(wa_id)
    lab.api.fault("media_slow", phone_number=OURS, seconds=0.5)
    begun = time.monotonic()
    assert base64.b64decode(lab.client.call("download", wa_id=wa_id)) == b"slow"
    assert time.monotonic() - begun >= 0.5


def test_a_phone_says_when_a_file_is_not_what_it_was_told(lab: Lab) -> None:
    part = lab.uploads(b"one thing", "MediaImage")
    entry = lab.sends(imageMessage={**part, "fileSHA256": b64(bytes(32))})
    assert entry["media"]["state"] == "corrupt"
    with pytest.raises(SandboxError) as refused:
        lab.api.inbox_media(THEIRS, entry["id"])
    assert (refused.value.status, refused.value.code) == (422, "media_corrupt")


# --- history


def test_history_is_handed_over_at_pairing_and_when_told(
    lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    messages = [
        {"from": THEIRS, "text": "long ago", "timestamp": 1_700_000_000, "wa_id": "3AOLD1"},
        {"from": OURS, "text": "indeed", "timestamp": 1_700_000_060},
        {
            "from": THEIRS,
            "type": "poll",
            "poll": {"name": "Still?", "options": ["y", "n"]},
            "timestamp": 1_700_000_120,
        },
    ]
    chat = {"with": THEIRS, "name": "Them", "unread": 2, "archived": True, "messages": messages}
    (kept,) = lab.api.set_history(OURS, [chat])
    assert kept["wa_ids"][0] == "3AOLD1"
    database = tmp_path_factory.mktemp("second") / "second.db"
    with NeonizeClient(lab.process.network, database) as second:
        jid = lab.api.scan(OURS, second.wait("qr")["code"])["jid"]
        _check_history(lab, second.wait("HistorySync")["data"]["Data"], kept["wa_ids"])
        names = second.wait("HistorySync")["data"]["Data"]
        assert names["syncType"] == "PUSH_NAME"
        assert {"ID": lab.theirs_lid, "pushname": "Theirs"} in names["pushnames"]
        _confirmed_history(lab, jid)
        lab.api.sync_history(OURS, jid)
        again = second.wait("HistorySync")["data"]["Data"]
        _check_history(lab, again, kept["wa_ids"])
    lab.api.unlink(OURS, jid)


def test_older_messages_can_be_asked_for(lab: Lab) -> None:
    ids = [lab.says("text", text=text) for text in ("first", "second")]
    for wa_id in ids:
        lab.heard(wa_id)
    wanted = {"chatJID": lab.theirs_lid, "onDemandMsgCount": 2}
    request = {
        "peerDataOperationRequestType": "HISTORY_SYNC_ON_DEMAND",
        "historySyncOnDemandRequest": wanted,
    }
    kind = "PEER_DATA_OPERATION_REQUEST_MESSAGE"
    protocol = {"type": kind, "peerDataOperationRequestMessage": request}
    lab.client.call("send_message", to=OURS, message={"protocolMessage": protocol})
    history = lab.client.wait("HistorySync")["data"]["Data"]
    assert history["syncType"] == "ON_DEMAND"
    (chat,) = history["conversations"]
    assert chat["ID"] == lab.theirs_lid
    assert {entry["message"]["key"]["ID"] for entry in chat["messages"]} == set(ids)


def _check_history(lab: Lab, history: dict[str, Any], wa_ids: list[str]) -> None:
    assert history["syncType"] == "INITIAL_BOOTSTRAP"
    (chat,) = history["conversations"]
    assert (chat["ID"], chat["name"], chat["unreadCount"]) == (lab.theirs_lid, "Them", 2)
    assert chat["archived"]
    infos = [entry["message"] for entry in reversed(chat["messages"])]
    assert [info["key"]["ID"] for info in infos] == wa_ids
    assert [info["key"]["fromMe"] for info in infos] == [False, True, False]
    assert infos[0]["message"]["conversation"] == "long ago"
    assert infos[2]["messageSecret"]


def _confirmed_history(lab: Lab, jid: str) -> None:
    def receipts() -> list[str]:
        stanzas = [entry for entry in lab.api.stanzas() if entry["device"] == jid]
        return [entry["type"] for entry in stanzas if entry["tag"] == "receipt"]

    eventually(lambda: receipts().count("hist_sync") == 2)
    eventually(lab.settled)


def test_what_phones_know_survives_a_restart_of_the_sandbox(tmp_path: Path) -> None:
    content = os.urandom(1_000)
    with SandboxProcess(tmp_path / "network") as process:
        with process.api() as api:
            api.create_phone(OURS)
            api.create_phone(THEIRS)
            api.set_history(OURS, [{"with": THEIRS, "name": "Them"}])
            wa_id = api.send_one(THEIRS, OURS, "image", media={"base64": b64(content)})
        assert process.stop() == 0
        process.start()
        with process.api() as api:
            assert api.inbox_media(OURS, wa_id) == content
            reaction = {"message_id": wa_id, "emoji": "👍"}
            assert api.send_one(OURS, THEIRS, "reaction", reaction=reaction)
            assert api.history(OURS)[0]["name"] == "Them"
