"""Which language a page and an answer of the API are in."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("asked", "lang", "word"),
    [
        ("en", "en", "Sign in"),
        ("id-ID,id;q=0.9", "id", "Masuk"),
        ("pt-BR,pt;q=0.9", "pt-br", "Entrar"),
        ("de-DE", "en", "Sign in"),
    ],
)
def test_a_page_is_in_the_language_that_the_browser_asks_for(client, asked, lang, word):
    page = client.get("/sign-in", headers={"Accept-Language": asked})
    assert f'<html lang="{lang}">' in page.text
    assert f"<h1>{word}</h1>" in page.text
    for name in ("English", "Bahasa Indonesia", "Português Brasileiro"):
        assert f">{name}</button>" in page.text  # each in its own language


def test_a_choice_outlasts_what_the_browser_asks_for(client):
    answer = client.post("/language", {"language": "pt-br", "next": "/sign-in"})
    assert answer.status_code == 302
    assert answer["Location"] == "/sign-in"
    page = client.get("/sign-in", headers={"Accept-Language": "id"})
    assert '<html lang="pt-br">' in page.text
    assert 'value="pt-br"' in page.text


def test_a_choice_leads_to_no_other_site(client):
    answer = client.post("/language", {"language": "id", "next": "https://evil.example/"})
    assert "evil" not in answer["Location"]


def test_the_api_speaks_english_to_everybody(client):
    plain = client.get("/api/v1/accounts")
    asked = client.get("/api/v1/accounts", headers={"Accept-Language": "id"})
    assert asked.status_code == 401
    assert asked.json() == plain.json()
    assert "Accept-Language" not in asked.get("Vary", "")
