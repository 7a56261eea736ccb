"""Every event has a sentence, whatever its data holds."""

from __future__ import annotations

import pytest
from django.utils import translation

from console.summaries import summary
from events import types


@pytest.mark.parametrize("kind", sorted(types.ALL))
def test_every_type_has_a_sentence_of_its_own(kind):
    assert summary(kind, {}) != kind


def test_people_are_named_by_what_they_call_themselves():
    ann = {"push_name": "Ann", "phone_number": "+15550009"}

    assert summary("message.reaction", {"sender": ann, "emoji": "👍"}) == "Ann reacted with 👍"
    assert summary("group.participants", {"joined": [ann], "left": []}) == "Ann joined"


@pytest.mark.parametrize(("language", "word"), [("en", "delivered"), ("pt-br", "entregue")])
def test_how_far_a_message_came_is_told_in_the_reader_s_language(language, word):
    with translation.override(language):
        assert summary("message.ack", {"status": "delivered"}).endswith(word)
