"""What the pages show and what their buttons do, without a browser."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiKey, AuditEntry, WhatsAppAccount
from events import services as event_log
from sessions_mgr import commands, sandbox_gateway
from sessions_mgr.models import Session, StatusChange
from sessions_mgr.reasons import sentence
from sessions_mgr.states import Status
from tests.factories import PASSWORD, AccountFactory, UserFactory, WorkspaceFactory
from tests.pages import text_of

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
REASONS = {
    "reconnecting": "line_lost",
    "logged_out": "unlinked_by_phone",
    "failed": "qr_timeout",
    "starting": "worker_crashed",
}
TABS = ("number", "number-timeline", "number-health", "number-settings", "number-danger")


@pytest.fixture
def person():
    return UserFactory()


@pytest.fixture
def home(person, client):
    """A workspace whose owner is signed in."""
    client.force_login(person)
    return WorkspaceFactory(members=[person])


def in_status(workspace, status, **fields):
    """An account in this status, with what belongs to it."""
    reason = REASONS.get(status, "")
    if status == "qr_scanning":
        fields |= {
            "session__qr_code": "2@code,a,b,c",
            "session__qr_attempt": 2,
            "session__qr_expires_at": timezone.now() + timedelta(seconds=20),
        }
    return AccountFactory(
        workspace=workspace,
        connected=status in ("connected", "reconnecting"),
        session__status=status,
        session__reason_code=reason,
        session__reason_message=sentence(reason) if reason else "",
        **fields,
    )


def url(name, workspace, account=None, **more):
    kwargs = {"workspace_id": workspace.pk, **more}
    if account:
        kwargs["account_id"] = account.pk
    return reverse(f"console:{name}", kwargs=kwargs)


# Signing in ----------------------------------------------------------------------------------


def test_signing_in_leads_to_the_first_workspace(client, person):
    workspace = WorkspaceFactory(members=[person])
    fields = {"login": person.email, "password": PASSWORD}
    answer = client.post(reverse("console:sign-in"), fields, follow=True)
    assert answer.redirect_chain[-1][0] == url("overview", workspace)


def test_a_wrong_password_says_so_and_keeps_the_address(client, person):
    fields = {"login": person.email, "password": "wrong"}
    answer = client.post(reverse("console:sign-in"), fields)
    assert answer.status_code == 200
    assert person.email in answer.content.decode()
    assert "correct" in text_of(answer)


def test_a_foreign_next_address_is_ignored(client, person):
    WorkspaceFactory(members=[person])
    fields = {"login": person.email, "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post(reverse("console:sign-in"), fields).url == reverse("console:home")


def test_without_a_workspace_the_page_says_how_to_get_one(client, person):
    client.force_login(person)
    assert f"--owner {person.email}" in text_of(client.get("/"))


def test_signing_out_is_a_post(client, home):
    assert client.get(reverse("console:sign-out")).status_code == 405
    client.post(reverse("console:sign-out"))
    assert client.get(url("overview", home)).status_code == 302


# Every state ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", Status.values)
@pytest.mark.parametrize("tab", TABS)
def test_every_tab_renders_in_every_state(client, home, status, tab):
    account = in_status(home, status)
    answer = client.get(url(tab, home, account))
    assert answer.status_code == 200
    assert account.label in text_of(answer)


@pytest.mark.parametrize("status", Status.values)
def test_nothing_inline_that_the_csp_forbids(client, home, status):
    account = in_status(home, status)
    for name in ("number", "number-panel"):
        page = client.get(url(name, home, account)).content.decode()
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|hx-on|<script>|javascript:", page)


@pytest.mark.parametrize(
    ("status", "button"),
    [
        ("disconnected", "Connect"),
        ("failed", "New code"),
        ("logged_out", "New code"),
        ("reconnecting", "Try now"),
        ("qr_scanning", "Cancel"),
        ("connected", "Disconnect"),
    ],
)
def test_each_state_offers_what_helps(client, home, status, button):
    account = in_status(home, status)
    page = client.get(url("number", home, account)).content.decode()
    assert re.search(rf"<button[^>]*>{button}</button>", page)


@pytest.mark.parametrize("status", REASONS)
def test_the_reason_is_told_in_its_sentence(client, home, status):
    account = in_status(home, status)
    assert sentence(REASONS[status]) in text_of(client.get(url("number", home, account)))


def test_the_code_is_a_picture_on_the_page(client, home):
    account = in_status(home, "qr_scanning")
    page = client.get(url("number-qr", home, account)).content.decode()
    assert "<svg" in page
    assert "2@code" not in page
    assert 'fill="#fff"' in page


def test_a_label_cannot_bring_markup(client, home):
    account = AccountFactory(workspace=home, label="<img src=x onerror=alert(1)>")
    for address in (url("numbers", home), url("number", home, account)):
        assert b"<img" not in client.get(address).content


# Actions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["connect", "disconnect", "restart", "log-out"])
@pytest.mark.parametrize("status", Status.values)
def test_every_action_works_from_every_state_twice(client, home, person, status, verb):
    account = in_status(home, status)
    for _ in range(2):
        answer = client.post(url(f"number-{verb}", home, account))
        assert answer.status_code == 302
        assert answer.url == url("number", home, account)
    session = Session.objects.get(pk=account.pk)
    if verb in ("disconnect", "log-out"):
        assert session.status == Status.DISCONNECTED
        assert WhatsAppAccount.objects.get(pk=account.pk).phone_number is None
    else:
        assert session.desired == "connected"


def test_connecting_twice_is_connecting_once(client, home, person):
    account = in_status(home, "disconnected")
    client.post(url("number-connect", home, account))
    client.post(url("number-connect", home, account))
    assert StatusChange.objects.filter(account=account).count() == 1
    mine = AuditEntry.objects.filter(actor=f"user:{person.email}")
    assert [entry.action for entry in mine if entry.workspace] == ["account.connect"]


def test_htmx_gets_the_panel_and_the_head_back(client, home):
    account = in_status(home, "disconnected")
    answer = client.post(url("number-connect", home, account), headers=HTMX)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" not in page
    assert 'hx-swap-oob="innerHTML"' in page
    assert "Starting" in page


def test_deleting_asks_on_a_page_and_names_the_number(client, home):
    account = in_status(home, "connected")
    page = text_of(client.get(url("number-delete", home, account)))
    assert f"Delete “{account.label}”?" in page
    answer = client.post(url("number-delete", home, account))
    assert answer.url == url("numbers", home)
    assert not WhatsAppAccount.objects.present().exists()


def test_adding_a_number_leads_to_its_page(client, home):
    answer = client.post(url("number-add", home), {"label": "Support"})
    account = WhatsAppAccount.objects.get(workspace=home)
    assert answer.url == url("number", home, account)
    assert account.session.status == Status.DISCONNECTED


@pytest.mark.parametrize("label", ["", "x" * 121, "tab\there"])
def test_a_bad_label_is_explained(client, home, label):
    answer = client.post(url("number-add", home), {"label": label})
    assert answer.status_code == 200
    assert "field-error" in answer.content.decode()
    assert not WhatsAppAccount.objects.exists()


def test_renaming_is_written_down(client, home, person):
    account = in_status(home, "connected")
    client.post(url("number-rename", home, account), {"label": "New name"})
    account.refresh_from_db()
    assert account.label == "New name"
    written = AuditEntry.objects.get(action="account.changed")
    assert written.actor == f"user:{person.email}"


def test_a_proxy_is_set_shown_without_its_password_and_taken_away(client, home):
    account = in_status(home, "connected")
    wanted = "socks5://user:hunter2@proxy.example:1080"
    client.post(url("number-proxy", home, account), {"proxy": wanted})
    page = client.get(url("number-settings", home, account)).content.decode()
    assert WhatsAppAccount.objects.get(pk=account.pk).proxy == wanted
    assert "socks5://proxy.example:1080" in page
    assert "hunter2" not in page
    client.post(url("number-proxy", home, account), {"proxy": "", "remove": "1"})
    assert WhatsAppAccount.objects.get(pk=account.pk).proxy == ""
    assert AuditEntry.objects.filter(detail={"fields": ["proxy"]}).count() == 2


@pytest.mark.parametrize("wrong", ["", "ftp://proxy.example", "http://", "socks5://h:99999"])
def test_what_is_no_proxy_is_explained_and_changes_nothing(client, home, wrong):
    account = in_status(home, "connected")
    answer = client.post(url("number-proxy", home, account), {"proxy": wrong})
    assert answer.status_code == 422
    assert "field-error" in answer.content.decode()
    assert not AuditEntry.objects.filter(action="account.changed").exists()


def test_a_pairing_code_without_a_worker_is_explained(client, home):
    account = in_status(home, "disconnected")
    answer = client.post(
        url("number-pairing-code", home, account), {"phone_number": "+15550100001"}, headers=HTMX
    )
    assert 'role="alert"' in answer.content.decode()


def test_a_pairing_code_that_waits_is_shown_in_groups(client, home):
    account = in_status(
        home,
        "qr_scanning",
        session__pairing_code="ABCDEFGH",
        session__pairing_code_expires_at=timezone.now() + timedelta(seconds=90),
    )
    assert "ABCD-EFGH" in text_of(client.get(url("number-panel", home, account)))


def test_a_pairing_code_needs_a_phone_number(client, home):
    account = in_status(home, "qr_scanning")
    fields = {"phone_number": "abc"}
    answer = client.post(url("number-pairing-code", home, account), fields, headers=HTMX)
    assert "country code" in text_of(answer)


def test_health_without_a_worker_is_a_page(client, home):
    account = in_status(home, "disconnected")
    assert commands.health(account)["process_alive"] is False
    assert "No process" in text_of(client.get(url("number-health", home, account)))


# The list ------------------------------------------------------------------------------------


def test_many_numbers_come_in_pages_with_few_queries(client, home, django_assert_max_num_queries):
    for _ in range(120):
        AccountFactory(workspace=home, connected=True)
    client.get(url("overview", home))  # the first page of a login writes that it is there
    with django_assert_max_num_queries(12):
        page = client.get(url("numbers", home)).content.decode()
    assert page.count("data-live-row=") == 50
    assert "page=3" in page


def test_search_and_filter_narrow_the_list(client, home):
    for status in ("connected", "failed", "disconnected"):
        in_status(home, status, label=f"is {status}")
    assert "is failed" in text_of(client.get(url("numbers", home) + "?status=attention"))
    assert "is connected" not in text_of(client.get(url("numbers", home) + "?status=attention"))
    found = client.get(url("numbers", home) + "?q=disco", headers=HTMX)
    assert "is disconnected" in text_of(found)
    assert b"<html" not in found.content
    assert "Nothing matches" in text_of(client.get(url("numbers", home) + "?q=zzz"))


@pytest.mark.parametrize("query", ["?page=99", "?page=x", "?status=nonsense", "?q=%00", "?q=%"])
def test_odd_queries_are_pages_too(client, home, query):
    in_status(home, "connected")
    assert client.get(url("numbers", home) + query).status_code == 200


def test_many_numbers_are_disconnected_at_once(client, home):
    mine = [in_status(home, "connected") for _ in range(3)]
    foreign = in_status(WorkspaceFactory(), "connected")
    ids = [str(account.pk) for account in (*mine, foreign)] + ["nonsense"]
    client.post(url("numbers-bulk", home), {"account": ids, "verb": "disconnect"})
    assert {Session.objects.get(pk=account.pk).status for account in mine} == {"disconnected"}
    assert Session.objects.get(pk=foreign.pk).status == "connected"


def test_a_bulk_action_never_leads_elsewhere(client, home):
    account = in_status(home, "connected")
    fields = {"account": [str(account.pk)], "verb": "connect", "back": "https://evil.example/"}
    assert client.post(url("numbers-bulk", home), fields).url == url("numbers", home)


def test_changed_cells_are_only_of_the_own_workspace(client, home):
    mine, foreign = in_status(home, "failed"), in_status(WorkspaceFactory(), "failed")
    query = f"?id={mine.pk}&id={foreign.pk}&id=x"
    page = client.get(url("numbers-rows", home) + query).content.decode()
    assert str(mine.pk) in page
    assert str(foreign.pk) not in page


def test_the_empty_list_teaches_the_first_step(client, home):
    page = text_of(client.get(url("numbers", home)))
    assert "Add the first number" in page
    assert "curl" in page


# Overview and events -------------------------------------------------------------------------


def test_the_overview_counts_and_names_incidents(client, home):
    account = in_status(home, "failed")
    StatusChange.objects.create(
        account=account,
        from_status="connected",
        to_status="failed",
        reason_code="crash_loop",
        reason_message=sentence("crash_loop"),
        epoch=1,
    )
    page = text_of(client.get(url("overview", home)))
    assert "1 number" in page
    assert account.label in page
    assert "crashed again and again" in page


def test_events_are_told_in_words_and_as_json(client, home):
    account = in_status(home, "connected")
    event = event_log.append(
        workspace_id=home.pk,
        account_id=account.pk,
        type="message",
        data={"direction": "in", "text": "<b>Hello</b>", "sender": {"push_name": "Femi"}},
    )
    assert "From Femi: &lt;b&gt;Hello" in client.get(url("events", home)).content.decode()
    detail = client.get(url("event", home, event_id=event.pk))
    assert "json-key" in detail.content.decode()
    assert b"<b>Hello" not in detail.content


def test_the_tail_brings_only_what_is_new_and_moves_its_cursor(client, home):
    for text in ("one", "two", "three"):
        event_log.append(workspace_id=home.pk, type="message", data={"text": text})
    page = client.get(url("events-tail", home) + "?after=2").content.decode()
    assert "three" in page
    assert "two" not in page
    assert 'value="3"' in page


@pytest.mark.parametrize("query", ["?before=x", "?account=nonsense", "?type=%00", "?before=-1"])
def test_odd_event_queries_are_pages_too(client, home, query):
    assert client.get(url("events", home) + query).status_code == 200


# Keys ----------------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_works(client, home):
    answer = client.post(url("keys", home), {"name": "CRM", "scopes": ["read"]})
    text = re.search(r'id="new-key-text">([^<]+)<', answer.content.decode()).group(1)
    assert ApiKey.objects.authenticate(text).scopes == ["read"]
    assert "no-store" in answer.headers["Cache-Control"]
    assert text not in client.get(url("keys", home)).content.decode()


def test_a_key_needs_a_name_and_a_scope(client, home):
    answer = client.post(url("keys", home), {"name": ""})
    assert answer.content.decode().count("field-error") == 2
    assert not ApiKey.objects.exists()


def test_revoking_twice_is_revoking_once(client, home):
    client.post(url("keys", home), {"name": "CRM", "scopes": ["read"]})
    key = ApiKey.objects.get()
    for _ in range(2):
        assert client.post(url("key-revoke", home, key_id=key.public_id)).url == url("keys", home)
    assert AuditEntry.objects.filter(action="api_key.revoked").count() == 1


# Sandbox -------------------------------------------------------------------------------------


@pytest.fixture
def sandbox_down(settings, tmp_path):
    settings.SANDBOX_DIR = tmp_path
    with pytest.raises(sandbox_gateway.SandboxError):
        sandbox_gateway.network()


@pytest.mark.usefixtures("sandbox_down")
def test_a_sandbox_that_is_away_is_a_sentence(client, home):
    account = in_status(home, "qr_scanning")
    for address in (url("sandbox", home), url("number-phone", home, account)):
        assert "not running" in text_of(client.get(address))
    answer = client.post(url("number-phone-scan", home, account), headers=HTMX)
    assert "not running" in text_of(answer)
    assert client.post(url("number-phone-scan", home, account)).status_code == 302


@pytest.mark.parametrize("number", ["..", "+1555/../faults", "15550100001", "+1"])
def test_what_is_no_number_never_reaches_the_sandbox(client, home, number):
    account = in_status(home, "connected")
    answer = client.get(url("number-phone-inbox", home, account), {"sender": number})
    assert "Choose a virtual phone" in text_of(answer)
