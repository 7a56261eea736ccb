"""Routes for groups. Whoever acts is named in `by`; that phone must be online and allowed to."""

from sandbox.control.documents import group_document
from sandbox.control.requests import ApiError, Fields
from sandbox.control.routes import Answer, Call, route
from sandbox.network import (
    groups_changes,
    groups_notices,
    groups_rules,
    groups_settings,
    pictures,
    registration,
)
from sandbox.network.groups import ADMINS_ADD, ALL_ADD, Group
from sandbox.network.groups_changes import Outcome
from sandbox.network.groups_rules import MEMBER_LIMIT
from sandbox.network.model import Phone
from sandbox.wire.jids import GROUP_SERVER, Jid

LINK = "https://chat.whatsapp.com/"
MAX_EXPIRATION_SECONDS = 90 * 86_400
APPROVE, REJECT = "approve", "reject"
SETTINGS = {
    "announce": groups_settings.set_announce,
    "locked": groups_settings.set_locked,
    "approval": groups_settings.set_approval,
}


def _group(call: Call) -> Group:
    """The group in the path, by address or by its part before the `@`. Raises ApiError (404)."""
    written = call.path["g"]
    group = call.network.groups.find(Jid(written.removesuffix(f"@{GROUP_SERVER}"), GROUP_SERVER))
    if group is None:
        raise ApiError(404, "unknown_group", f"there is no group {written}")
    return group


def _actor(call: Call, field: str = "by") -> Phone:
    """Who does it. Raises Refusal (unknown_phone, phone_offline)."""
    phone = call.network.phone(call.body.digits(field))
    registration.require_online(phone)
    return phone


def _people(body: Fields) -> list[Jid]:
    numbers = body.texts("participants", maximum=MEMBER_LIMIT)
    return [Jid(Fields({"participants": number}).digits("participants")) for number in numbers]


def _outcome(outcome: Outcome) -> dict[str, object]:
    number = outcome.phone.number if outcome.phone else f"+{outcome.jid.user}"
    return {"phone_number": number, "code": outcome.code}


def _answer(call: Call, group: Group, status: int = 200) -> Answer:
    return status, group_document(call.network, group)


@route("GET", "/groups")
async def list_groups(call: Call) -> Answer:
    groups = [group_document(call.network, group) for group in call.network.groups]
    return 200, {"results": groups}


@route("GET", "/phones/{n}/groups")
async def list_groups_of_phone(call: Call) -> Answer:
    groups = call.network.groups.of(call.phone.digits)
    return 200, {"results": [group_document(call.network, group) for group in groups]}


@route("POST", "/groups")
async def create_group(call: Call) -> Answer:
    owner = _actor(call, "owner")
    subject, people = call.body.text("subject"), _people(call.body)
    group, outcomes = groups_changes.create(call.network, owner, subject, people)
    _, document = _answer(call, group)
    refused = [_outcome(one) for one in outcomes if one.code != groups_rules.DONE]
    return 201, {**document, "refused": refused}


@route("GET", "/groups/{g}")
async def get_group(call: Call) -> Answer:
    return _answer(call, _group(call))


@route("POST", "/groups/{g}/participants")
async def change_participants(call: Call) -> Answer:
    group, author = _group(call), _actor(call)
    action = call.body.choice("action", groups_changes.ACTIONS)
    people = _people(call.body)
    outcomes = groups_changes.change_members(call.network, group, author, action, people)
    return 200, {"results": [_outcome(outcome) for outcome in outcomes]}


@route("POST", "/groups/{g}/settings")
async def change_settings(call: Call) -> Answer:
    """Whatever of the settings is in the body."""
    network, body, group, author = call.network, call.body, _group(call), _actor(call)
    if "subject" in body:
        groups_settings.set_subject(network, group, author, body.text("subject"))
    if "description" in body:
        groups_settings.set_description(
            network,
            group,
            author,
            body.optional("description"),
            new_id=groups_notices.new_notification_id(),
            previous_id=group.description.id,
        )
    for name, change in SETTINGS.items():
        if name in body:
            change(network, group, author, body.flag(name))
    if "add_mode" in body:
        mode = body.choice("add_mode", frozenset({ADMINS_ADD, ALL_ADD}))
        groups_settings.set_add_mode(network, group, author, mode)
    seconds = body.integer("expiration", minimum=0, maximum=MAX_EXPIRATION_SECONDS)
    if seconds is not None:
        groups_settings.set_expiration(network, group, author, seconds)
    return _answer(call, group)


@route("POST", "/groups/{g}/leave")
async def leave(call: Call) -> Answer:
    group = _group(call)
    groups_changes.leave(call.network, group, _actor(call))
    return _answer(call, group)


@route("POST", "/groups/join")
async def join(call: Call) -> Answer:
    phone = _actor(call)
    code = call.body.text("code").removeprefix(LINK)
    group, waits = groups_changes.join(call.network, phone, code)
    return 200, {"jid": str(group.jid), "waits_for_approval": waits}


@route("POST", "/groups/{g}/invite")
async def invite(call: Call) -> Answer:
    group, phone = _group(call), _actor(call)
    if call.body.flag("reset"):
        code = groups_changes.reset_invite(call.network, group, phone)
    else:
        code = groups_changes.invite_link(group, phone)
    return 200, {"code": code, "link": LINK + code}


@route("POST", "/groups/{g}/requests")
async def decide(call: Call) -> Answer:
    group, author = _group(call), _actor(call)
    approve = call.body.choice("action", frozenset({APPROVE, REJECT})) == APPROVE
    people = _people(call.body)
    outcomes = groups_changes.decide(call.network, group, author, people, approve=approve)
    return 200, {"results": [_outcome(outcome) for outcome in outcomes]}


@route("POST", "/groups/{g}/picture")
async def set_group_picture(call: Call) -> Answer:
    group, author = _group(call), _actor(call)
    pictures.set_group_picture(call.network, group, author, call.body.data("base64"))
    return _answer(call, group)
