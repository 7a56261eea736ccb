"""People in a real browser: invite, second factor, logins, keys, the audit log."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import httpx
import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.product import EMAIL, ROOT

from .conftest import DESKTOP, LISTEN, PHONE, check, picture

THEMES = ("light", "dark")
SIZES = {"desktop": DESKTOP, "phone": PHONE}
COLLEAGUE = "nia@example.test"
WORDS = "seven-crooked-Lanterns-9"


@pytest.fixture
def somebody(chromium, product):
    """A window of somebody who is not signed in yet."""
    contexts = []

    def make(**options) -> Page:
        context = chromium.new_context(base_url=product.url, viewport=DESKTOP, **options)
        context.add_init_script(LISTEN)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


def go(page: Page, name: str) -> None:
    page.goto("/")
    page.get_by_role("link", name=name, exact=True).click()


def invite(page: Page, role: str = "operator", email: str = "") -> str:
    go(page, "Members")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Role", exact=True).select_option(role)
    page.get_by_role("button", name="Make an invitation link").click()
    return page.locator("#invitation-link").inner_text()


def join(page: Page, link: str, email: str) -> None:
    page.goto(link)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Name").fill("Nia New")
    page.get_by_label("Password").fill(WORDS)
    page.get_by_role("button", name="Join").click()
    page.wait_for_url("**/workspaces/*/")


def enter(page: Page, email: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(WORDS)
    page.get_by_role("button", name="Sign in").click()


def switch_on(page: Page) -> pyotp.TOTP:
    """The second factor; the page ends with the recovery codes."""
    page.goto("/you/two-factor")
    page.get_by_role("link", name="Set it up").click()
    page.get_by_label("Password").fill(WORDS)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".qr-picture")).to_be_visible()
    check(page)
    picture(page, "second-factor-light-desktop")
    totp = pyotp.TOTP(page.locator("#totp-secret").inner_text())
    page.get_by_label("Code", exact=True).fill(totp.now())
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator("#recovery-codes")).to_have_text(re.compile(r"(\S+\s+){9}\S+"))
    check(page)
    return totp


def test_a_colleague_joins_secures_the_login_and_ends_an_old_one(page, somebody):
    link = invite(page)
    check(page)
    colleague = somebody()
    join(colleague, link, COLLEAGUE)
    expect(colleague.get_by_role("link", name="API keys")).to_have_count(0)
    totp = switch_on(colleague)

    phone = somebody(
        user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Safari/604.1"
    )
    enter(phone, COLLEAGUE)
    expect(phone.get_by_role("heading", name="Second factor")).to_be_visible()
    check(phone)
    phone.get_by_label("Code", exact=True).fill(totp.now())
    phone.get_by_role("button", name="Sign in").click()
    phone.wait_for_url("**/workspaces/*/")

    colleague.goto("/you/sessions")
    colleague.get_by_role("button", name=re.compile("End Safari on iPhone")).click()
    expect(colleague.get_by_text("That login has ended.")).to_be_visible()
    check(colleague)
    phone.goto("/")
    expect(phone.get_by_role("button", name="Sign in")).to_be_visible()

    # And the owner finds who did it.
    go(page, "Audit log")
    page.get_by_label("Who").fill(COLLEAGUE)
    page.get_by_role("button", name="Filter").click()
    for action in ("member.joined", "person.factor_added", "person.login_ended"):
        expect(page.locator("#audit-rows code", has_text=action).first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    rows = download.value.path().read_text()
    assert "member.joined" in rows
    assert "workspace.created" not in rows  # the filter holds for the file too


def test_own_pages_are_reached_from_the_phone(open_page):
    page = open_page(size=PHONE)
    page.goto("/")
    page.locator(".workspaces summary").click()
    page.get_by_role("link", name="You: name, password, logins").click()
    expect(page.get_by_role("heading", name="Your workspaces")).to_be_visible()


def test_a_role_is_changed_and_a_member_removed(page, somebody):
    link = invite(page, "viewer", "vera@example.test")
    guest = somebody()
    guest.goto(link)
    expect(guest.get_by_label("E-mail")).to_be_disabled()
    guest.get_by_label("Name").fill("Vera")
    guest.get_by_label("Password").fill(WORDS)
    guest.get_by_role("button", name="Join").click()
    guest.wait_for_url("**/workspaces/*/")

    go(page, "Members")
    page.get_by_label("Role of vera@example.test").select_option("admin")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_text("vera@example.test is Admin now.")).to_be_visible()
    guest.reload()
    expect(guest.get_by_role("link", name="API keys")).to_be_visible()

    page.get_by_role("link", name="Remove vera@example.test").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("vera@example.test is no longer a member.")).to_be_visible()
    guest.goto("/")
    expect(guest.get_by_role("heading", name="No workspace yet")).to_be_visible()


def test_a_key_is_rotated_and_the_old_secret_still_works(page, product):
    go(page, "API keys")
    page.get_by_label("Name").fill("Rotating")
    page.get_by_role("button", name="Create key").click()
    first = page.locator("#new-key-text").inner_text()
    page.get_by_role("link", name="Rotate Rotating").click()
    page.get_by_role("dialog").get_by_role("button", name="Make a new secret").click()
    expect(page.locator("#new-key-text")).not_to_have_text(first)
    second = page.locator("#new-key-text").inner_text()
    for text in (first, second):
        answer = httpx.get(
            f"{product.url}/api/v1/workspace", headers={"X-Api-Key": text}, trust_env=False
        )
        assert answer.status_code == 200
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied").first).to_be_visible()


def test_an_administrator_sees_workspaces_and_no_messages(product, somebody):
    made = subprocess.run(
        [sys.executable, "manage.py", "create_admin", "chief@example.test"],
        cwd=ROOT,
        env=product.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    chief = somebody()
    complaints = []
    chief.on("console", lambda line: complaints.append(line.text) if "CSP " in line.text else None)
    chief.goto("/installation/")
    chief.get_by_label("E-mail").fill("chief@example.test")
    chief.get_by_label("Password").fill(json.loads(made.stdout)["password"])
    chief.get_by_role("button", name="Sign in").click()
    chief.wait_for_url("**/installation/")
    picture(chief, "installation-light-desktop")
    chief.get_by_role("link", name="Workspaces", exact=True).first.click()
    chief.get_by_role("link", name="Demo").click()
    expect(chief.get_by_text(EMAIL).first).to_be_visible()
    assert complaints == []
    chief.goto("/")
    expect(chief.get_by_role("heading", name="No workspace yet")).to_be_visible()


def test_members_and_keys_without_javascript(open_page):
    page = open_page(java_script_enabled=False)
    link = invite(page, "viewer")
    assert "/join/" in link
    go(page, "API keys")
    page.get_by_label("Name").fill("Plain")
    page.get_by_role("button", name="Create key").click()
    page.get_by_role("link", name="Revoke Plain").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The key “Plain” is revoked.")).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", THEMES)
def test_every_page_of_people(open_page, theme, size):
    page = open_page(theme=theme, size=SIZES[size])
    for name in ("Members", "API keys", "Audit log"):
        go(page, name)
        check(page)
        picture(page, f"{name.lower().replace(' ', '-')}-{theme}-{size}")
    for name, address in (
        ("you", "/you/"),
        ("password", "/you/password"),
        ("factors", "/you/two-factor"),
        ("logins", "/you/sessions"),
        ("again", "/sign-in/again"),
    ):
        page.goto(address)
        check(page)
        picture(page, f"you-{name}-{theme}-{size}")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", THEMES)
def test_every_page_of_strangers(page, somebody, theme, size):
    link = invite(page)
    stranger = somebody(color_scheme=theme)
    stranger.set_viewport_size(SIZES[size])
    for name, address in (
        ("sign-in", "/sign-in"),
        ("forgotten", "/password/forgotten"),
        ("join", link),
        ("unusable", "/join/unknown"),
        ("bad-link", "/password/reset/0-0/"),
    ):
        stranger.goto(address)
        check(stranger)
        picture(stranger, f"stranger-{name}-{theme}-{size}")


def test_a_link_of_the_command_line_sets_a_new_password(product, page, somebody):
    join(somebody(), invite(page), "forgetful@example.test")
    made = subprocess.run(
        [sys.executable, "manage.py", "reset_password_link", "forgetful@example.test"],
        cwd=ROOT,
        env=product.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    visitor = somebody()
    visitor.goto(re.search(r'"url": "([^"]+)"', made.stdout)[1])
    check(visitor)
    for label in ("New password", "New password, again"):
        visitor.get_by_label(label, exact=True).fill("nine-quiet-Rivers-4")
    visitor.get_by_role("button", name="Set the password").click()
    check(visitor)
    visitor.get_by_role("link", name="Sign in").click()
    visitor.get_by_label("E-mail").fill("forgetful@example.test")
    visitor.get_by_label("Password").fill("nine-quiet-Rivers-4")
    visitor.get_by_role("button", name="Sign in").click()
    visitor.wait_for_url("**/workspaces/*/")
