"""The REST API, version 1."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from accounts.api import views as who
from accounts.api.audit import AuditViewSet
from accounts.api.keys import ApiKeyViewSet
from accounts.api.members import InvitationViewSet, MemberViewSet
from accounts.api.workspace import WorkspaceView
from events.api.views import EventsView
from messaging.api import chatting, contacts, files, reading, sending
from messaging.api import groups as groups_api
from realtime.sse import EventStreamView
from sessions_mgr.api import sandbox, sandbox_groups
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
    path("inbox/<slug:entry>/media", sandbox.InboxMediaView.as_view()),
    path("receipts", sandbox.ReceiptsView.as_view()),
    path("read", sandbox.ReadView.as_view()),
    path("history", sandbox.HistoryView.as_view()),
    path("history/sync", sandbox.HistorySyncView.as_view()),
    path("unlink", sandbox.UnlinkView.as_view()),
    path("online", sandbox.OnlineView.as_view(online=True)),
    path("offline", sandbox.OnlineView.as_view(online=False)),
    path("picture", sandbox.PictureView.as_view()),
    path("groups", sandbox_groups.PhoneGroupsView.as_view()),
    path("blocked", sandbox_groups.PhonePartView.as_view(part="blocked")),
    path("calls", sandbox_groups.PhoneListView.as_view(part="calls")),
    path("calls/<slug:call_id>", sandbox_groups.CallView.as_view()),
    path("chats", sandbox_groups.PhoneListView.as_view(part="chats")),
    path("presence", sandbox_groups.PhoneListView.as_view(part="presence")),
    path("contacts", sandbox_groups.PhoneBookView.as_view(part="contacts")),
    path("name", sandbox_groups.NameView.as_view()),
    path("reinstall", sandbox_groups.ReinstallView.as_view()),
]

group: list[URLPattern] = [
    path("participants", groups_api.ParticipantsView.as_view()),
    path("invite", groups_api.InviteView.as_view()),
    path("leave", groups_api.LeaveView.as_view()),
    path("picture", groups_api.GroupPictureView.as_view()),
    path("requests", groups_api.JoinRequestsView.as_view()),
]
people: list[URLPattern | URLResolver] = [
    path("contacts", contacts.ContactsView.as_view()),
    path("contacts/check", contacts.CheckView.as_view()),
    path("contacts/<str:jid>", contacts.ContactView.as_view()),
    path("contacts/<str:jid>/avatar", contacts.AvatarView.as_view()),
    path("presence", chatting.PresenceView.as_view()),
    path("chats/<str:jid>/typing", chatting.TypingView.as_view()),
    path("chats/<str:jid>/read", chatting.ReadView.as_view()),
    path("groups", groups_api.GroupsView.as_view()),
    path("groups/join", groups_api.JoinView.as_view()),
    path("groups/<str:jid>", groups_api.OneGroupView.as_view()),
    path("groups/<str:jid>/", include(group)),
]

urlpatterns = [
    path("", include(router.urls)),
    path("accounts/<uuid:account_id>/", include(people)),
    path("accounts/<uuid:account_id>/messages", reading.AccountMessagesView.as_view()),
    path("accounts/<uuid:account_id>/chats", reading.ChatsView.as_view()),
    path("accounts/<uuid:account_id>/chats/<str:jid>/messages", reading.ChatMessagesView.as_view()),
    path("messages/<uuid:pk>", reading.MessageView.as_view()),
    path("messages/<uuid:pk>/cancel", sending.CancelView.as_view()),
    path("accounts/<uuid:account_id>/pacing", sending.PacingView.as_view()),
    path("uploads", sending.UploadsView.as_view()),
    path("media/<uuid:media_id>", files.MediaView.as_view()),
    path("workspace", WorkspaceView.as_view()),
    path("ws-tickets", who.TicketView.as_view()),
    path("events", EventsView.as_view()),
    path("events/stream", EventStreamView.as_view()),
    path("sandbox/phones", sandbox.PhonesView.as_view()),
    path("sandbox/phones/<str:number>/", include(phone)),
    path("sandbox/groups", sandbox_groups.GroupsView.as_view()),
    path("sandbox/groups/join", sandbox_groups.JoinView.as_view()),
    path("sandbox/groups/<str:jid>", sandbox_groups.GroupView.as_view()),
    *(
        path(
            f"sandbox/groups/<str:jid>/{action}",
            sandbox_groups.GroupActionView.as_view(action=action),
        )
        for action in ("participants", "settings", "leave", "invite", "requests", "picture")
    ),
    path("sandbox/network", sandbox.NetworkView.as_view()),
    path("sandbox/faults", sandbox.FaultsView.as_view()),
]
