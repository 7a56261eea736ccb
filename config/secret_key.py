"""The installation's own secret: generated once, kept beside the data, readable by us alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from .environment import ConfigurationError
from .kinds import MIN_SECRET_LENGTH


def load_or_create(path: Path) -> str:
    """The secret in `path`, written there on the first call. Two processes get the same one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            # Whole file first, then the name: a second process never reads half a key.
            draft = path.with_name(f"{path.name}.{os.getpid()}")
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(64))
            try:
                os.link(draft, path)
            except FileExistsError:
                pass  # another process was faster; its key is the one that is read below
            finally:
                draft.unlink()
        secret = path.read_text().strip()
    except OSError as exc:
        raise ConfigurationError(
            f"DATA_DIR is not valid: {path.parent} is not writable ({exc.strerror})"
        ) from None
    if len(secret) < MIN_SECRET_LENGTH:
        raise ConfigurationError(
            f"SECRET_KEY is not valid: {path} is damaged; delete or restore it"
        )
    return secret
