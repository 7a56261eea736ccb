"""Every URL of the installation."""

from django.urls import include, path

from . import health

urlpatterns = [
    path("api/v1/", include("config.api")),
    path("api/", include("config.schema")),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", health.metrics),
    path("", include("console.urls")),
]
handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"
