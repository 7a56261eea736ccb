from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        # The last app: every library has put its models into the admin by now.
        from accounts.admin import keep_only_ours

        from . import policies

        keep_only_ours()
        # Once, with the last app that has tables: all of them are there by then.
        last = [app for app in apps.get_app_configs() if app.models_module][-1]
        post_migrate.connect(policies.after_migrate, sender=last)
