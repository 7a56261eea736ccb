"""Every URL of the installation."""

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from . import health

# Administrators come in by the same door: rate limits and the second factor hold for them too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("api/v1/", include("config.api")),
    path("api/", include("config.schema")),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", health.metrics),
    # One place to change a password: the one that ends the other logins and is written down.
    path(
        f"{settings.ADMIN_PATH}password_change/",
        RedirectView.as_view(pattern_name="account_change_password"),
    ),
    path(settings.ADMIN_PATH, admin.site.urls),
    path("", include("console.entrance_urls")),
    path("", include("console.urls")),
]
handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"
