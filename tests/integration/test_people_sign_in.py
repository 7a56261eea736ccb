"""Signing in: password, second factor, recovery, throttling, logins, links for new passwords."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pyotp
import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from tests.factories import PASSWORD, UserFactory, WorkspaceFactory
from tests.pages import text_of

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[2]
NEW = "seven-crooked-Lanterns-9"
SIGN_IN = "/sign-in"


@pytest.fixture(autouse=True)
def no_attempts_yet(db):
    cache.clear()


@pytest.fixture
def person():
    user = UserFactory()
    WorkspaceFactory(members=[user])
    return user


def sign_in(client, user, password=PASSWORD):
    return client.post(SIGN_IN, {"login": user.email, "password": password})


def confirm(client):
    """Changing how one signs in asks for the password again."""
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})


def actions():
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def with_totp(client, user):
    """Switch the second factor on; the generator of codes."""
    sign_in(client, user)
    confirm(client)
    page = client.get(reverse("mfa_activate_totp")).content.decode()
    totp = pyotp.TOTP(re.search(r'id="totp-secret">([A-Z2-7]+)<', page)[1])
    client.post(reverse("mfa_activate_totp"), {"code": totp.now()})
    return totp


# Password ------------------------------------------------------------------------------------


def test_unknown_wrong_and_switched_off_are_told_alike(client, person):
    off = UserFactory(is_active=False)
    nobody = User(email="nobody@example.test")
    told = {
        text_of(sign_in(Client(), who, "wrong")).replace(who.email, "") for who in (person, nobody)
    }
    assert len(told) == 1
    assert "not correct" in told.pop()
    assert sign_in(client, off).url == reverse("account_inactive")


def test_a_failure_is_written_down_for_the_workspace_that_it_concerns(client, person):
    sign_in(client, person, "wrong")
    sign_in(client, User(email="nobody@example.test"))
    known, unknown = AuditEntry.objects.filter(action="person.sign_in_failed").order_by("id")
    assert (known.workspace, known.ip) == (person.workspaces.get(), "127.0.0.1")
    assert (unknown.workspace, unknown.target) == (None, "nobody@example.test")
    assert PASSWORD not in str(AuditEntry.objects.values())


def test_five_failures_close_the_door_for_that_address(client, person):
    for _ in range(5):
        sign_in(client, person, "wrong")
    page = sign_in(client, person)
    assert "Too many failed attempts" in text_of(page)
    assert "_auth_user_id" not in client.session
    other = UserFactory()
    assert sign_in(Client(), other).status_code == 302  # nobody else is locked out


def test_an_address_that_tries_too_often_gets_429_with_a_page(client):
    pages = [sign_in(client, User(email=f"n{n}@example.test"), "x") for n in range(31)]
    assert [p.status_code for p in pages[:20]] == [200] * 20
    assert pages[-1].status_code == 429
    assert "Wait a minute" in text_of(pages[-1])


@pytest.mark.django_db(transaction=True)
def test_attempts_are_counted_across_processes(person):
    """Another process sees what this one counted: the cache is the database."""
    cache.set("counted", 5, 60)
    look = "from django.core.cache import cache; print(cache.get('counted'))"
    if connection.vendor != "sqlite":
        pytest.skip("looks into the file of SQLite")
    name = connection.settings_dict["NAME"]
    seen = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup(); {look}"],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": f"sqlite:///{name}",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout.strip() == "5"


def test_nobody_signs_up(client):
    assert client.get("/sign-up").status_code == 404
    assert client.get("/accounts/signup/").status_code == 404


# Second factor -------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_second_factor_is_asked_for_and_written_down(client, person):
    totp = with_totp(client, person)
    stored = Authenticator.objects.get(type="totp").data["secret"]
    assert totp.secret not in stored  # sealed
    fresh = Client()
    answer = sign_in(fresh, person)
    assert answer.url == reverse("mfa_authenticate")
    assert fresh.get(answer.url).status_code == 200
    assert fresh.get("/").status_code == 302  # the password alone opens nothing
    wrong = fresh.post(answer.url, {"code": "000000"})
    assert "not right" in text_of(wrong)
    code = totp.now()
    assert fresh.post(answer.url, {"code": code}).status_code == 302
    assert fresh.get("/", follow=True).status_code == 200
    thief = Client()  # who looked over the shoulder
    sign_in(thief, person)
    assert "not right" in text_of(thief.post(answer.url, {"code": code}))
    assert "_auth_user_id" not in thief.session
    assert {"person.factor_added", "person.code_failed", "person.signed_in"} <= set(actions())


@pytest.mark.django_db(transaction=True)
def test_a_recovery_code_signs_in_once(client, person):
    with_totp(client, person)
    page = client.get(reverse("mfa_view_recovery_codes")).content.decode()
    codes = re.search(r'id="recovery-codes">([^<]+)<', page)[1].split()
    assert len(codes) == 10
    stored = json.dumps(Authenticator.objects.get(type="recovery_codes").data)
    assert codes[0] not in stored
    fresh = Client()
    sign_in(fresh, person)
    fresh.post(reverse("mfa_authenticate"), {"code": codes[0]})
    assert fresh.get("/", follow=True).status_code == 200
    again = Client()
    sign_in(again, person)
    again.post(reverse("mfa_authenticate"), {"code": codes[0]})
    assert "_auth_user_id" not in again.session
    assert "person.recovery_code_used" in actions()


@pytest.mark.django_db(transaction=True)
def test_switching_it_off_asks_who_one_is(client, person):
    with_totp(client, person)
    later = Client()
    later.force_login(person)
    answer = later.post(reverse("mfa_deactivate_totp"))
    assert answer.url.startswith(reverse("account_reauthenticate"))
    assert Authenticator.objects.filter(type="totp").exists()
    client.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.exists()
    assert "person.factor_removed" in actions()


@pytest.mark.django_db(transaction=True)
def test_the_command_takes_a_lost_second_factor_off(client, person, capsys):
    with_totp(client, person)
    call_command("reset_second_factor", person.email)
    assert json.loads(capsys.readouterr().out)["removed"] == 2
    assert not is_in(client)
    assert sign_in(client, person).url == "/"
    assert actions().count("person.factor_removed") == 1


# Logins --------------------------------------------------------------------------------------


@pytest.fixture
def three(person):
    """Three browsers of one person."""
    browsers = [Client(headers={"user-agent": f"Browser {n}"}) for n in range(3)]
    for browser in browsers:
        sign_in(browser, person)
    return browsers


def rows_of(browsers):
    """Their rows in the table of sessions, by which open feeds are judged."""
    keys = [browser.cookies["switchboard_session"].value for browser in browsers]
    return Session.objects.filter(pk__in=keys)


def is_in(browser):
    return browser.get(reverse("console:you")).status_code == 200


def test_one_login_is_ended(three, person):
    page = text_of(three[0].get(reverse("console:you-sessions")))
    assert page.count("last seen") == 3
    second = UserSession.objects.get(user_agent="Browser 1")
    three[0].post(reverse("console:you-end-session", args=[second.pk]))
    assert [is_in(browser) for browser in three] == [True, False, True]
    assert not Session.objects.filter(pk=second.session_key).exists()


def test_a_login_of_somebody_else_cannot_be_ended(three, client):
    client.force_login(UserFactory())
    foreign = UserSession.objects.get(user_agent="Browser 1")
    answer = client.post(reverse("console:you-end-session", args=[foreign.pk]))
    assert answer.status_code == 404
    assert is_in(three[1])


@pytest.mark.parametrize(
    ("button", "left"),
    [("you-end-others", [True, False, False]), ("you-end-all", [False, False, False])],
)
def test_ending_many(three, button, left):
    three[0].post(reverse(f"console:{button}"))
    assert [is_in(browser) for browser in three] == left
    assert "person.logins_ended" in actions()


def test_a_new_password_ends_the_other_logins(three, person):
    fields = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    answer = three[0].post(reverse("account_change_password"), fields)
    assert answer.url == reverse("console:you")
    assert not rows_of(three[1:]).exists()
    assert [is_in(browser) for browser in three] == [True, False, False]
    person.refresh_from_db()
    assert person.check_password(NEW)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"oldpassword": "wrong"}, "current password"),
        ({"password2": "other-words-entirely-1"}, "same password"),
        ({"password1": "short", "password2": "short"}, "too short"),
    ],
)
def test_a_wrong_change_of_the_password_is_explained(client, person, fields, words):
    sign_in(client, person)
    good = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    page = client.post(reverse("account_change_password"), good | fields)
    assert words in text_of(page)
    person.refresh_from_db()
    assert person.check_password(PASSWORD)


# Forgotten -----------------------------------------------------------------------------------


def follow(url):
    client = Client()
    answer = client.get(re.sub(r"^https?://[^/]+", "", url), follow=True)
    return client, answer


def test_the_link_by_mail_works_once_and_ends_all_logins(client, person, settings, three):
    settings.MAIL_CONFIGURED = True
    client.post(reverse("account_reset_password"), {"email": person.email}, HTTP_HOST="localhost")
    [letter] = mail.outbox
    before = list(rows_of(three))
    [url] = re.findall(r"http\S+", letter.body)
    assert url.startswith(settings.PUBLIC_URL)  # not by the Host that was asked for
    visitor, page = follow(url)
    assert "New password" in text_of(page)
    visitor.post(page.redirect_chain[-1][0], {"password1": NEW, "password2": NEW})
    person.refresh_from_db()
    assert person.check_password(NEW)
    assert len(before) == 3 and not rows_of(three).exists()
    assert not any(is_in(browser) for browser in three)
    assert "used already" in text_of(follow(url)[1])
    assert "person.password_reset" in actions()


def test_an_unknown_address_gets_the_same_page_and_no_mail(client, person, settings):
    settings.MAIL_CONFIGURED = True
    pages = [
        client.post(reverse("account_reset_password"), {"email": email})
        for email in (person.email, "nobody@example.test")
    ]
    assert pages[0].url == pages[1].url
    assert len(mail.outbox) == 1


def test_without_mail_the_page_says_whom_to_ask(client):
    assert "reset_password_link" in text_of(client.get(reverse("account_reset_password")))


def test_the_command_makes_a_link(person, capsys, client):
    call_command("reset_password_link", person.email.upper())
    made = json.loads(capsys.readouterr().out)
    assert "New password" in text_of(follow(made["url"])[1])
    assert actions()[-1] == "person.password_link_made"
    sign_in(client, person)
    assert "used already" in text_of(follow(made["url"])[1])  # no longer after signing in


def test_the_command_names_who_is_missing(db):
    with pytest.raises(CommandError, match=r"^EMAIL: nobody signs in with 'x@y\.test'"):
        call_command("reset_password_link", "x@y.test")


@pytest.mark.parametrize("name", ["you", "you-sessions"])
def test_own_pages_are_for_those_who_are_signed_in(client, name):
    assert client.get(reverse(f"console:{name}")).url.startswith(SIGN_IN)


@pytest.mark.parametrize(
    "name",
    [
        "account_change_password",
        "mfa_index",
        "mfa_activate_totp",
        "mfa_deactivate_totp",
        "mfa_view_recovery_codes",
        "mfa_generate_recovery_codes",
        "mfa_download_recovery_codes",
        "account_reauthenticate",
        "mfa_reauthenticate",
        "mfa_authenticate",
    ],
)
def test_factor_pages_are_for_those_who_are_signed_in(client, name):
    assert client.get(reverse(name)).url.startswith(SIGN_IN)


@pytest.mark.django_db(transaction=True)
def test_secrets_are_kept_by_no_cache_and_own_pages_by_none_that_is_shared(client, person):
    sign_in(client, person)
    confirm(client)
    assert "no-store" in client.get(reverse("mfa_activate_totp")).headers["Cache-Control"]
    with_totp(client, person)
    for name in (
        "mfa_view_recovery_codes",
        "mfa_generate_recovery_codes",
        "mfa_download_recovery_codes",
    ):
        answer = client.get(reverse(name))
        assert answer.status_code == 200, name
        assert "no-store" in answer.headers["Cache-Control"], name
    for name in ("account_change_password", "mfa_index", "console:you", "console:you-sessions"):
        assert "private" in client.get(reverse(name)).headers["Cache-Control"], name


def test_a_name_is_changed_by_its_owner(client, person):
    client.force_login(person)
    client.post(reverse("console:you"), {"name": "Ada"})
    person.refresh_from_db()
    assert person.name == "Ada"
