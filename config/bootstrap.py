"""The first start: an owner, a demo workspace and an API key, told once and never again."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from accounts import services
from accounts.models import User

DEFAULT_EMAIL = "owner@example.com"
WORKSPACE = "Demo"


@dataclass(frozen=True, slots=True)
class FirstSecrets:
    email: str
    password: str
    api_key: str

    def block(self, url: str) -> str:
        line = "-" * 72
        return (
            f"\n{line}\n  Switchboard is ready. These are shown once; keep them.\n\n"
            f"  URL       {url}\n  E-mail    {self.email}\n  Password  {self.password}\n"
            f"  API key   {self.api_key}\n{line}\n"
        )


@transaction.atomic
def bootstrap() -> FirstSecrets | None:
    """Make the first owner, workspace and key. None when there is somebody already."""
    if User.objects.exists():
        return None
    email = settings.BOOTSTRAP_EMAIL or DEFAULT_EMAIL
    password = settings.BOOTSTRAP_PASSWORD or secrets.token_urlsafe(18)
    owner, _ = services.find_or_create_owner(email=email, password=password)
    workspace = services.create_workspace(name=WORKSPACE, owner=owner)
    _, key = services.create_api_key(
        workspace=workspace,
        name="first start",
        scopes=["read", "send", "manage", "admin"],
        actor="system",
        text=settings.BOOTSTRAP_API_KEY,
    )
    return FirstSecrets(email, password, key)
