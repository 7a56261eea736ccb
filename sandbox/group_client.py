"""The calls of the control API about groups and people, as methods for `SandboxNetwork`."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

Document = dict[str, Any]


class GroupCalls:
    """What groups and people need. The network's client inherits it and makes the calls."""

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, deadline: float = 10.0
    ) -> Document:
        raise NotImplementedError

    # --- groups

    def create_group(self, owner: str, subject: str, participants: Sequence[str] = ()) -> Document:
        """A phone makes a group; `refused` names who could not be added."""
        body = {"owner": owner, "subject": subject, "participants": list(participants)}
        return self._call("POST", "/groups", body)

    def groups(self, number: str | None = None) -> list[Document]:
        """All groups, or those of one phone."""
        path = "/groups" if number is None else _person(number, "groups")
        results: list[Document] = self._call("GET", path)["results"]
        return results

    def group(self, jid: str) -> Document:
        """One group."""
        return self._call("GET", _group(jid))

    def change_participants(
        self, jid: str, by: str, action: str, participants: Sequence[str]
    ) -> list[Document]:
        """A phone adds, removes, promotes or demotes people; `{phone_number, code}` for each."""
        body = {"by": by, "action": action, "participants": list(participants)}
        results: list[Document] = self._call("POST", _group(jid, "participants"), body)["results"]
        return results

    def change_group(self, jid: str, by: str, **settings: Any) -> Document:
        """subject, description, announce, locked, approval, add_mode, expiration."""
        return self._call("POST", _group(jid, "settings"), {"by": by, **settings})

    def leave_group(self, jid: str, by: str) -> Document:
        """A phone leaves."""
        return self._call("POST", _group(jid, "leave"), {"by": by})

    def join_group(self, by: str, code: str) -> Document:
        """A phone follows an invite link or code: `{jid, waits_for_approval}`."""
        return self._call("POST", "/groups/join", {"by": by, "code": code})

    def group_invite(self, jid: str, by: str, *, reset: bool = False) -> Document:
        """The invite link, or a new one: `{code, link}`."""
        return self._call("POST", _group(jid, "invite"), {"by": by, "reset": reset})

    def decide_requests(
        self, jid: str, by: str, action: str, participants: Sequence[str]
    ) -> list[Document]:
        """A phone approves or rejects people who asked to join."""
        body = {"by": by, "action": action, "participants": list(participants)}
        results: list[Document] = self._call("POST", _group(jid, "requests"), body)["results"]
        return results

    def set_group_picture(self, jid: str, by: str, base64: str | None) -> Document:
        """A phone sets or (None) removes the group's picture."""
        return self._call("POST", _group(jid, "picture"), {"by": by, "base64": base64})

    # --- people

    def call(
        self, number: str, to: str, *, video: bool = False, ring_seconds: float | None = None
    ) -> Document:
        """A phone calls another; the call."""
        body = {"to": to, "video": video, "ring_seconds": ring_seconds}
        return self._call("POST", _person(number, "calls"), body)

    def calls(self, number: str) -> list[Document]:
        """The calls from and to a phone."""
        results: list[Document] = self._call("GET", _person(number, "calls"))["results"]
        return results

    def hang_up(self, number: str, call_id: str) -> Document:
        """The caller gives up."""
        return self._call("DELETE", _person(number, f"calls/{quote(call_id, safe='')}"))

    def contacts(self, number: str) -> list[Document]:
        """The address book of a phone."""
        results: list[Document] = self._call("GET", _person(number, "contacts"))["results"]
        return results

    def set_contacts(self, number: str, contacts: Sequence[Mapping[str, str]]) -> list[Document]:
        """Replace the address book: `{phone_number, full_name, first_name?}` each."""
        body = {"contacts": list(contacts)}
        results: list[Document] = self._call("PUT", _person(number, "contacts"), body)["results"]
        return results

    def chats(self, number: str) -> list[Document]:
        """What is set for the chats of a phone."""
        results: list[Document] = self._call("GET", _person(number, "chats"))["results"]
        return results

    def set_chat(self, number: str, chat: str, **settings: Any) -> list[Document]:
        """A phone archives (`archived`) or mutes (`muted_until`) a chat."""
        body = {"chat": chat, **settings}
        results: list[Document] = self._call("POST", _person(number, "chats"), body)["results"]
        return results

    def set_name(self, number: str, name: str) -> Document:
        """A phone gets another push name."""
        return self._call("PUT", _person(number, "name"), {"name": name})

    def blocked(self, number: str) -> list[str]:
        """Whom an account has blocked."""
        results: list[str] = self._call("GET", _person(number, "blocked"))["results"]
        return results

    def reinstall(self, number: str) -> Document:
        """A phone starts anew with other keys: `{phone, unlinked}`."""
        return self._call("POST", _person(number, "reinstall"))


def _group(jid: str, action: str = "") -> str:
    path = f"/groups/{quote(jid, safe='')}"
    return f"{path}/{action}" if action else path


def _person(number: str, action: str) -> str:
    return f"/phones/{quote(number, safe='')}/{action}"
