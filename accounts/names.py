"""What may be the name of a thing or a person: one line that people can read."""

from __future__ import annotations

# Nothing to see by themselves, but without them many words of Persian and Hindi are misspelt, and a
# family or a flag among the emoji falls apart.
JOINERS = str.maketrans("", "", "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")


def is_readable(text: str) -> bool:
    """False for line breaks, marks that turn the direction of writing, and what shows nothing."""
    seen = text.translate(JOINERS)
    return bool(seen.strip()) and seen.isprintable()
