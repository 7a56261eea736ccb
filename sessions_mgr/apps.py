from django.apps import AppConfig


class SessionsMgrConfig(AppConfig):
    name = "sessions_mgr"

    def ready(self) -> None:
        from events import hints

        from .bus import carriers

        hints.register(carriers.EventHints())
