#!/usr/bin/env python
"""Django's command line."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    from config.environment import ConfigurationError

    try:
        execute_from_command_line(sys.argv)
    except ConfigurationError as exc:
        print(f"switchboard: {exc}", file=sys.stderr)
        raise SystemExit(2) from None
    except OperationalError as exc:
        from accounts.database_errors import is_away

        if not is_away(exc):
            raise
        print(f"switchboard: DATABASE_URL: no answer from the database: {exc}", file=sys.stderr)
        raise SystemExit(1) from None  # not 2: it may be back for the next try


if __name__ == "__main__":
    main()
