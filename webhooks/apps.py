from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webhooks"

    def ready(self) -> None:
        from events import followers

        from .outbox import DeliveryFollower

        followers.register(DeliveryFollower())
