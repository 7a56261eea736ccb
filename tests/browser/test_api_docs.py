"""The pages of the API: everything on them comes from this server, and the policy holds."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import LISTEN


def opened(chromium, product, path, wait_for):
    """The page, what it said on its console, and the hosts that it asked."""
    page = chromium.new_context(base_url=product.url).new_page()
    said, hosts = [], set()
    page.add_init_script(LISTEN)
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda r: hosts.add(r.url.split("/")[2]) if "://" in r.url else None)
    page.goto(path)
    expect(page.get_by_text(wait_for).first).to_be_visible(timeout=30_000)
    return page, said, hosts


def test_the_operations_are_shown_offline(chromium, product):
    page, said, hosts = opened(chromium, product, "/api/docs", "Send a message")
    page.locator("#operations-accounts-accounts_messages_create").click()
    expect(page.get_by_text("Your parcel is here").first).to_be_visible()
    expect(page.get_by_text("idempotency_key_reused").first).to_be_visible()

    assert hosts == {f"127.0.0.1:{product.port}"}
    assert said == []
    page.context.close()


def test_the_type_of_a_problem_leads_to_its_explanation(chromium, product):
    problem = product.api.get("/accounts/00000000-0000-4000-8000-000000000000").json()
    page, said, hosts = opened(chromium, product, problem["type"], "There is no such address")

    expect(page.locator("#not_found:target")).to_be_in_viewport()
    assert hosts == {f"127.0.0.1:{product.port}"}
    assert said == []
    page.context.close()
