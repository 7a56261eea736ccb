"""The pages of a workspace and of the installation's administrators, in Chromium."""

from __future__ import annotations

import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DEADLINE, DESKTOP, PHONE, check, picture
from tests.product import EMAIL, ROOT


@pytest.fixture
def settings_page(product):
    return f"/workspaces/{product.call('GET', '/workspace')['id']}/settings/"


@pytest.fixture(scope="session")
def administrator(product):
    """The owner also administers the installation."""
    code = (
        "from accounts.models import User;"
        f"User.objects.filter(email='{EMAIL}').update(is_staff=True)"
    )
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", code],
        cwd=ROOT, env=product.environment, check=True, capture_output=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("theme", "size", "name"),
    [
        ("light", DESKTOP, "light-desktop"),
        ("dark", DESKTOP, "dark-desktop"),
        ("light", PHONE, "light-phone"),
        ("dark", PHONE, "dark-phone"),
    ],
)
def test_the_pages_are_readable_everywhere(
    open_page, product, settings_page, administrator, theme, size, name
):
    page = open_page(theme=theme, size=size)
    page.goto(settings_page)
    check(page)
    picture(page, f"workspace-{name}")
    page.goto(f"{settings_page}delete")
    check(page)
    picture(page, f"workspace-delete-{name}")
    page.goto("/administration/workspaces/")
    check(page)
    picture(page, f"administration-{name}")
    page.get_by_role("link", name="Demo").click()
    check(page)
    picture(page, f"administration-workspace-{name}")


def test_settings_are_saved_and_wrong_ones_explained_without_scripts(open_page, settings_page):
    page = open_page(java_script_enabled=False)
    page.goto(settings_page)
    page.get_by_label("Tell by e-mail").fill("ops@example.com")
    page.get_by_label("Keep messages for (days)").fill("90")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible(timeout=DEADLINE)
    expect(page.get_by_label("Keep messages for (days)")).to_have_value("90")


def test_an_owner_downloads_an_export(open_page, settings_page):
    page = open_page()
    page.goto(settings_page)
    with page.expect_download() as begun:
        page.get_by_role("button", name="Download").click()
    assert begun.value.suggested_filename.startswith("Demo-")
    assert begun.value.path().stat().st_size > 500
    page.goto(settings_page)
    check(page)
