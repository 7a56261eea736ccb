"""Short pauses of the garbage collector in processes that live long.

Django and its apps are 170,000 objects that never become garbage. Looking through them all takes
CPython some 100 ms, in which no request moves. Once everything is loaded they are set aside.
"""

from __future__ import annotations

import gc

from django.urls import get_resolver


def shorten(*, urls: bool = False) -> None:
    """Call when everything is loaded. `urls`: the views too, which Django loads at first use."""
    if urls:
        _ = get_resolver().url_patterns
    gc.collect()
    gc.freeze()
