"""Who did something, in words: the actors that the audit log and our own messages name."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.utils.translation import gettext as _

from accounts.audit import SYSTEM
from accounts.models import ApiKey, User, Workspace


class Actors:
    """Who `user:<email>` and `key:<prefix>` are; one query for each kind."""

    def __init__(
        self, workspace: Workspace, actors: Iterable[str], *, more_keys: Collection[str] = ()
    ) -> None:
        plain = {_after_colon(actor) for actor in actors if actor}
        keys = ApiKey.objects.filter(workspace=workspace, prefix__in=plain.union(more_keys))
        self.keys = dict(keys.values_list("prefix", "name"))  # by prefix
        self._people = dict(User.objects.filter(email__in=plain).values_list("email", "name"))

    def who(self, actor: str) -> str:
        """Name and address, or name and prefix."""
        if actor == SYSTEM:
            return _("the system")
        plain = _after_colon(actor)
        if actor.startswith("key:"):
            key = _("API key %(prefix)s…") % {"prefix": plain}
            return f"{self.keys[plain]} ({key})" if plain in self.keys else key
        name = self._people.get(plain)
        return f"{name} ({plain})" if name else plain

    def name(self, actor: str) -> str:
        """As short as it is clear."""
        plain = _after_colon(actor)
        known = self.keys if actor.startswith("key:") else self._people
        return known.get(plain) or self.who(actor)


def _after_colon(actor: str) -> str:
    return actor.partition(":")[2] or actor
