"""The end of every worker of this node, now and without asking anybody: its lease is over."""

from __future__ import annotations

import logging
import time

import psutil

logger = logging.getLogger(__name__)

ROUNDS = 50


def kill_everything_below() -> int:
    """SIGKILL to all processes below this one, until there are none. Returns how many it hit.

    The zygote is our child and comes first: what is dead forks nothing more. Its workers are then
    adopted by us (supervision/processes.py), so the next round still finds them.
    """
    me = psutil.Process()
    killed: set[int] = set()
    for _ in range(ROUNDS):
        alive = [child for child in me.children(recursive=True) if _lives(child)]
        if not alive:
            break
        for child in alive:
            killed.add(child.pid)
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue  # it ended by itself, which is all that is wanted
        time.sleep(0.01)
    if killed:
        logger.error("fenced: killed %d processes of this node", len(killed))
    return len(killed)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
