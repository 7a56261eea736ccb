from django.apps import AppConfig


class SessionsMgrConfig(AppConfig):
    name = "sessions_mgr"

    def ready(self) -> None:
        from accounts import lifecycle, purging
        from events import followers, hints

        from . import notices, workspaces
        from .bus import carriers

        hints.register(carriers.EventHints())
        followers.register(notices.NoticeFollower())
        lifecycle.take_part(workspaces.Numbers())
        purging.before_rows("numbers", workspaces.end_numbers)
        purging.before_rows("snapshots", workspaces.end_snapshots)
