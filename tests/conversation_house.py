"""Somebody signed in at the console, with a connected number and a chat."""

from __future__ import annotations

from django.urls import reverse

from accounts.models import Role
from messaging.models import Chat
from tests.factories import (
    AccountFactory,
    ChatFactory,
    MessageFactory,
    UserFactory,
    WorkspaceFactory,
)

HTMX = {"HX-Request": "true"}
PNG = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc"
    b"\xf8\xcf\xc0\xf0\x1f\0\5\0\1\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82"
)


class House:
    """A workspace with a connected number, one chat in it, and somebody who is signed in."""

    def __init__(self, client, role=Role.OPERATOR):
        self.client = client
        self.person = UserFactory()
        self.workspace = WorkspaceFactory(members=[(self.person, role)])
        self.account = AccountFactory(workspace=self.workspace, connected=True)
        self.chat = ChatFactory(account=self.account, name="")
        client.force_login(self.person)

    def url(self, name, message=None, chat=None):
        kwargs = {"workspace_id": self.workspace.pk, "account_id": self.account.pk}
        if name.startswith(("number-conversation", "number-message")) and name not in (
            "number-conversations",
            "number-conversation-new",
        ):
            kwargs["chat_id"] = (chat or self.chat).pk
        if message is not None:
            kwargs["message_id"] = message.pk
        return reverse(f"console:{name}", kwargs=kwargs)

    def message(self, **fields):
        fields.setdefault("chat_row", self.chat)
        made = MessageFactory(account=self.account, **fields)
        Chat.objects.filter(pk=self.chat.pk).update(
            last_message=made, last_message_at=made.timestamp
        )
        return made

    def thread(self, **query):
        answer = self.client.get(self.url("number-conversation"), query)
        assert answer.status_code == 200
        return answer.content.decode()

    def send(self, follow=False, headers=None, **fields):
        return self.client.post(
            self.url("number-conversation-send"), fields, headers=headers or {}, follow=follow
        )
