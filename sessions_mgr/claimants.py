"""Who holds a claim on rows that several processes share: `node:pid:random`, made at each start.

A claim runs out by itself. What a process of this machine held that is dead by now need not wait.
"""

from __future__ import annotations

import os
from uuid import uuid4

from django.conf import settings


def new() -> str:
    """A name for this process; another one at each call."""
    return f"{settings.NODE_NAME}:{os.getpid()}:{uuid4().hex[:8]}"


def is_dead(claimant: str) -> bool:
    """True when it surely is. Ask before the first `new`: a name with our own pid is of somebody
    who had it before us. Nothing is known of other machines."""
    node, _, rest = claimant.partition(":")
    pid = rest.partition(":")[0]
    if node != settings.NODE_NAME or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return int(pid) == os.getpid()
