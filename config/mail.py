"""How mail leaves: EMAIL_URL, judged here. Without one mail is kept as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import environ

SCHEMES = ("smtp", "smtp+tls", "smtp+ssl", "smtps", "submission", "consolemail", "filemail")


def parse(text: str) -> str:
    """ValueError says what is right; it never repeats the text, which holds a password."""
    scheme, separator, rest = text.partition("://")
    if scheme not in SCHEMES or not separator:
        raise ValueError(
            "use smtp+tls://user:password@host:587 (or smtp+ssl, consolemail, filemail)"
        )
    if scheme not in ("consolemail", "filemail") and not rest:
        raise ValueError("name the mail server, as smtp+tls://user:password@host:587")
    return text


def settings_for(url: str, data_dir: Path) -> dict[str, Any]:
    """EMAIL_* settings. Without a URL mail goes into DATA_DIR/mail."""
    if url:
        found: dict[str, Any] = environ.Env.email_url_config(url)
        return found
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
        "EMAIL_FILE_PATH": str(data_dir / "mail"),
    }
