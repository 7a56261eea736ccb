"""Every sentence that the console looks up is one that the code still writes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from console.stored_words import PLAIN, WITH_VALUES
from sessions_mgr import reasons

ROOT = Path(__file__).parents[2]
WRITERS = ("egress", "messaging", "sessions_mgr", "webhooks")
VALUE = "\0"  # stands for what differs


def written() -> str:
    """All texts of those who write, one a line, as `_plain` has them."""
    found = []
    for folder in WRITERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(_plain(node.value))
                elif isinstance(node, ast.JoinedStr):
                    parts = [
                        part.value if isinstance(part, ast.Constant) else VALUE
                        for part in node.values
                    ]
                    found.append(_plain("".join(str(part) for part in parts)))
    return "\n" + "\n".join(found) + "\n"


def _plain(text: str) -> str:
    """Without what pages change: the first letter, the full stop, the names of values."""
    text = re.sub(r"%\(\w+\)s", VALUE, text.replace("\n", " "))
    return (text[:1].lower() + text[1:]).removesuffix(".")


@pytest.fixture(scope="module")
def texts() -> str:
    return written()


@pytest.mark.parametrize("sentence", [*PLAIN, *WITH_VALUES])
def test_a_sentence_that_is_looked_up_is_still_written(texts, sentence):
    if sentence in reasons.WITH_VALUES:  # written with this very constant
        return
    # By itself, or as what another one tells of: "not sent: …".
    assert re.search(f"(\n|: ){re.escape(_plain(sentence))}\n", texts)
