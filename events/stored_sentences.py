"""Sentences that were stored in English, in the language of who reads them.

Database, log and API have one language. What people are shown is looked up: the whole sentence, or
one that has values in it. What is not found stays English, as it is: nothing is hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.utils.translation import gettext


class StoredSentences:
    """`with_values`: sentences such as "answered %(status)s". A value `why` is one again."""

    def __init__(self, with_values: Iterable[str]) -> None:
        self._patterns = [(_pattern(sentence), sentence) for sentence in with_values]

    def in_words(self, text: str) -> str:
        """The sentence in the active language."""
        whole = gettext(text)
        if whole != text:
            return whole
        for pattern, sentence in self._patterns:
            if found := pattern.fullmatch(text):
                values = found.groupdict()
                if "why" in values:
                    values["why"] = self.in_words(values["why"])
                return gettext(sentence) % values
        return text


def _pattern(sentence: str) -> re.Pattern[str]:
    pieces = re.split(r"%\((\w+)\)s", sentence)
    pieces[::2] = [re.escape(text) for text in pieces[::2]]
    pieces[1::2] = [f"(?P<{name}>.+?)" for name in pieces[1::2]]
    return re.compile("".join(pieces), re.DOTALL)
