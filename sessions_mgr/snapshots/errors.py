"""What a store operation may refuse. The text of each is one sentence for the operator."""

from __future__ import annotations


class StoreError(Exception):
    """A store operation was refused or could not finish; nothing was half done."""


class NothingToSave(StoreError):
    """The account has no credentials on this machine."""


class SnapshotUnreadable(StoreError):
    """A snapshot cannot be opened: unknown key, changed bytes, or another account's."""


class StoreUnusable(StoreError):
    """A database is not a sound store with credentials."""


class StorageFailed(StoreError):
    """The storage of the snapshots did not answer, or refused."""
