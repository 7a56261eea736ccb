"""History, groups, calls and pictures, from neonize's events to facts."""

import time

import pytest

from sessions_mgr.engines import base, neonize_events, neonize_groups, neonize_history
from sessions_mgr.engines.neonize_backlog import HISTORY, Backlog
from tests.unit.messages import history_sync, jid, proto

OWN = base.Party("15550@s.whatsapp.net", "9000@lid", "+15550")


def test_a_history_is_told_names_first_and_each_message_once_and_oldest_first():
    history = history_sync()
    history.pushnames.add(ID="9100@lid", pushname="Bea")
    history.pushnames.add(ID="9300@lid", pushname="-")
    history.phoneNumberToLidMappings.add(pnJID="15551@s.whatsapp.net", lidJID="9100@lid")
    chat = history.conversations.add(ID="9100@lid", name="Bea B.", unreadCount=2, archived=True)
    chat.muteEndTime, chat.conversationTimestamp = 1_800_000_000_000, 1_700_000_009
    chat.ephemeralExpiration, chat.ephemeralSettingTimestamp = 604_800, 1_700_000_000
    for wa_id, text, from_me, at in (("B", "new", True, 20), ("A", "old", False, 10)):
        entry = chat.messages.add().message
        entry.key.ID, entry.key.fromMe, entry.key.remoteJID = wa_id, from_me, "9100@lid"
        entry.message.conversation, entry.messageTimestamp = text, at
    chat.messages.add().message.key.ID = "NOTICE"  # says nothing

    people, chats, *messages = list(neonize_history.facts(history, OWN))
    assert people == base.ContactSeen([base.Party("9100@lid", "9100@lid", "+15551", "Bea")])
    assert chats.chats == [
        {
            "jid": "9100@lid",
            "lid": "9100@lid",
            "phone_number": "+15551",
            "name": "Bea B.",
            "unread": 2,
            "archived": True,
            "muted_until": 1_800_000_000.0,
            "last_message_at": 1_700_000_009.0,
            "expires_in": 604_800,
            "expires_since": 1_700_000_000.0,
        }
    ]
    assert [(m.wa_id, m.text, m.history) for m in messages] == [
        ("A", "old", True),
        ("B", "new", True),
    ]
    assert messages[0].sender.phone_number == "+15551"
    assert messages[1].sender == OWN and messages[1].from_me


def test_the_speaker_of_a_group_is_known_by_both_names():
    history = history_sync()
    history.phoneNumberToLidMappings.add(pnJID="15551@s.whatsapp.net", lidJID="9100@lid")
    entry = history.conversations.add(ID="1-2@g.us").messages.add().message
    entry.key.ID, entry.key.participant, entry.pushName = "A", "15551@s.whatsapp.net", "Bea"
    entry.message.conversation = "hi"
    fact = list(neonize_history.facts(history, OWN))[-1]
    assert (fact.chat.type, fact.sender.lid, fact.sender.push_name) == ("group", "9100@lid", "Bea")


def test_many_people_come_in_many_facts():
    history = history_sync()
    for number in range(neonize_history.CHUNK * 2 + 1):
        history.pushnames.add(ID=f"{number}@lid", pushname="x")
    sizes = [len(fact.people) for fact in neonize_history.facts(history, OWN)]
    assert sizes == [neonize_history.CHUNK, neonize_history.CHUNK, 1]


class Work:
    def __init__(self, folder, translate):
        self.told = []
        self.backlog = Backlog(str(folder) if folder else "", translate, self.told.append)


def one_fact(data):
    yield base.PairingRefused(data.decode())


def wait_for(condition):
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_history_is_kept_told_and_forgotten(tmp_path, on_disk):
    work = Work(tmp_path if on_disk else None, one_fact)
    work.backlog.keep(b"one")
    work.backlog.start()
    work.backlog.keep(b"two")
    wait_for(lambda: len(work.told) == 2)
    assert [fact.detail for fact in work.told] == ["one", "two"]
    wait_for(lambda: not (on_disk and list((tmp_path / HISTORY).iterdir())))


def test_what_a_crash_left_behind_is_told_by_the_next_life(tmp_path):
    Work(tmp_path, one_fact).backlog.keep(b"left behind")
    (tmp_path / HISTORY / "x.part").write_bytes(b"half")
    work = Work(tmp_path, one_fact)
    work.backlog.start()
    wait_for(lambda: [fact.detail for fact in work.told] == ["left behind"])
    assert not (tmp_path / HISTORY / "x.part").exists()


def test_what_was_not_told_before_the_stop_stays(tmp_path):
    work = Work(tmp_path, one_fact)
    work.backlog.keep(b"later")
    work.backlog.stop()
    work.backlog.start()
    assert [path.read_bytes() for path in (tmp_path / HISTORY).iterdir()] == [b"later"]
    assert work.told == []


def test_a_broken_history_does_not_hold_up_the_next(tmp_path, caplog):
    def translate(data):
        if data == b"bad":
            raise ValueError("not protobuf")
        yield from one_fact(data)

    work = Work(tmp_path, translate)
    work.backlog.keep(b"bad")
    work.backlog.keep(b"good")
    work.backlog.start()
    wait_for(lambda: [fact.detail for fact in work.told] == ["good"])
    assert "could not be read to its end" in caplog.text


