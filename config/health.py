"""Is this process alive, is the installation ready, and its figures for Prometheus."""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CollectorRegistry

from accounts import wall
from messaging.media.metrics import MediaCollector
from messaging.metrics import MessagingCollector
from messaging.outbox.metrics import OutboxCollector
from sessions_mgr import metrics as session_metrics
from sessions_mgr import sandbox_gateway
from sessions_mgr.bus import carriers
from sessions_mgr.bus.client import BusUnavailable
from webhooks.metrics import WebhookCollector


def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when every dependency is there, else 503; each one by name."""
    checks = {"database": _database(), "bus": _bus(), "node": session_metrics.node_is_up()}
    if settings.SANDBOX:
        checks["sandbox"] = sandbox_gateway.is_up()
    fine = all(checks.values())
    return JsonResponse(
        {
            "status": "ok" if fine else "unavailable",
            "checks": {name: "ok" if up else "down" for name, up in checks.items()},
        },
        status=200 if fine else 503,
    )


def metrics(request: HttpRequest) -> HttpResponse:
    registry = CollectorRegistry()
    registry.register(session_metrics.SessionCollector())
    registry.register(MessagingCollector())
    registry.register(MediaCollector())
    registry.register(OutboxCollector())
    registry.register(WebhookCollector())
    with wall.everything():  # counts over all tenants; no label names one
        text = generate_latest(registry)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _bus() -> bool:
    try:
        return carriers.current().wait_until_connected(1.0)
    except BusUnavailable:
        return False
