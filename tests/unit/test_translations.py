"""Every text of the product exists in every language, with the same places to fill in."""

from __future__ import annotations

import re

import pytest

from tests import translations

PLACE = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")
TAG = re.compile(r"</?\w+")


@pytest.fixture(scope="module")
def english():
    return translations.texts(translations.collected())


@pytest.fixture(scope="module", params=translations.LANGUAGES)
def language(request):
    return request.param


@pytest.fixture(scope="module")
def translated(language):
    return translations.texts(translations.load(language))


def sayings(message):
    said = message.string
    return list(said) if isinstance(said, tuple | list) else [said]


def originals(message):
    return list(message.id) if isinstance(message.id, tuple | list) else [message.id]


def test_all_texts_are_there_and_no_others(english, translated):
    """`python -m tests.translations` brings the files up to date."""
    assert set(translated) == set(english)


def test_all_are_translated(translated):
    empty = [name for name, one in translated.items() if not translations.is_translated(one)]
    assert empty == []
    assert [name for name, one in translated.items() if one.fuzzy] == []


def test_what_is_filled_in_is_the_same(translated):
    wrong = []
    for name, one in translated.items():
        allowed = {place for text in originals(one) for place in PLACE.findall(text)}
        needed = set.intersection(*(set(PLACE.findall(text)) for text in originals(one)))
        for said in sayings(one):
            places = set(PLACE.findall(said))
            if not needed <= places <= allowed:
                wrong.append((name, said))
    assert wrong == []


def test_markup_is_the_same(translated):
    wrong = [
        name
        for name, one in translated.items()
        for said in sayings(one)
        if sorted(TAG.findall(said)) != sorted(TAG.findall(originals(one)[-1]))
    ]
    assert wrong == []


def test_what_django_reads_is_what_people_edit(language):
    kept = translations.po_file(language).with_suffix(".mo").read_bytes()
    assert kept == translations.compiled(translations.load(language))
