"""The address of every page, by the name of its picture. A page with several states has several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.product import EMAIL, Product, eventually
from tests.screenshots import house
from tests.screenshots.house import House

Row = dict[str, Any]


def strangers(furnished: House) -> dict[str, str]:
    """What is seen without a login."""
    return {
        "sign-in": "/sign-in",
        "forgotten": "/password/forgotten",
        "join": furnished.invitation,
        "join-unusable": "/join/unknown",
        "problems": "/api/problems",
        "api-docs": "/api/docs",
    }


def members(product: Product, furnished: House, workspace: str) -> dict[str, str]:
    """What the owner sees, who is administrator of the installation, too."""
    workspace_id = workspace.rpartition("/")[2]
    numbers = {label: f"{workspace}/numbers/{pk}" for label, pk in furnished.numbers.items()}
    return {
        "overview": f"{workspace}/",
        "search": f"{workspace}/search/?q=shelf",
        "search-empty": f"{workspace}/search/",
        "numbers": f"{workspace}/numbers/",
        "number-new": f"{workspace}/numbers/new",
        "number-connected": f"{numbers['Support Berlin']}/",
        "number-qr_scanning": f"{numbers['Trade fair']}/",
        "number-logged_out": f"{numbers['Returns']}/",
        "number-disconnected": f"{numbers['Recruiting']}/",
        "conversations-empty": f"{numbers['Recruiting']}/conversations/",
        **_of_a_number(product, furnished, numbers["Support Berlin"]),
        "events": f"{workspace}/events/",
        "event": f"{workspace}/events/{_message_event(product)}",
        "sandbox": f"{workspace}/sandbox/",
        "sandbox-phone": f"{workspace}/sandbox/{house.PEOPLE[0][0]}/",
        **_webhooks(product, furnished, f"{workspace}/webhooks"),
        **_access(product, workspace),
        "workspace": f"{workspace}/settings/",
        "workspace-delete": f"{workspace}/settings/delete",
        "sign-in-again": "/sign-in/again",
        "you": "/you/",
        "you-password": "/you/password",
        "you-second-factor": "/you/two-factor",
        "you-second-factor-on": "/you/two-factor/on",
        "you-logins": "/you/sessions",
        "workspaces": "/administration/workspaces/",
        "workspaces-one": f"/administration/workspaces/{workspace_id}",
        "people-and-keys": "/installation/",
        "installation": "/administration/installation/",
        "installation-drain": "/administration/installation/nodes/node-1/drain",
    }


def _of_a_number(product: Product, furnished: House, number: str) -> dict[str, str]:
    def chat(matches: Callable[[Row], bool]) -> str:
        """The address of a conversation: the console's id, which is the API's."""
        path = f"/accounts/{furnished.numbers['Support Berlin']}/chats"
        found = eventually(
            lambda: [row for row in product.call("GET", path)["results"] if matches(row)],
            what="the conversation",
        )
        return f"{number}/conversations/{found[0]['id']}"

    ada = chat(lambda row: row["phone_number"] == house.PEOPLE[0][0])
    group = chat(lambda row: row["type"] == "group")
    return {
        "conversations": f"{number}/conversations/",
        "conversation-new": f"{number}/conversations/new",
        "conversation": f"{ada}/",
        "conversation-group": f"{group}/group",
        "conversation-location": f"{ada}/location",
        "conversation-contact": f"{ada}/contact",
        "conversation-poll": f"{ada}/poll",
        "message-edit": f"{ada}/messages/{furnished.sent}/edit",
        "message-revoke": f"{ada}/messages/{furnished.sent}/revoke",
        "timeline": f"{number}/timeline",
        "health": f"{number}/health",
        "settings": f"{number}/settings",
        "danger": f"{number}/danger",
        "number-log-out": f"{number}/log-out",
        "number-delete": f"{number}/delete",
    }


def _webhooks(product: Product, furnished: House, webhooks: str) -> dict[str, str]:
    crm, failing = furnished.webhooks["CRM"], furnished.webhooks["Old helpdesk"]
    delivery = product.call("GET", f"/webhooks/{crm}/deliveries")["results"][0]["id"]
    return {
        "webhooks": f"{webhooks}/",
        "webhook-new": f"{webhooks}/new",
        "webhook": f"{webhooks}/{crm}/",
        "webhook-failing": f"{webhooks}/{failing}/",
        "webhook-delivery": f"{webhooks}/{crm}/deliveries/{delivery}",
        "webhook-edit": f"{webhooks}/{crm}/edit",
        "webhook-replay": f"{webhooks}/{crm}/replay",
        "webhook-rotate": f"{webhooks}/{crm}/rotate",
        "webhook-delete": f"{webhooks}/{crm}/delete",
    }


def _access(product: Product, workspace: str) -> dict[str, str]:
    """Members, keys and what they did."""
    crm = _id(product, "/api-keys", lambda key: key["name"] == "CRM")
    colleague = _id(product, "/members", lambda member: member["email"] != EMAIL)
    return {
        "members": f"{workspace}/members/",
        "members-leave": f"{workspace}/members/leave",
        "member-remove": f"{workspace}/members/{colleague}/remove",
        "keys": f"{workspace}/keys/",
        "key-edit": f"{workspace}/keys/{crm}/edit",
        "key-rotate": f"{workspace}/keys/{crm}/rotate",
        "key-revoke": f"{workspace}/keys/{crm}/revoke",
        "audit-log": f"{workspace}/audit/",
    }


def _message_event(product: Product) -> str:
    """The id of an event that tells of a message."""
    events = product.call("GET", "/events?after=0&types=message&limit=1")["results"]
    return str(events[0]["id"])


def _id(product: Product, path: str, matches: Callable[[Row], bool]) -> str:
    return next(str(row["id"]) for row in product.call("GET", path)["results"] if matches(row))
