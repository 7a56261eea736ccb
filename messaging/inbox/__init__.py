"""Facts about messages and people become rows and events. Runs inside ingest's transaction.

Facts arrive in any order and more than once. What repeats changes nothing and tells nothing; what
comes before its message is told at once, kept (held.py), and changes the row when it comes. A late
fact is stored whatever the epoch: WhatsApp was told that we have it. Nothing here asks WhatsApp.
"""

from .record import record

__all__ = ["record"]
