"""What is stored in English is read in the reader's language: pages, and mails about a number."""

from __future__ import annotations

import pytest
from django.core import mail
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone, translation

from accounts import preferences, quotas
from accounts.models import Role, Workspace
from console.stored_words import in_words
from egress.addresses import Refused, parse
from messaging.outbox.errors import MediaProblem
from messaging.outbox.uploads import keep
from sessions_mgr import notices
from sessions_mgr.engines import base, neonize_errors
from sessions_mgr.models import Session
from sessions_mgr.reasons import SENTENCES
from tests.couriers import courier
from tests.factories import UserFactory, WorkspaceFactory
from tests.life import connected_account, say
from tests.receiver import Receiver, never, status
from tests.webhook_rows import attempts, happen, hook

OTHERS = ("id", "pt-br")
BAD_URLS = (
    "http://example.com/" + "x" * 3000,
    "http://exämple.com/",
    "http://[::1",
    "ftp://example.com/",
    "http://ann:secret@example.com/",
    "http://example.com/#part",
    "http://256.1.1.1/",
    "http://exa..mple.com/",
    "http://example.com:22/",
    "http://localhost/",
    "http://intranet/",
    "http://10.0.0.1/",
)


def browser_of(workspace):
    person = UserFactory()
    workspace.memberships.create(user=person, role=Role.ADMIN)
    client = Client()
    client.force_login(person)
    return client


def unknown(sentences):
    """Those that somebody who does not read English would get in English."""
    found = []
    for language in OTHERS:
        with translation.override(language):
            found += [(language, text) for text in sentences if in_words(text) == text]
    return found


def test_every_reason_of_a_status_is_translated():
    assert not unknown(SENTENCES.values())


def test_every_refusal_of_whatsapp_is_translated():
    tables = [neonize_errors._MESSAGE_CODES, neonize_errors._QUERY_CODES]
    said = [text for table in tables for _code, text in table.values()]
    said += [text for _pattern, _code, text in neonize_errors._TEXTS]
    said += [str(neonize_errors.engine_error("server returned error 999", "x"))]
    said += [str(neonize_errors.send_error("websocket not connected", "x"))]
    assert not unknown(said)


def test_every_url_that_cannot_be_called_is_refused_in_words():
    said = []
    for url in BAD_URLS:
        with pytest.raises(Refused) as caught:
            parse(url)
        said.append(str(caught.value))
    assert len(set(said)) == len(BAD_URLS)
    assert not unknown(said)
    assert not unknown(f"not sent: {text}" for text in said)


def test_values_stay_and_what_is_in_them_is_translated_too():
    with translation.override("id"):
        assert in_words("not sent: 10.0.0.1 is a private address") == (
            "tidak terkirim: 10.0.0.1 adalah alamat privat"
        )
        assert in_words("Not sent in time. The account was not connected.") == (
            "Tidak terkirim tepat waktu. Nomor tidak terhubung."
        )
        assert in_words("something that nobody foresaw: 100% <b>") == (
            "something that nobody foresaw: 100% <b>"
        )
        assert in_words("") == ""


def test_in_english_every_sentence_is_as_it_was_stored():
    for text in (*SENTENCES.values(), "answered 503", "not sent: intranet is down"):
        assert in_words(text) == text


def test_a_file_that_is_too_large_is_told_in_words():
    with pytest.raises(MediaProblem) as caught:
        keep(workspace=Workspace(), file=ContentFile(b"12345", "a.txt"), most=4)
    assert not unknown([caught.value.detail])


@pytest.mark.django_db(transaction=True)
async def test_what_a_webhook_answered_is_told_in_words():
    async def nowhere(host, port):
        raise OSError

    said = []
    for answer in (status(503), status(301, Location="/there"), never):
        with Receiver(answer) as server:
            to = await hook(server.url)
            await happen(to)
            async with courier(seconds=0.5) as it:
                await it.step()
        said.append((await attempts(to))[0].error)
    to = await hook(server.url)  # it has closed
    await happen(to)
    async with courier() as it:
        await it.step()
    said.append((await attempts(to))[0].error)
    to = await hook("http://nowhere.example.com/")
    await happen(to)
    async with courier(resolve=nowhere) as it:
        await it.step()
    said.append((await attempts(to))[0].error)
    assert len(set(said)) == 5
    assert not unknown(said)


@pytest.mark.django_db
def test_pages_of_a_number_say_its_reason_in_the_reader_s_language():
    account = connected_account()
    say(account, base.TemporarilyBanned(code="101", expires_at=2_000_000_000))
    assert Session.objects.get(pk=account.pk).reason_message.startswith("WhatsApp has banned")
    browser = browser_of(account.workspace)
    place = f"/workspaces/{account.workspace_id}/"
    for page in ("", "numbers/", f"numbers/{account.pk}/", f"numbers/{account.pk}/timeline"):
        text = browser.get(place + page, headers={"Accept-Language": "id"}).text
        assert "WhatsApp memblokir nomor ini sampai 2033-05-18" in text, page
        assert "has banned" not in text, page


@pytest.mark.django_db
def test_a_quota_is_told_in_the_reader_s_language():
    workspace = WorkspaceFactory()
    quotas.set_limits(workspace=workspace, actor="test", numbers=0)
    browser = browser_of(workspace)
    place = f"/workspaces/{workspace.pk}/numbers/new"
    page = browser.post(place, {"label": "Toko"}, headers={"Accept-Language": "id"})
    assert page.status_code == 403
    assert "Ruang kerja ini boleh memiliki 0 nomor" in page.text
    assert "Administrator instalasi dapat menaikkannya." in page.text


@pytest.mark.django_db
def test_a_notice_is_mailed_in_the_language_of_the_workspace():
    workspace = WorkspaceFactory()
    preferences.change(
        workspace=workspace,
        actor="test",
        notice_email="ops@example.com",
        notice_language="pt-br",
    )
    account = connected_account(workspace=workspace, label="Loja")
    say(account, base.TemporarilyBanned(code="101", expires_at=2_000_000_000))
    assert notices.send_due(timezone.now()) == 1
    (letter,) = mail.outbox
    assert letter.subject == "Loja falhou"
    assert "O WhatsApp baniu este número até 2033-05-18" in letter.body
    assert translation.get_language() == "en"
