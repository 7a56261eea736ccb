"""What a person reads on a page: an answer of the test client, or HTML."""

from __future__ import annotations

import re


def text_of(page) -> str:
    page = page if isinstance(page, str) else page.content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
