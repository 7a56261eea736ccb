"""The REST API, version 1."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from accounts.api import views as who
from accounts.api.audit import AuditViewSet
from accounts.api.keys import ApiKeyViewSet
from accounts.api.members import InvitationViewSet, MemberViewSet
from events.api.views import EventsView
from realtime.sse import EventStreamView
from sessions_mgr.api import sandbox
from sessions_mgr.api.views import AccountViewSet
from webhooks.api.views import DeliveryViewSet, WebhookViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("accounts", AccountViewSet, "account")
router.register("api-keys", ApiKeyViewSet, "api-key")
router.register("members", MemberViewSet, "member")
router.register("invitations", InvitationViewSet, "invitation")
router.register("webhooks", WebhookViewSet, "webhook")
router.register("deliveries", DeliveryViewSet, "delivery")
router.register("audit", AuditViewSet, "audit")

phone = [
    path("scan", sandbox.ScanView.as_view()),
    path("pair", sandbox.PairView.as_view()),
    path("messages", sandbox.MessagesView.as_view()),
    path("inbox", sandbox.InboxView.as_view()),
    path("unlink", sandbox.UnlinkView.as_view()),
    path("online", sandbox.OnlineView.as_view(online=True)),
    path("offline", sandbox.OnlineView.as_view(online=False)),
    path("picture", sandbox.PictureView.as_view()),
]

urlpatterns = [
    path("", include(router.urls)),
    path("workspace", who.WorkspaceView.as_view()),
    path("ws-tickets", who.TicketView.as_view()),
    path("events", EventsView.as_view()),
    path("events/stream", EventStreamView.as_view()),
    path("sandbox/phones", sandbox.PhonesView.as_view()),
    path("sandbox/phones/<str:number>/", include(phone)),
    path("sandbox/network", sandbox.NetworkView.as_view()),
    path("sandbox/faults", sandbox.FaultsView.as_view()),
]
