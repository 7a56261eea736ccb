from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from . import policies

        # Once, with the last app that has tables: all of them are there by then.
        last = [app for app in apps.get_app_configs() if app.models_module][-1]
        post_migrate.connect(policies.after_migrate, sender=last)
