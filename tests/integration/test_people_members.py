"""Members and invitations, over the pages and over REST, with everybody in the cast."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import invitations
from accounts.models import AuditEntry, Invitation, Membership, Role, User
from tests.factories import UserFactory, WorkspaceFactory, api_key

pytestmark = pytest.mark.django_db

PASSWORD = "seven-crooked-Lanterns-9"


@pytest.fixture
def cast():
    """One person per role in one workspace, and an outsider with a workspace of its own."""
    people = {role: UserFactory(email=f"{role}@here.test") for role in Role.values}
    workspace = WorkspaceFactory(members=[(person, role) for role, person in people.items()])
    outsider = UserFactory(email="outsider@there.test")
    WorkspaceFactory(members=[outsider])
    return workspace, people | {"outsider": outsider}


def at(name, workspace, *more):
    return reverse(f"console:{name}", args=[workspace.pk, *more])


def role_of(workspace, person):
    found = Membership.objects.filter(workspace=workspace, user=person).first()
    return found and found.role


def invite(workspace, role="viewer", **fields):
    return invitations.create(workspace=workspace, role=role, by="owner", actor="system", **fields)


def html_of(answer):
    return answer.content.decode()


# Roles ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "status"),
    [("owner", 302), ("admin", 302), ("operator", 403), ("viewer", 403), ("outsider", 404)],
)
def test_who_may_change_a_role(cast, client, who, status):
    workspace, people = cast
    client.force_login(people[who])
    target = UserFactory()
    workspace.memberships.create(user=target, role="viewer")
    answer = client.post(at("member-role", workspace, target.pk), {"role": "operator"})
    assert answer.status_code == status
    assert role_of(workspace, target) == ("operator" if status == 302 else "viewer")


def test_an_admin_neither_makes_nor_changes_owners(cast, client):
    workspace, people = cast
    client.force_login(people["admin"])
    for target, role in (("owner", "viewer"), ("admin", "owner"), ("viewer", "owner")):
        address = at("member-role", workspace, people[target].pk)
        page = client.post(address, {"role": role}, follow=True)
        assert "Only an owner can" in html_of(page)
        assert role_of(workspace, people[target]) == target
    client.post(at("member-remove", workspace, people["owner"].pk))
    assert role_of(workspace, people["owner"]) == "owner"
    page = client.post(at("members-invite", workspace), {"role": "owner"})
    assert "Select a valid choice" in html_of(page)
    assert not Invitation.objects.exists()


def test_the_last_owner_stays_an_owner(cast, client):
    workspace, people = cast
    owner = people["owner"]
    client.force_login(owner)
    for address, fields in (
        (at("member-role", workspace, owner.pk), {"role": "admin"}),
        (at("member-remove", workspace, owner.pk), {}),
        (at("members-leave", workspace), {}),
    ):
        assert "last owner" in html_of(client.post(address, fields, follow=True))
        assert role_of(workspace, owner) == "owner"
    assert not AuditEntry.objects.filter(action__startswith="member.").exists()
    workspace.memberships.create(user=UserFactory(), role="owner")
    client.post(at("members-leave", workspace))
    assert role_of(workspace, owner) is None


def test_an_owner_who_is_switched_off_does_not_count(cast, client):
    workspace, people = cast
    workspace.memberships.create(user=UserFactory(is_active=False), role="owner")
    client.force_login(people["owner"])
    client.post(at("members-leave", workspace))
    assert role_of(workspace, people["owner"]) == "owner"


def test_who_was_removed_is_out_at_once(cast, client):
    workspace, people = cast
    client.force_login(people["viewer"])
    assert client.get(at("overview", workspace)).status_code == 200
    Membership.objects.get(user=people["viewer"]).delete()
    assert client.get(at("overview", workspace)).status_code == 404


def test_members_see_the_list_and_only_some_the_buttons(cast, client):
    workspace, people = cast
    for role in Role.values:
        client.force_login(people[role])
        page = html_of(client.get(at("members", workspace)))
        assert "viewer@here.test" in page
        assert ("members/invite" in page) is (role in ("owner", "admin"))


def test_the_switcher_leads_to_the_workspace_of_last_time(client):
    person = UserFactory()
    _first, second = WorkspaceFactory(members=[person]), WorkspaceFactory(members=[person])
    client.force_login(person)
    page = html_of(client.get("/", follow=True))
    assert at("overview", second) in page
    client.get(at("overview", second))
    assert client.get("/").url == at("overview", second)


# Invitations ---------------------------------------------------------------------------------


def test_an_invitation_is_shown_once_and_kept_as_a_hash(cast, client):
    workspace, people = cast
    client.force_login(people["admin"])
    answer = client.post(at("members-invite", workspace), {"role": "operator", "email": ""})
    made = Invitation.objects.get()
    link = html_of(answer).split("/join/")[1].split("<")[0]
    assert invitations.find(link) == made
    assert link not in str(Invitation.objects.values())
    assert "no-store" in answer.headers["Cache-Control"]
    assert link not in html_of(client.get(at("members", workspace)))
    assert link not in str(AuditEntry.objects.values())


def test_a_new_person_joins_once(cast, client):
    workspace, _people = cast
    made, text = invite(workspace, "operator")
    address = reverse("console:join", args=[text])
    fields = {"email": "New@Here.test", "name": "Nia New", "password": PASSWORD}
    answer = client.post(address, fields)
    assert answer.url == at("overview", workspace)
    person = User.objects.get(email="new@here.test")
    assert (person.name, role_of(workspace, person)) == ("Nia New", "operator")
    assert person.check_password(PASSWORD)
    client.logout()
    assert client.post(address, fields | {"email": "b@here.test"}).status_code == 410
    assert not User.objects.filter(email="b@here.test").exists()
    joined = AuditEntry.objects.get(action="member.joined")
    assert (joined.actor, joined.detail["invitation"]) == ("user:new@here.test", str(made.pk))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"password": "short"}, "too short"),
        ({"password": "password1234"}, "too common"),
        ({"email": "nobody"}, "valid email"),
        ({"name": ""}, "required"),
        ({"email": "owner@here.test"}, "already"),
    ],
)
def test_what_a_new_person_types_wrong_is_named(cast, client, fields, words):
    workspace, _people = cast
    _, text = invite(workspace)
    good = {"email": "new@here.test", "name": "New", "password": PASSWORD}
    answer = client.post(reverse("console:join", args=[text]), good | fields)
    assert words in html_of(answer)
    assert Invitation.objects.open().count() == 1
    assert User.objects.count() == 5


def test_a_person_who_is_here_joins_with_one_button(cast, client):
    workspace, people = cast
    _, text = invite(workspace, "admin")
    address = reverse("console:join", args=[text])
    client.force_login(people["outsider"])
    assert "outsider@there.test" in html_of(client.get(address))
    assert role_of(workspace, people["outsider"]) is None  # looking is not joining
    client.post(address)
    assert role_of(workspace, people["outsider"]) == "admin"


def test_a_member_keeps_its_role_and_leaves_the_link_to_others(cast, client):
    workspace, people = cast
    _, text = invite(workspace, "viewer")
    client.force_login(people["owner"])
    client.post(reverse("console:join", args=[text]))
    assert role_of(workspace, people["owner"]) == "owner"
    assert Invitation.objects.open().exists()


def test_an_invitation_for_an_address_is_for_that_address(cast, client):
    workspace, people = cast
    _, text = invite(workspace, email="Nia@Here.test")
    address = reverse("console:join", args=[text])
    other = {"email": "other@here.test", "name": "Other", "password": PASSWORD}
    client.post(address, other)
    assert not User.objects.filter(email="other@here.test").exists()
    client.logout()
    Membership.objects.filter(user__email="nia@here.test").delete()
    Invitation.objects.update(used_at=None)
    client.force_login(people["outsider"])
    page = client.post(address)
    assert "this invitation is for nia@here.test" in html_of(page)
    assert role_of(workspace, people["outsider"]) is None


def test_old_withdrawn_and_unknown_links_look_the_same(cast, client):
    workspace, people = cast
    expired, first = invite(workspace)
    Invitation.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(1))
    withdrawn, second = invite(workspace)
    client.force_login(people["owner"])
    client.post(at("invitation-revoke", workspace, withdrawn.pk))
    client.logout()
    pages = [client.get(reverse("console:join", args=[t])) for t in (first, second, "unknown")]
    assert [page.status_code for page in pages] == [410, 410, 410]
    # Around it is the address itself, where the language is chosen.
    assert len({page.text.partition("<main")[2].partition("</main>")[0] for page in pages}) == 1


def test_a_foreign_invitation_cannot_be_withdrawn(cast, client):
    workspace, people = cast
    made, _ = invite(workspace)
    client.force_login(people["outsider"])
    own = people["outsider"].workspaces.get()
    assert client.post(at("invitation-revoke", own, made.pk)).status_code == 404
    assert Invitation.objects.open().exists()


# REST ----------------------------------------------------------------------------------------


def rest(workspace, *scopes):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {api_key(workspace, scopes)}")
    return client


def test_members_over_rest(cast):
    workspace, people = cast
    api = rest(workspace, "admin")
    listed = api.get("/api/v1/members").json()["results"]
    assert {row["email"]: row["role"] for row in listed} == {f"{r}@here.test": r for r in Role}
    viewer = f"/api/v1/members/{people['viewer'].pk}"
    assert api.patch(viewer, {"role": "operator"}).json()["role"] == "operator"
    assert api.patch(viewer, {"role": "king"}).json()["errors"]["role"]
    assert api.delete(viewer).status_code == 204
    assert role_of(workspace, people["viewer"]) is None
    owner = f"/api/v1/members/{people['owner'].pk}"
    for answer in (api.delete(owner), api.patch(owner, {"role": "viewer"})):
        assert (answer.status_code, answer.json()["code"]) == (403, "owners_only")
    outsider = f"/api/v1/members/{people['outsider'].pk}"
    assert api.get(outsider).status_code == 404
    assert api.delete(outsider).status_code == 404


def test_invitations_over_rest(cast, client):
    workspace, _people = cast
    api = rest(workspace, "admin")
    answer = api.post("/api/v1/invitations", {"role": "viewer", "email": "a@b.test"})
    made = answer.json()
    assert answer.status_code == 201
    assert client.get(made["url"].split("8000")[1]).status_code == 200
    listed = api.get("/api/v1/invitations").json()["results"]
    assert [row["id"] for row in listed] == [made["id"]]
    assert "url" not in listed[0]
    refused = api.post("/api/v1/invitations", {"role": "owner"})
    assert (refused.status_code, refused.json()["code"]) == (403, "owners_only")
    stranger = rest(WorkspaceFactory(), "admin")
    assert stranger.delete(f"/api/v1/invitations/{made['id']}").status_code == 404
    assert api.delete(f"/api/v1/invitations/{made['id']}").status_code == 204
    assert client.get(made["url"].split("8000")[1]).status_code == 410


@pytest.mark.parametrize("path", ["members", "invitations", "audit", "api-keys"])
def test_people_are_for_keys_with_the_scope_admin(cast, path):
    workspace, _people = cast
    answer = rest(workspace, "read", "send", "manage").get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
