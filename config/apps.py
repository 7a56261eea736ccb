from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        # The last app: every library has put its models into the admin by now.
        from accounts.admin import keep_only_ours

        keep_only_ours()
