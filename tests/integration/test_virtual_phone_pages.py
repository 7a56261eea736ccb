"""The page of a virtual phone: what it asks the sandbox for, and what it shows."""

from __future__ import annotations

import base64
from types import SimpleNamespace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.models import Role
from console.provocations import PROVOCATIONS
from sessions_mgr import commands
from sessions_mgr import sandbox_gateway as gateway
from tests.factories import AccountFactory, UserFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db
NUMBER, OTHER = "+15550100001", "+15550100002"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
def network(monkeypatch, settings):
    """A sandbox that notes what it is asked; `inbox` and `refusal` are set by the test."""
    settings.SANDBOX = True
    made = SimpleNamespace(sent=[], calls=[], inbox=[], refusal=None, file=None)

    def note(name):
        def ask(*args, **kwargs):
            if made.refusal:
                raise made.refusal
            made.calls.append((name, args, kwargs))
            return {"results": []}

        return ask

    phones = [
        {"phone_number": number, "name": name, "online": True, "devices": []}
        for number, name in ((NUMBER, "Ada"), (OTHER, "Ben"))
    ]
    monkeypatch.setattr(gateway, "phones", lambda: phones)
    monkeypatch.setattr(
        gateway,
        "call",
        lambda method, *args: note("call")(method, *args) if method == "POST" else {"results": []},
    )
    monkeypatch.setattr(gateway, "inbox", lambda number, **query: made.inbox)
    monkeypatch.setattr(gateway, "send", note("send"))
    monkeypatch.setattr(gateway, "read", note("read"))
    monkeypatch.setattr(gateway, "inbox_media", lambda number, entry: made.file)
    return made


@pytest.fixture
def home(client, network):
    person = UserFactory()
    client.force_login(person)
    return WorkspaceFactory(members=[person])


def url(home, name="", **more):
    name = f"console:sandbox-phone{'-' if name else ''}{name}"
    return reverse(name, args=[home.pk, NUMBER, *more.values()])


def body(network):
    name, args, _ = network.calls[-1]
    assert name == "send"
    return args[1]


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"text": "hi"}, {"type": "text", "text": "hi"}),
        (
            {"kind": "location", "latitude": "52,5", "longitude": "13.4", "place": "Shop"},
            {
                "type": "location",
                "location": {"latitude": 52.5, "longitude": 13.4, "name": "Shop"},
            },
        ),
        (
            {"kind": "poll", "question": "Tea?", "options": "Yes\r\n\r\nNo \n"},
            {"type": "poll", "poll": {"name": "Tea?", "options": ["Yes", "No"], "selectable": 1}},
        ),
        (
            {"kind": "contact", "name": "Bo", "number": OTHER},
            {"type": "contact", "contacts": [{"name": "Bo", "phone_number": OTHER}]},
        ),
    ],
)
def test_what_is_typed_becomes_a_message(client, home, network, fields, sent):
    answer = client.post(url(home, "send"), {"to": OTHER, **fields})
    assert answer.status_code == 302
    assert answer.url == f"{url(home)}?to=%2B15550100002"
    assert body(network) == {"to": OTHER, **sent}


def test_a_group_an_answer_and_a_file(client, home, network):
    file = SimpleUploadedFile("x.txt", PNG)
    client.post(
        url(home, "send"), {"to": "12@g.us", "text": "look", "reply_to": "3A", "file": file}
    )
    sent = body(network)
    assert (sent["group"], sent["type"], sent["caption"]) == ("12@g.us", "image", "look")
    assert sent["reply_to"] == "3A"
    assert base64.b64decode(sent["media"]["base64"]) == PNG


@pytest.mark.parametrize(
    ("verb", "part"),
    [
        ("react", {"type": "reaction", "reaction": {"emoji": "👍", "message_id": "3A1"}}),
        ("edit", {"type": "edit", "edit": {"text": "new", "message_id": "3A1"}}),
        ("revoke", {"type": "revoke", "revoke": {"message_id": "3A1"}}),
        ("vote", {"type": "vote", "vote": {"options": ["a", "b"], "message_id": "3A1"}}),
    ],
)
def test_what_is_done_to_a_message(client, home, network, verb, part):
    posted = {"verb": verb, "to": OTHER, "wa_id": "3A1", "emoji": "👍", "text": "new"}
    client.post(url(home, "act"), {**posted, "option": ["a", "b"]})
    assert body(network) == {"to": OTHER, **part}


