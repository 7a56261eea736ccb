"""Where the pages are. Every change is a POST to an address of its own."""

from __future__ import annotations

from allauth.account.views import login
from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, include, path

from . import composer_forms
from .views import (
    administration,
    audit,
    composing,
    conversations,
    entrance,
    events,
    installation,
    keys,
    media,
    members,
    number,
    numbers,
    overview,
    phone,
    phones,
    search,
    tabs,
    webhooks,
    workspace,
    you,
)

app_name = "console"

message_urls: list[URLPattern] = [
    path("react", composing.react, name="number-message-react"),
    path("edit", composing.edit, name="number-message-edit"),
    path("revoke", composing.revoke, name="number-message-revoke"),
    path("cancel", composing.cancel, name="number-message-cancel"),
    path("resend", composing.resend, name="number-message-resend"),
]

conversation_urls: list[URLPattern | URLResolver] = [
    path("", conversations.thread, name="number-conversation"),
    path("messages", conversations.messages, name="number-conversation-messages"),
    path("group", conversations.group, name="number-conversation-group"),
    path("read", conversations.read, name="number-conversation-read"),
    path("note", composing.note, name="number-conversation-note"),
    path("reply", composing.reply, name="number-conversation-reply"),
    path("send", composing.send, name="number-conversation-send"),
    *(
        path(kind, composing.special, {"kind": kind}, name=f"number-conversation-{kind}")
        for kind in composer_forms.FORMS
    ),
    path("messages/<uuid:message_id>/", include(message_urls)),
]

number_urls: list[URLPattern | URLResolver] = [
    path("", number.page, name="number"),
    path("panel", number.panel, name="number-panel"),
    path("head", number.head, name="number-head"),
    path("qr", number.qr, name="number-qr"),
    path("connect", number.connect, name="number-connect"),
    path("disconnect", number.disconnect, name="number-disconnect"),
    path("restart", number.restart, name="number-restart"),
    path("pairing-code", number.pairing_code, name="number-pairing-code"),
    path("conversations/", conversations.page, name="number-conversations"),
    path("conversations/new", conversations.start, name="number-conversation-new"),
    path("conversations/receipts", conversations.receipts, name="number-receipts"),
    path("conversations/picture", conversations.picture, name="number-picture"),
    path("conversations/<int:chat_id>/", include(conversation_urls)),
    path("timeline", tabs.timeline, name="number-timeline"),
    path("health", tabs.health, name="number-health"),
    path("settings", tabs.settings, name="number-settings"),
    path("rename", tabs.rename, name="number-rename"),
    path("proxy", tabs.proxy, name="number-proxy"),
    path("pacing", tabs.pacing, name="number-pacing"),
    path("danger", tabs.danger, name="number-danger"),
    path("log-out", tabs.log_out, name="number-log-out"),
    path("delete", tabs.delete, name="number-delete"),
    path("phone", phones.panel, name="number-phone"),
    path("phone/scan", phones.scan, name="number-phone-scan"),
    path("phone/write", phones.write, name="number-phone-write"),
    path("phone/inbox", phones.inbox, name="number-phone-inbox"),
]

webhook_urls: list[URLPattern] = [
    path("", webhooks.detail, name="webhook"),
    path("edit", webhooks.edit, name="webhook-edit"),
    path("test", webhooks.test, name="webhook-test"),
    path("enable", webhooks.enable, name="webhook-enable"),
    path("disable", webhooks.disable, name="webhook-disable"),
    path("rotate", webhooks.rotate, name="webhook-rotate"),
    path("replay", webhooks.replay, name="webhook-replay"),
    path("delete", webhooks.delete, name="webhook-delete"),
    path("deliveries/<uuid:delivery_id>", webhooks.delivery, name="webhook-delivery"),
    path("deliveries/<uuid:delivery_id>/retry", webhooks.retry, name="webhook-retry"),
]

