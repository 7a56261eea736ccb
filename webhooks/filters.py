"""Which events an endpoint wants. Pure: a filter and an event in, yes or no out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from events import types


@dataclass(frozen=True, slots=True)
class Filter:
    """None means all: all types but the secret ones, which must be named; all accounts."""

    endpoint_id: UUID
    types: Collection[str] | None = None
    accounts: Collection[str] | None = None
    ignore_groups: bool = False
    ignore_broadcast: bool = False
    ignore_jids: Collection[str] = ()

    def wants(self, *, type: str, account_id: UUID | None, data: dict[str, Any]) -> bool:
        if type == types.WEBHOOK_TEST:
            return data.get("endpoint_id") == str(self.endpoint_id)
        if self.types is None:
            if type in types.SECRET:
                return False
        elif type not in self.types:
            return False
        if self.accounts is not None and str(account_id) not in self.accounts:
            return False
        return not self._ignores(data.get("chat"))

    def _ignores(self, chat: Any) -> bool:
        if not isinstance(chat, dict):
            return False
        kind = chat.get("type")
        if self.ignore_groups and kind == "group":
            return True
        # Status updates and channels are broadcasts too: nobody there writes to this number.
        if self.ignore_broadcast and kind in ("broadcast", "newsletter"):
            return True
        return any(chat.get(name) in self.ignore_jids for name in ("jid", "lid") if chat.get(name))