def test_a_refusal_is_told_and_what_was_typed_stays(client, home, network):
    network.refusal = gateway.SandboxError(409, "phone_offline", "The phone is switched off.")
    answer = client.post(url(home, "send"), {"to": OTHER, "text": "keep this"})
    assert answer.status_code == 422
    assert "The phone is switched off." in answer.content.decode()
    assert "keep this</textarea>" in answer.content.decode()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"type": "text", "text": "<i>x"}, "&lt;i&gt;x"),
        ({"type": "reaction", "reaction": {"emoji": "🎉"}}, "reacted with 🎉"),
        ({"type": "edit", "edit": {"text": "better"}}, "better"),
        ({"type": "revoke", "revoke": {"message_id": "zz"}}, "deleted a message"),
        ({"type": "poll_vote", "vote": {"options": ["Soup"]}}, "voted: Soup"),
        ({"type": "poll", "poll": {"name": "Q", "options": ["Soup"]}}, "Soup"),
        ({"type": "image", "media": {"state": "stored"}}, "/media/7"),
        ({"type": "image", "media": {"state": "gone"}}, "no longer has this file"),
        ({"type": "location", "location": {"latitude": 1, "longitude": 2}}, "1, 2"),
        ({"type": "unsupported", "raw": {"fields": [99]}}, "not known here"),
    ],
)
def test_the_screen_shows_each_kind(client, home, network, entry, words):
    network.inbox = [{"id": 7, "wa_id": "3A", "from": OTHER, "to": NUMBER, "timestamp": 1, **entry}]
    page = client.get(url(home)).content.decode()
    assert words in page
    assert "TEST" in page


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"type": "text", "text": "Hello"}, "Hello"),
        ({"type": "poll_vote", "text": "", "vote": {"options": ["Soup"]}}, "voted: Soup"),
        ({"type": "image", "text": ""}, "Picture"),
    ],
)
def test_among_the_phones_each_kind_is_told_in_words(client, home, network, entry, words):
    network.inbox = [{"id": 7, "from": OTHER, "from_me": False, "timestamp": 1, **entry}]
    page = client.get(reverse("console:sandbox", args=[home.pk])).content.decode()
    assert words in page
    assert f"[{entry['type']}]" not in page


@pytest.mark.parametrize(
    ("mime_type", "kind", "shown"),
    [
        ("image/png", "image/png", "inline"),
        ("text/html", "application/octet-stream", "attachment"),
        ("image/svg+xml", "application/octet-stream", "attachment"),
    ],
)
def test_a_file_is_never_executed(client, home, network, mime_type, kind, shown):
    network.file = gateway.File(b"x", mime_type)
    answer = client.get(url(home, "file", entry="7"))
    assert (answer["Content-Type"], answer["Content-Disposition"]) == (kind, shown)
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_an_unknown_phone_and_a_strange_entry_are_404(client, home):
    unknown = reverse("console:sandbox-phone", args=[home.pk, "+19999999999"])
    assert client.get(unknown).status_code == 404
    assert client.get(url(home, "file", entry="..%2F")).status_code == 404


def test_a_viewer_sees_the_screen_and_sends_nothing(client, network):
    viewer = UserFactory()
    home = WorkspaceFactory(members=[(viewer, Role.VIEWER)])
    AccountFactory(workspace=home, connected=True)
    client.force_login(viewer)
    page = client.get(url(home)).content.decode()
    assert "Your role is viewer" in page
    assert client.post(url(home, "send"), {"to": OTHER, "text": "x"}).status_code == 403
    assert network.calls == []


@pytest.fixture
def linked(home):
    return AccountFactory(
        workspace=home, phone_number=NUMBER, device_jid="15550100001:3@s.whatsapp.net"
    )


def provoke(client, home, what, number=NUMBER):
    address = reverse("console:sandbox-act", args=[home.pk, number, "provoke"])
    return client.post(address, {"what": what}, headers={"HX-Request": "true"})


@pytest.mark.parametrize(
    ("what", "path", "told"),
    [
        ("drop", "/faults", {"kind": "drop"}),
        ("mute", "/faults", {"kind": "mute", "seconds": 60}),
        ("refuse", "/faults", {"kind": "reject_send_463", "count": 1}),
        ("unlink", f"/phones/{NUMBER}/unlink", {}),
    ],
)
def test_a_button_provokes_what_production_provokes(
    client, home, network, linked, what, path, told
):
    page = provoke(client, home, what).content.decode()
    assert network.calls[-1][1] == ("POST", path, {**told, "jid": linked.device_jid})
    assert str(PROVOCATIONS[what].done) in page
    assert page.count('name="what"') == len(PROVOCATIONS)


@pytest.mark.parametrize(
    ("code", "shown"), [("timeout", "The process was killed."), ("not_running", "No worker runs")]
)
def test_a_process_that_was_killed_does_not_answer(client, home, linked, monkeypatch, code, shown):
    def silent(*args):
        raise commands.CommandFailed(code, "No worker runs")

    monkeypatch.setattr(commands, "ask", silent)
    assert shown in provoke(client, home, "crash").content.decode()


def test_nothing_is_provoked_with_a_number_of_somebody_else(client, home, network):
    AccountFactory(phone_number=NUMBER, device_jid="15550100001:3@s.whatsapp.net")
    assert provoke(client, home, "unlink").status_code == 404
    assert provoke(client, home, "drop", OTHER).status_code == 404
    assert provoke(client, home, "nonsense").status_code == 404
    assert network.calls == []