workspace_urls: list[URLPattern | URLResolver] = [
    path("", overview.page, name="overview"),
    path("search/", search.page, name="search"),
    path("numbers/", numbers.page, name="numbers"),
    path("numbers/new", numbers.add, name="number-add"),
    path("numbers/rows", numbers.rows, name="numbers-rows"),
    path("numbers/memory", numbers.memory, name="numbers-memory"),
    path("numbers/bulk", numbers.bulk, name="numbers-bulk"),
    path("numbers/<uuid:account_id>/", include(number_urls)),
    path("events/", events.page, name="events"),
    path("events/tail", events.tail, name="events-tail"),
    path("events/<str:event_id>", events.detail, name="event"),
    path("webhooks/", webhooks.page, name="webhooks"),
    path("webhooks/new", webhooks.add, name="webhooks-add"),
    path("webhooks/<uuid:webhook_id>/", include(webhook_urls)),
    path("media/<uuid:media_id>", media.file, name="media"),
    path("keys/", keys.page, name="keys"),
    path("keys/<uuid:key_id>/edit", keys.edit, name="key-edit"),
    path("keys/<uuid:key_id>/rotate", keys.rotate, name="key-rotate"),
    path("keys/<uuid:key_id>/revoke", keys.revoke, name="key-revoke"),
    path("settings/", workspace.page, name="workspace-settings"),
    path("settings/rename", workspace.rename, name="workspace-rename"),
    path("settings/change", workspace.change, name="workspace-change"),
    path("settings/export", workspace.export, name="workspace-export"),
    path("settings/delete", workspace.delete, name="workspace-delete"),
    path("members/", members.page, name="members"),
    path("members/invite", members.invite, name="members-invite"),
    path("members/leave", members.leave_workspace, name="members-leave"),
    path("members/<uuid:user_id>/role", members.change_role, name="member-role"),
    path("members/<uuid:user_id>/remove", members.remove, name="member-remove"),
    path("invitations/<uuid:invitation_id>/revoke", members.withdraw, name="invitation-revoke"),
    path("audit/", audit.page, name="audit"),
    path("audit/export.csv", audit.export, {"form": "csv"}, name="audit-csv"),
    path("audit/export.ndjson", audit.export, {"form": "ndjson"}, name="audit-ndjson"),
    path("sandbox/", phones.page, name="sandbox"),
    path("sandbox/new", phones.add, name="sandbox-add"),
    path("sandbox/<str:phone_number>/", phone.page, name="sandbox-phone"),
    path("sandbox/<str:phone_number>/send", phone.send, name="sandbox-phone-send"),
    path("sandbox/<str:phone_number>/act", phone.act, name="sandbox-phone-act"),
    path("sandbox/<str:phone_number>/group", phone.group, name="sandbox-phone-group"),
    path("sandbox/<str:phone_number>/media/<str:entry>", phone.file, name="sandbox-phone-file"),
    path("sandbox/<str:phone_number>/<str:verb>", phones.act, name="sandbox-act"),
]

administration_urls: list[URLPattern] = [
    path("", administration.workspaces, name="admin-workspaces"),
    path("<uuid:workspace_id>", administration.workspace, name="admin-workspace"),
    path("<uuid:workspace_id>/quota", administration.quota, name="admin-quota"),
    path("<uuid:workspace_id>/suspend", administration.suspend, name="admin-suspend"),
    path("<uuid:workspace_id>/resume", administration.resume, name="admin-resume"),
    path("<uuid:workspace_id>/delete", administration.delete, name="admin-delete"),
]

installation_urls: list[URLPattern] = [
    path("", installation.page, name="admin-installation"),
    path("nodes/<str:node>/drain", installation.drain, name="admin-node-drain"),
    path("nodes/<str:node>/undrain", installation.undrain, name="admin-node-undrain"),
]

urlpatterns = [
    path("", entrance.home, name="home"),
    path("sign-in", login, name="sign-in"),
    path("sign-out", LogoutView.as_view(), name="sign-out"),
    path("join/<str:text>", members.join, name="join"),
    path("you/", you.page, name="you"),
    path("you/sessions", you.sessions, name="you-sessions"),
    path("you/sessions/end-others", you.end_others, name="you-end-others"),
    path("you/sessions/end-all", you.end_all, name="you-end-all"),
    path("you/sessions/<int:login_id>/end", you.end_session, name="you-end-session"),
    path("workspaces/<uuid:workspace_id>/", include(workspace_urls)),
    path("administration/workspaces/", include(administration_urls)),
    path("administration/installation/", include(installation_urls)),
]