# Groups, calls, pictures --------------------------------------------------------------------------


def test_a_change_of_a_group_tells_what_changed_and_nothing_else():
    event = proto().GroupInfoEvent(
        JID=jid("1-2@g.us"), Sender=jid("9100@lid"), Timestamp=1_700_000_000
    )
    event.Join.append(jid("9200@lid"))
    event.Name.Name = "Club"
    event.Announce.IsAnnounce = False
    fact = neonize_groups.group_changed(event)
    assert (fact.chat.type, fact.sender.lid, fact.timestamp) == ("group", "9100@lid", 1.7e9)
    assert [party.lid for party in fact.joined] == ["9200@lid"]
    assert (fact.left, fact.settings) == ([], {"subject": "Club", "announce": False})
    assert base.from_wire(fact.to_wire()) == fact
    assert neonize_groups.group_changed(proto().GroupInfoEvent(JID=jid("1-2@g.us"))) is None


def test_every_setting_of_a_group():
    event = proto().GroupInfoEvent(JID=jid("1-2@g.us"), NewInviteLink="https://x")
    event.Topic.Topic = "about"
    event.Locked.isLocked = True
    event.Ephemeral.IsEphemeral, event.Ephemeral.DisappearingTimer = True, 60
    event.Delete.Deleted = True
    assert neonize_groups.group_changed(event).settings == {
        "description": "about",
        "locked": True,
        "expires_in": 60,
        "deleted": True,
        "invite_link": "https://x",
    }


def group_info():
    info = proto().GroupInfo(JID=jid("1-2@g.us"), OwnerJID=jid("9100@lid"))
    info.OwnerPN.CopyFrom(jid("15551@s.whatsapp.net"))
    info.GroupName.Name = "Club"
    info.Participants.add(
        JID=jid("9100@lid"), PhoneNumber=jid("15551@s.whatsapp.net"), IsSuperAdmin=True
    )
    info.Participants.add(JID=jid("15552@s.whatsapp.net"), LID=jid("9200@lid"))
    info.Participants.add(JID=jid("15553@s.whatsapp.net"), LID=jid("9300@lid"), Error=403)
    return info


def test_a_group_is_described_with_both_names_of_those_who_are_in_it():
    group = neonize_groups.group(group_info())
    assert (group["jid"], group["subject"], group["approval"]) == ("1-2@g.us", "Club", None)
    assert group["owner"]["phone_number"] == "+15551"
    first, second = group["participants"]
    assert (first["party"]["phone_number"], first["admin"], first["superadmin"]) == (
        "+15551",
        True,
        True,
    )
    assert (second["party"]["lid"], second["admin"]) == ("9200@lid", False)


def test_each_person_of_a_change_has_a_code():
    results = neonize_groups.changes(group_info().Participants)
    assert [result["code"] for result in results] == [200, 200, 403]
    assert results[0]["party"]["phone_number"] == "+15551"
    assert results[2]["party"]["lid"] == "9300@lid"


def test_a_group_that_we_joined():
    event = proto().JoinedGroup(Reason="invite", GroupInfo=group_info())
    fact = neonize_events.TRANSLATIONS["JoinedGroup"](event)
    assert (fact.chat.jid, fact.subject, fact.reason) == ("1-2@g.us", "Club", "invite")
    assert len(fact.participants) == 2


@pytest.mark.parametrize("video", [True, False])
def test_a_call_is_told_with_its_caller(video):
    event = proto().CallOffer()
    meta = event.basicCallMeta
    meta.callID, meta.timestamp = "CALL", 1_700_000_000
    getattr(meta, "from").CopyFrom(jid("9100:2@lid"))
    meta.callCreator.CopyFrom(jid("9100:2@lid"))
    meta.callCreatorAlt.CopyFrom(jid("15551@s.whatsapp.net"))
    event.data.Tag = "offer"
    event.data.Nodes.add(Tag="video" if video else "audio")
    fact = neonize_events.TRANSLATIONS["CallOffer"](event)
    assert (fact.call_id, fact.video, fact.group) == ("CALL", video, False)
    assert (fact.sender.phone_number, fact.chat.jid) == ("+15551", "9100@lid")


def test_a_changed_and_a_removed_picture():
    event = proto().Picture(JID=jid("15551@s.whatsapp.net"), Timestamp=1_700_000_000, Remove=True)
    fact = neonize_events.TRANSLATIONS["Picture"](event)
    assert (fact.chat.phone_number, fact.removed, fact.picture_id) == ("+15551", True, "")
    event.Remove = False
    assert not neonize_events.TRANSLATIONS["Picture"](event).removed


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('Unavailable message 3EB0 from 9100@lid (type: "view_once")', ("3EB0", "view_once")),
        ('Unavailable message 3EB0 from 9100@lid in 1@g.us (type: "")', ("3EB0", "")),
        ("Ignoring message A from b@lid", None),
    ],
)
def test_why_a_message_is_unavailable_stands_in_the_log(line, found):
    assert neonize_events.unavailable_message(line) == found
