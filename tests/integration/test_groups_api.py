"""Groups over REST, with a worker that answers as docs/worker-protocol.md says."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import AuditEntry
from messaging.models import Avatar, Chat, Contact
from tests.factories import WorkspaceFactory, api_key
from tests.fake_bus import Refusal, fake_bus  # noqa: F401 a fixture, by the name `bus`
from tests.integration.test_accounts_api import problem
from tests.life import connected_account

pytestmark = pytest.mark.django_db

ANN = "15550009@s.whatsapp.net"
BEN = "15550010@s.whatsapp.net"
GROUP = "120363041234567890@g.us"
NOBODY = {"jid": "", "lid": "", "phone_number": "", "push_name": "", "type": "user"}


def person(jid, lid=""):
    return {"jid": jid, "lid": lid, "phone_number": "", "push_name": "", "type": "user"}


TOLD = {
    "jid": GROUP,
    "subject": "Deliveries",
    "description": "",
    "owner": person(ANN),
    "created_at": 1_767_607_200.0,
    "announce": False,
    "locked": True,
    "approval": None,
    "expires_in": 0,
    "community": False,
    "parent_jid": "",
    "participants": [
        {"party": person("90@lid"), "admin": True, "superadmin": True},
        {"party": person(BEN), "admin": False, "superadmin": False},
    ],
}


@pytest.fixture
def account(workspace):
    return connected_account(workspace=workspace)


@pytest.fixture
def at(account):
    return f"/api/v1/accounts/{account.pk}/groups"


def test_groups_are_listed_with_the_names_that_we_know(api, at, bus, account):
    Contact.objects.create(
        account=account, jid=ANN, lid="90@lid", phone_number="+15550009", push_name="Ann"
    )
    chat = Chat.objects.create(account=account, jid=GROUP, type="group", name="Old name")
    bus.answers["group_list"] = {"groups": [TOLD, {**TOLD, "jid": "1203630@g.us"}]}

    told = api.get(at).json()

    assert (told["next"], told["previous"]) == (None, None)
    assert [g["jid"] for g in told["results"]] == [GROUP, "1203630@g.us"]
    first = told["results"][0]
    assert first["participants"][0] == {
        "jid": ANN,
        "lid": "90@lid",
        "phone_number": "+15550009",
        "push_name": "Ann",
        "admin": True,
        "superadmin": True,
    }
    assert first["participants"][1]["jid"] == BEN
    assert first["owner"]["push_name"] == "Ann"
    assert (first["locked"], first["approval"], first["parent_jid"]) == (True, None, None)
    assert first["created_at"].startswith("2026-01-05T10:00:00")
    chat.refresh_from_db()
    assert chat.name == "Deliveries"


def test_members_that_the_worker_left_out_of_a_long_list_are_null(api, at, bus):
    bus.answers["group_list"] = {"groups": [{**TOLD, "participants": None}]}

    assert api.get(at).json()["results"][0]["participants"] is None


def test_what_the_engine_cannot_do_is_501(api, at, bus):
    bus.answers["group_decide"] = Refusal("unsupported_by_engine")

    body = {"action": "approve", "participants": [ANN]}
    problem(api.post(f"{at}/{GROUP}/requests", body), 501, "not_supported")


def test_a_group_is_made_and_read(api, at, bus):
    bus.answers |= {"group_create": TOLD, "group_info": {**TOLD, "owner": NOBODY}}

    made = api.post(at, {"subject": "Deliveries", "participants": ["+15550009", BEN, "+15550009"]})
    read = api.get(f"{at}/{GROUP}")

    assert made.status_code == 201
    assert bus.args("group_create") == [{"name": "Deliveries", "participants": [ANN, BEN]}]
    assert (read.status_code, read.json()["owner"]) == (200, None)
    assert bus.args("group_info") == [{"jid": GROUP}]


def test_settings_are_changed_and_only_those_that_were_sent(api, at, bus):
    bus.answers |= {"group_update": {}, "group_info": {**TOLD, "subject": "News"}}

    told = api.patch(f"{at}/{GROUP}", {"subject": "News", "announce": True})

    assert told.json()["subject"] == "News"
    assert bus.args("group_update") == [{"jid": GROUP, "subject": "News", "announce": True}]
    assert api.patch(f"{at}/{GROUP}", {"description": ""}).status_code == 200


def test_people_are_added_removed_promoted_and_demoted(api, at, bus):
    bus.answers["group_participants"] = {
        "results": [
            {
                "jid": "90@lid",
                "party": {**person("90@lid", "90@lid"), "phone_number": "+15550009"},
                "code": 200,
                "invite_code": "",
            },
            {"jid": BEN, "code": 403, "invite_code": "AbCdEfGh"},
        ]
    }
    people = ["+15550009", BEN]

    for action in ("add", "remove", "promote", "demote"):
        told = api.post(f"{at}/{GROUP}/participants", {"action": action, "participants": people})
    removed = api.delete(f"{at}/{GROUP}/participants", {"participants": people})

    added, refused = told.json()["results"]
    assert added == {
        "jid": ANN,
        "lid": "90@lid",
        "phone_number": "+15550009",
        "push_name": "",
        "ok": True,
        "code": 200,
        "error": None,
        "invite_code": None,
    }
    assert (refused["jid"], refused["phone_number"]) == (BEN, "+15550010")
    assert (refused["ok"], refused["code"], refused["error"]) == (False, 403, "not_allowed")
    assert refused["invite_code"] == "AbCdEfGh"
    assert Contact.objects.get().lid == "90@lid"  # of Ann; who was refused is no contact
    assert removed.status_code == 200
    assert [a["action"] for a in bus.args("group_participants")] == [
        "add",
        "remove",
        "promote",
        "demote",
        "remove",
    ]
    assert bus.args("group_participants")[0]["participants"] == [ANN, BEN]


def test_the_invite_link_is_read_and_reset(api, at, bus):
    bus.answers["group_invite"] = {"link": "https://chat.whatsapp.com/AbCdEfGhIjKl"}

    assert api.get(f"{at}/{GROUP}/invite").json() == {
        "link": "https://chat.whatsapp.com/AbCdEfGhIjKl"
    }
    assert api.post(f"{at}/{GROUP}/invite").status_code == 200
    assert bus.args("group_invite") == [
        {"jid": GROUP, "reset": False},
        {"jid": GROUP, "reset": True},
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"code": "AbCdEfGhIjKl"},
        {"link": "https://chat.whatsapp.com/AbCdEfGhIjKl"},
        {"link": "chat.whatsapp.com/invite/AbCdEfGhIjKl?mode=r_t"},
    ],
)
def test_a_group_is_joined_by_code_or_link_and_left(api, at, bus, body):
    bus.answers |= {"group_join": {"jid": GROUP}, "group_leave": {}}

    assert api.post(f"{at}/join", body).json() == {"jid": GROUP}
    assert api.post(f"{at}/{GROUP}/leave").status_code == 204
    assert bus.args("group_join") == [{"code": "AbCdEfGhIjKl"}]
    assert bus.args("group_leave") == [{"jid": GROUP}]


def test_changes_of_groups_are_in_the_audit_log_and_questions_and_refusals_are_not(api, at, bus):
    link = {"link": "https://chat.whatsapp.com/AbCdEfGhIjKl"}
    bus.answers |= {"group_create": TOLD, "group_invite": link, "group_leave": {}}
    api.post(at, {"subject": "Deliveries", "participants": ["+15550010"]})
    api.get(f"{at}/{GROUP}/invite")
    api.post(f"{at}/{GROUP}/invite")
    api.post(f"{at}/{GROUP}/leave")
    bus.answers["group_leave"] = Refusal("not_a_member")
    api.post(f"{at}/{GROUP}/leave")
    rows = AuditEntry.objects.filter(action__startswith="group.").order_by("id")
    assert [(row.action, row.target) for row in rows] == [
        ("group.created", GROUP),
        ("group.link_reset", GROUP),
        ("group.left", GROUP),
    ]
    assert rows[0].actor.startswith("key:")
    assert rows[0].detail["subject"] == "Deliveries"


def test_join_requests_are_listed_and_decided(api, at, bus):
    bus.answers |= {
        "group_requests": {"results": [{"jid": ANN, "requested_at": 1_767_607_200.0}]},
        "group_decide": {"results": [{"jid": ANN, "code": 200}]},
    }

    asking = api.get(f"{at}/{GROUP}/requests").json()["results"]
    decided = api.post(
        f"{at}/{GROUP}/requests", {"action": "approve", "participants": [asking[0]["jid"]]}
    )

    assert asking[0]["requested_at"].startswith("2026-01-05T10:00:00")
    assert decided.json()["results"][0]["ok"] is True
    assert bus.args("group_decide") == [{"jid": GROUP, "action": "approve", "participants": [ANN]}]


# Pictures ----------------------------------------------------------------------------------------


def png(width=900, height=300):
    out = io.BytesIO()
    Image.effect_noise((width, height), 90).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("way", ["multipart", "base64"])
def test_a_group_gets_a_picture_as_a_square_jpeg_in_pieces(api, at, bus, account, way):
    Avatar.objects.create(account=account, jid=GROUP)
    received = {}

    def begin(args):
        received["size"] = args["size"]
        received["data"] = b""
        return {}

    def chunk(args):
        piece = base64.b64decode(args["data"])
        assert args["offset"] == len(received["data"])
        assert len(piece) <= 384 * 1024
        received["data"] += piece
        return {"received": len(received["data"])}

    bus.answers |= {
        "upload_begin": begin,
        "upload_chunk": chunk,
        "group_picture": {"picture_id": "7"},
    }
    if way == "multipart":
        file = io.BytesIO(png())
        file.name = "ship.png"
        answer = api.post(f"{at}/{GROUP}/picture", {"picture": file}, format="multipart")
    else:
        body = {"base64": base64.b64encode(png()).decode()}
        answer = api.post(f"{at}/{GROUP}/picture", body)

    assert answer.json() == {"picture_id": "7"}
    with Image.open(io.BytesIO(received["data"])) as sent:
        assert (sent.format, sent.size) == ("JPEG", (640, 640))
    assert received["size"] == len(received["data"])
    [order] = bus.args("group_picture")
    assert order["jid"] == GROUP
    assert order["upload_id"] == bus.args("upload_begin")[0]["upload_id"]
    assert Avatar.objects.get().changed_at is not None


def bomb():
    """A small file that claims to be 40,000 by 40,000 pixels."""
    data = bytearray(png(8, 8))
    data[16:24] = (40_000).to_bytes(4, "big") * 2
    return bytes(data)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"base64": ""},
        {"base64": "&&&"},
        {"base64": base64.b64encode(b"PK\x03\x04 a zip named .jpg").decode()},
        {"base64": base64.b64encode(png()[:200]).decode()},
        {"base64": base64.b64encode(bomb()).decode()},
        {"base64": 7},
    ],
)
def test_what_is_no_picture_is_refused_before_anybody_is_asked(api, at, bus, body):
    answer = api.post(f"{at}/{GROUP}/picture", body)

    assert answer.status_code in (400, 422), answer.content
    assert answer.json()["code"] == "invalid"
    assert bus.asked == []


# Bad input and refusals --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "", {}),
        ("post", "", {"subject": ""}),
        ("post", "", {"subject": "x" * 101}),
        ("post", "", {"subject": "a\u0000b"}),
        ("post", "", {"subject": "a", "participants": "+15550009"}),
        ("post", "", {"subject": "a", "participants": ["nobody"]}),
        ("post", "", {"subject": "a", "participants": [GROUP]}),
        ("post", "", {"subject": "a", "participants": ["+15550009"] * 257}),
        ("patch", f"/{GROUP}", {}),
        ("patch", f"/{GROUP}", {"announce": "maybe"}),
        ("patch", f"/{GROUP}", {"subjekt": "a"}),
        ("patch", f"/{GROUP}", {"description": "x" * 2049}),
        ("get", f"/{ANN}", None),
        ("get", "/nonsense", None),
        ("get", "/1@newsletter", None),
        ("post", f"/{GROUP}/participants", {"participants": []}),
        ("post", f"/{GROUP}/participants", {"action": "kill", "participants": [ANN]}),
        ("delete", f"/{GROUP}/participants", {}),
        ("post", "/join", {}),
        ("post", "/join", {"code": "a b"}),
        ("post", "/join", {"link": "https://example.com/AbCdEfGhIjKl"}),
        ("post", "/join", {"code": "AbCdEfGhIjKl", "link": "AbCdEfGhIjKl"}),
        ("post", f"/{GROUP}/requests", {"action": "maybe", "participants": [ANN]}),
    ],
)
def test_nonsense_is_refused_before_anybody_is_asked(api, at, bus, method, path, body):
    answer = getattr(api, method)(at + path, body)

    assert answer.status_code in (400, 422), answer.content
    assert answer.json()["code"] == "invalid"
    assert bus.asked == []


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (None, 409, "not_connected"),
        (TimeoutError(), 504, "worker_timeout"),
        (Refusal("not_a_member"), 403, "not_a_member"),
        (Refusal("not_allowed"), 403, "not_allowed"),
        (Refusal("not_found"), 404, "not_found"),
        (Refusal("send_failed"), 502, "send_failed"),
    ],
)
def test_refusals_have_codes(api, at, bus, refusal, status, code):
    if refusal is not None:
        bus.answers |= dict.fromkeys(("group_info", "group_list", "group_leave"), refusal)

    problem(api.get(at), status, code)
    problem(api.get(f"{at}/{GROUP}"), status, code)
    problem(api.post(f"{at}/{GROUP}/leave"), status, code)


ADDRESSES = [
    ("get", ""),
    ("post", ""),
    ("get", f"/{GROUP}"),
    ("patch", f"/{GROUP}"),
    ("post", f"/{GROUP}/participants"),
    ("delete", f"/{GROUP}/participants"),
    ("get", f"/{GROUP}/invite"),
    ("post", f"/{GROUP}/invite"),
    ("post", "/join"),
    ("post", f"/{GROUP}/leave"),
    ("post", f"/{GROUP}/picture"),
    ("get", f"/{GROUP}/requests"),
    ("post", f"/{GROUP}/requests"),
]


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_strangers_and_keys_without_the_scope_get_nowhere(api, at, workspace, bus, method, path):
    stranger = connected_account(workspace=WorkspaceFactory())
    foreign = f"/api/v1/accounts/{stranger.pk}/groups"
    problem(getattr(api, method)(foreign + path, {}), 404, "not_found")

    scope = "send" if method == "get" else "read"
    weak = APIClient(headers={"Authorization": f"Bearer {api_key(workspace, [scope])}"})
    problem(getattr(weak, method)(at + path, {}), 403, "missing_scope")
    assert bus.asked == []
