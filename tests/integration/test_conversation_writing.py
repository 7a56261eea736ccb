"""Writing in conversations on the pages: sent, changed, taken back, with and without htmx."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts import quotas
from accounts.models import Role
from accounts.services import create_api_key
from messaging.models import Chat, Message, Outgoing, Upload
from messaging.outbox import files, orders, requests
from sessions_mgr import commands
from tests.conversation_house import HTMX, PNG, House
from tests.factories import (
    ChatFactory,
    ContactFactory,
    WorkspaceFactory,
)
from tests.pages import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(client):
    return House(client)


# Writing -------------------------------------------------------------------------------------


def test_a_text_without_scripts_is_queued_and_comes_back_to_the_thread(house):
    answer = house.send(text="On its way", follow=True)
    assert answer.status_code == 200
    assert "On its way" in text_of(answer)
    assert "queued" in text_of(answer)
    assert Outgoing.objects.get().lane == house.chat.jid


def test_the_thread_says_which_colleague_or_program_wrote(house):
    type(house.person).objects.filter(pk=house.person.pk).update(name="Olive")
    house.send(text="from Olive")
    assert Message.objects.get(text="from Olive").sent_by == f"user:{house.person.email}"
    assert "by Olive" in text_of(house.thread())
    Message.objects.update(sent_by="key:gone1234")
    assert "by API key gone1234…" in text_of(house.thread())
    create_api_key(workspace=house.workspace, name="Shop", scopes=["send"], actor="test")
    Message.objects.update(sent_by=f"key:{house.workspace.api_keys.get().prefix}")
    assert "by Shop" in text_of(house.thread())


def test_a_form_that_is_sent_twice_is_one_message(house):
    key = re.search(r'name="key" value="([0-9a-f-]+)"', house.thread())[1]
    for _ in range(2):
        house.send(text="once", key=key)
    assert Message.objects.filter(text="once").count() == 1
    house.send(text="twice", key=key)  # the back button, and another text
    assert Message.objects.filter(text="twice").count() == 1


def test_htmx_gets_an_empty_form_and_word_that_something_changed(house):
    answer = house.send(text="hi", headers=HTMX)
    assert answer.status_code == 200
    assert answer.headers["HX-Trigger"] == "conversation-changed"
    assert "<html" not in answer.content.decode()
    assert ">hi</textarea>" not in answer.content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_was_typed_and_attached_survives_an_error(house, headers):
    file = SimpleUploadedFile("note.txt", b"no sticker at all", content_type="text/plain")
    quoted = house.message(text="the question")
    answer = house.send(
        text="", file=file, send_as="sticker", reply_to=str(quoted.pk), headers=headers
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "needs a WebP, PNG or JPEG picture" in page
    assert "note.txt" in page
    kept = re.search(r'name="upload_id" value="([0-9a-f-]+)"', page)[1]
    assert f'value="{quoted.pk}"' in page
    assert not Outgoing.objects.exists()
    answer = house.send(upload_id=kept, send_as="document", text="as it is", reply_to=quoted.pk)
    assert answer.status_code == 302
    message = Message.objects.get(direction="out")
    assert (message.type, message.text) == ("document", "as it is")
    assert message.content["quoted"]["wa_id"] == quoted.wa_id


def test_a_picture_is_sent_as_a_picture(house):
    file = SimpleUploadedFile("dot.png", PNG, content_type="application/octet-stream")
    assert house.send(text="see", file=file).status_code == 302
    message = Message.objects.get(direction="out")
    assert (message.type, message.text) == ("image", "see")


def test_what_the_workspace_may_not_send_is_told_in_the_composer(house):
    quotas.set_limits(
        workspace=house.workspace, actor="test", messages_per_day=0, media_bytes=len(PNG) - 1
    )
    answer = house.send(text="hello")
    assert answer.status_code == 422
    assert "may send 0 messages a day" in text_of(answer)
    assert ">hello</textarea>" in answer.content.decode()
    answer = house.send(text="see", file=SimpleUploadedFile("dot.png", PNG))
    assert answer.status_code == 422
    assert f"may keep {len(PNG) - 1} bytes of files" in text_of(answer)
    assert not Message.objects.filter(direction="out").exists()


def test_a_storage_that_fails_keeps_what_was_typed(house, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(type(files.storage()), "save", full)
    answer = house.send(text="With it", file=SimpleUploadedFile("a.png", PNG, "image/png"))
    assert answer.status_code == 422
    assert "The storage for files does not answer" in text_of(answer)
    assert "With it" in answer.content.decode()
    assert not Outgoing.objects.exists()


def test_nothing_typed_says_what_to_do(house):
    answer = house.send(text="  ")
    assert answer.status_code == 422
    assert "Type a message or attach a file" in text_of(answer)


def test_a_file_of_another_workspace_is_not_taken(house):
    foreign = Upload.objects.create(
        workspace=WorkspaceFactory(),
        filename="x.txt",
        mime_type="text/plain",
        size=1,
        sha256="0",
        file="x",
        expires_at=timezone.now() + timedelta(hours=1),
    )
    page = house.send(text="", upload_id=str(foreign.pk))
    assert page.status_code == 422
    assert "x.txt" not in page.content.decode()


def test_a_number_that_is_away_says_until_when_messages_wait(client):
    house = House(client)
    house.account.session.status = "reconnecting"
    house.account.session.save()
    assert "waits for the connection, until" in text_of(house.thread())


# Changing ------------------------------------------------------------------------------------


def test_reacting_changing_and_deleting_are_orders_of_the_outbox(house):
    theirs = house.message(text="hello")
    ours = house.message(text="helo", direction="out", status="sent")
    house.client.post(house.url("number-message-react", theirs), {"emoji": "👍"})
    house.client.post(house.url("number-message-edit", ours), {"text": "hello"})
    house.client.post(house.url("number-message-revoke", ours))
    kinds = set(Outgoing.objects.values_list("message__type", flat=True))
    assert kinds == {"reaction", "edit", "revoke"}
    assert "Your change: queued" in text_of(house.thread())


def test_the_questions_are_asked_in_a_dialog_and_on_a_page(house):
    ours = house.message(text="oops", direction="out", status="sent")
    for name in ("number-message-edit", "number-message-revoke"):
        page = house.client.get(house.url(name, ours))
        part = house.client.get(house.url(name, ours), headers=HTMX)
        assert "<html" in page.content.decode()
        assert "<html" not in part.content.decode()
        assert "oops" in part.content.decode()


def test_what_is_refused_is_told_where_it_was_asked(house):
    old = house.message(
        text="old", direction="out", status="sent", timestamp=timezone.now() - timedelta(days=9)
    )
    answer = house.client.post(house.url("number-message-edit", old), {"text": "new"}, headers=HTMX)
    assert answer.status_code == 422
    assert "WhatsApp allows this for" in answer.content.decode()
    theirs = house.message(text="theirs")
    answer = house.client.post(house.url("number-message-react", theirs), {"emoji": "abc"})
    assert "one emoji" in text_of(house.client.get(answer.url))


def test_what_still_waits_is_taken_back(house):
    house.send(text="wait")
    message = Message.objects.get(text="wait")
    house.client.post(house.url("number-message-cancel", message))
    message.refresh_from_db()
    assert message.status == "cancelled"
    Message.objects.filter(pk=message.pk).update(status="sent")
    answer = house.client.post(house.url("number-message-cancel", message), headers=HTMX)
    assert "too late" in answer.content.decode()


def test_a_failed_text_is_sent_again_once(house):
    failed = house.message(
        text="again", direction="out", status="failed", wa_id=None, error={"code": "expired"}
    )
    assert "Send again" in text_of(house.thread())
    for _ in range(2):
        house.client.post(house.url("number-message-resend", failed))
    assert Message.objects.filter(text="again", status="queued").count() == 1


def test_a_message_of_another_chat_is_not_found(house):
    other = house.message(chat_row=ChatFactory(account=house.account), text="x")
    for verb in ("react", "edit", "revoke", "cancel", "resend"):
        answer = house.client.post(house.url(f"number-message-{verb}", other), {"text": "y"})
        assert answer.status_code == 404, verb


# Read marks, new conversations, groups, pictures ----------------------------------------------


@pytest.fixture
def asked(monkeypatch):
    """What workers were asked; `answers` by operation."""
    calls, answers = [], {}

    def order(account, op, **args):
        calls.append((op, args))
        answer = answers.get(op, {})
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(commands, "order", order)
    return calls, answers


def test_opening_marks_as_read_by_a_post_that_can_be_turned_off(house, asked):
    house.message(text="new")
    Chat.objects.filter(pk=house.chat.pk).update(unread=1)
    assert "data-mark-read" in house.thread()
    assert Chat.objects.get(pk=house.chat.pk).unread == 1  # looking alone changes nothing
    house.client.post(house.url("number-receipts"), {"on": "0", "chat": house.chat.pk})
    page = house.thread()
    assert "data-mark-read" not in page
    assert "No read receipts are sent" in page
    answer = house.client.post(house.url("number-conversation-read"), headers=HTMX)
    assert answer.status_code == 204
    assert Chat.objects.get(pk=house.chat.pk).unread == 0
    assert asked[0][0][0] == "mark_read"


def test_a_worker_that_is_away_leaves_it_unread_and_says_so(house, asked):
    asked[1]["mark_read"] = commands.CommandFailed("not_running", "No worker runs.")
    house.message(text="new")
    Chat.objects.filter(pk=house.chat.pk).update(unread=1)
    answer = house.client.post(house.url("number-conversation-read"), follow=True)
    assert "No worker runs." in text_of(answer)
    assert Chat.objects.get(pk=house.chat.pk).unread == 1


@pytest.mark.parametrize("typed", ["+1 555 888 0001", "15558880001", "15558880001@s.whatsapp.net"])
def test_a_conversation_begins_with_a_number(house, typed):
    answer = house.client.post(house.url("number-conversation-new"), {"to": typed})
    chat = Chat.objects.get(jid="15558880001@s.whatsapp.net")
    assert answer.url == house.url("number-conversation", chat=chat)
    assert not Outgoing.objects.exists()


@pytest.mark.parametrize("typed", ["", "12", "hello", "x@broadcast"])
def test_what_is_no_number_is_explained(house, typed):
    answer = house.client.post(house.url("number-conversation-new"), {"to": typed})
    assert answer.status_code == 200
    assert "field-error" in answer.content.decode()


def test_a_group_shows_its_members_or_what_is_known(house, asked):
    house.chat = ChatFactory(account=house.account, group=True, name="Crew")
    asked[1]["group_info"] = {
        "jid": house.chat.jid,
        "subject": "Crew",
        "description": "We row",
        "participants": [
            {"party": {"jid": "15551@s.whatsapp.net", "push_name": "Zed"}, "admin": False},
            {
                "party": {"jid": "15552@s.whatsapp.net", "push_name": "Abe"},
                "admin": True,
                "superadmin": True,
            },
        ],
    }
    page = text_of(house.client.get(house.url("number-conversation-group")))
    assert "We row" in page
    assert re.search(r"Abe.* owner.*Zed", page)
    assert asked[0][0][1]["timeout"] <= 5
    asked[1]["group_info"] = commands.CommandFailed("timeout", "No answer.")
    house.message(text="hi", sender_contact=ContactFactory(account=house.account, push_name="Mia"))
    page = text_of(house.client.get(house.url("number-conversation-group"), headers=HTMX))
    assert "No answer." in page
    assert "Mia" in page


def test_a_picture_is_the_one_we_have_or_the_default(house):
    answer = house.client.get(house.url("number-picture"), {"jid": house.chat.jid})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/svg+xml"
    again = house.client.get(
        house.url("number-picture"),
        {"jid": house.chat.jid},
        headers={"If-None-Match": answer["ETag"]},
    )
    assert again.status_code == 304
    assert house.client.get(house.url("number-picture"), {"jid": "x"}).status_code == 404


# Roles ---------------------------------------------------------------------------------------


def test_a_viewer_reads_and_is_told_why_they_cannot_write(client):
    house = House(client, role=Role.VIEWER)
    house.message(text="for all to read")
    page = house.thread()
    assert "for all to read" in page
    assert "Your role is viewer" in text_of(page)
    assert 'id="composer"' not in page
    assert "data-mark-read" not in page
    assert '<details class="menu"' not in page
    assert house.send(text="no").status_code == 403
    assert not Outgoing.objects.exists()


def test_a_channel_is_read_only(house):
    house.chat.type, house.chat.jid = "newsletter", "1@newsletter"
    house.chat.save()
    assert "not written to" in text_of(house.thread())


def test_the_outbox_of_the_api_and_of_the_page_is_one(house):
    """An order over the API shows up on the page, queued."""
    orders.enqueue(
        account=house.account,
        order=requests.parse({"to": house.chat.jid, "type": "text", "text": "from a program"}),
        by="test",
    )
    assert "from a program" in house.thread()


# Settings ------------------------------------------------------------------------------------


def test_the_pacing_is_shown_and_changed(house):
    fields = {
        "gap_seconds": "1.5",
        "new_chats_per_hour": "20",
        "typing": "on",
        "typing_ms_per_character": "30",
        "typing_max_seconds": "4",
    }
    answer = house.client.post(house.url("number-pacing"), fields)
    assert answer.status_code == 302
    row = house.account.pacing
    assert (row.min_gap_ms, row.new_chats_per_hour, row.typing_max_ms) == (1500, 20, 4000)
    assert 'value="1.5"' in house.client.get(house.url("number-settings")).content.decode()
    wrong = house.client.post(house.url("number-pacing"), fields | {"gap_seconds": "-1"})
    assert wrong.status_code == 422
    assert "field-error" in wrong.content.decode()
