"""Profile pictures: shown at once from what we know, asked for with a deadline, never in the way.

Rule: nothing in here raises, waits longer than PATIENCE or changes a number's status because of
WhatsApp. Nothing is fetched that nobody has asked for.
"""

from .lookups import PATIENCE, Found, address, canonical, find, read
from .news import engine_crashed, picture_changed

__all__ = [
    "PATIENCE",
    "Found",
    "address",
    "canonical",
    "engine_crashed",
    "find",
    "picture_changed",
    "read",
]
