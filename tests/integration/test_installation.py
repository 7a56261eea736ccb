"""The installation's page: who may open it, what it tells of nodes and queues, and the drain."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from console import installation
from console.views.installation import look
from messaging.models import UnreadFact
from sessions_mgr import nodes
from sessions_mgr.bus import carriers
from sessions_mgr.bus.client import BusUnavailable, NoResponders
from sessions_mgr.models import Session, StatusChange, WorkerExit
from sessions_mgr.nodes import NodeState
from sessions_mgr.ownership import register
from sessions_mgr.ownership.members import Member
from tests.factories import AccountFactory, UserFactory, WorkspaceFactory
from tests.pages import text_of

pytestmark = pytest.mark.django_db
PAGE = "/administration/installation/"
DRAIN = f"{PAGE}nodes/one/drain"
UNDRAIN = f"{PAGE}nodes/one/undrain"
RENEWED = "2026-11-22T12:00:01.123456789Z"


class Nodes:
    """A bus with leases and nodes on it; `told` holds the orders that reached one."""

    def __init__(self) -> None:
        self.leases: dict[str, bytes] = {}
        self.stats: dict[str, dict] = {}
        self.told: list[str] = []
        self.away = False

    def add(self, name, *, capacity=0, draining=False, answers=True, **figures):
        member = Member(name, "i", "h", 1, 0.0, "2026-11-22T10:00:00Z", capacity, "s", draining)
        self.leases[name] = member.to_json()
        if answers:
            self.stats[name] = {"node": name, "draining": draining, "workers": 0, **figures}

    def request(self, subject, payload, timeout):
        if self.away:
            raise BusUnavailable("the bus is away")
        if subject == register.INFO:
            return {"state": {"subjects": {f"$KV.nodes.{name}": 1 for name in self.leases}}}
        if subject == register.LAST:
            name = payload["last_by_subj"].rpartition(".")[2]
            data = base64.b64encode(self.leases[name]).decode()
            message = {"subject": payload["last_by_subj"], "data": data, "time": RENEWED}
            return {"message": message if data else {}}
        verb, _, name = subject.removeprefix("nodes.").partition(".")
        if subject.startswith("nodes.") and name in self.stats:
            self.told.append(f"{verb} {name}")
            return self.stats[name] | {"owned": 2, "takers": ["two"]}
        raise NoResponders(subject)

    def request_all(self, subject, payload, seconds):
        return list(self.stats.values())

    def publish(self, subject, payload):
        """Hints are for nobody here."""


@pytest.fixture
def bus(monkeypatch):
    made = Nodes()
    monkeypatch.setattr(carriers, "current", lambda: made)
    return made


@pytest.fixture(autouse=True)
def nothing_is_shared_between_tests():
    look.forget()


@pytest.fixture
def chief(client):
    person = UserFactory(email="chief@host.test", is_staff=True)
    client.force_login(person)
    return person


def number_on(node, **fields):
    account = AccountFactory(connected=True, **fields)
    Session.objects.filter(pk=account.pk).update(node=node)
    return account


# Who ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [PAGE, DRAIN, UNDRAIN])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_for_people_who_are_no_administrators_it_does_not_exist(client, bus, address, method):
    bus.add("one")
    owner = UserFactory()
    WorkspaceFactory(members=[owner])
    client.force_login(owner)

    assert getattr(client, method)(address).status_code == 404

    assert bus.told == []
    assert not AuditEntry.objects.filter(action__startswith="node.").exists()


@pytest.mark.parametrize("address", [PAGE, DRAIN])
def test_nobody_is_sent_to_the_sign_in(client, address):
    answer = client.get(address)
    assert (answer.status_code, answer.url.partition("?")[0]) == (302, reverse("console:sign-in"))


def test_only_administrators_find_the_way_to_it(client, bus, chief):
    mine = WorkspaceFactory(members=[chief])
    page = reverse("console:overview", args=[mine.pk])
    assert PAGE in client.get(page).content.decode()
    colleague = UserFactory()
    mine.memberships.create(user=colleague, role="owner")
    client.force_login(colleague)
    assert PAGE not in client.get(page).content.decode()


def test_it_names_no_workspace_and_no_number(client, bus, chief):
    bus.add("one")
    account = number_on("one", label="Secret desk", workspace__name="Secret firm")
    WorkerExit.objects.create(
        account=account, epoch=1, node="one", cause="SIGABRT", detail="secret"
    )
    page = client.get(PAGE).content.decode()
    assert "SIGABRT" in page
    for private in ("Secret desk", "Secret firm", account.phone_number, str(account.pk), "why"):
        assert private not in page


# Nodes ----------------------------------------------------------------------------------------


def test_a_node_is_told_with_heartbeat_capacity_numbers_and_memory(client, bus, chief):
    bus.add("one", capacity=50, workers=2, rss_bytes=3 * 1_048_576, starting=1)
    for _ in range(2):
        number_on("one")

    page = client.get(PAGE)

    text = text_of(page)
    assert "2 of 50" in text
    assert "3.0 MB" in text
    assert "1 starts" in text
    assert 'datetime="2026-11-22T12:00:01.123456+00:00"' in page.content.decode()
    assert DRAIN in page.content.decode()


def test_each_state_of_a_node(bus):
    bus.add("works", workers=1)
    bus.add("drains", draining=True, workers=1)
    bus.add("drained", draining=True)
    bus.add("busy", answers=False)
    number_on("gone")

    found, reached = nodes.look()

    assert reached
    assert {node.name: node.state for node in found} == {
        "works": NodeState.RUNS,
        "drains": NodeState.DRAINS,
        "drained": NodeState.EMPTY,
        "busy": NodeState.SILENT,
        "gone": NodeState.AWAY,
    }


def test_a_lease_that_was_given_back_is_no_node(bus):
    bus.add("one")
    bus.leases["one"] = b""
    bus.stats.clear()
    assert nodes.look() == ([], True)


def test_a_node_of_another_version_is_shown_by_name(bus):
    bus.add("one", answers=False)
    bus.leases["one"] = b'{"unknown": 1}'
    [node] = nodes.look()[0]
    assert (node.name, node.capacity, node.state) == ("one", 0, NodeState.SILENT)


def test_released_numbers_and_those_of_nobody_are_told(client, bus, chief):
    bus.add("one")
    released = number_on("one")
    Session.objects.filter(pk=released.pk).update(released=True)
    number_on("")
    assert nodes.owned() == {"": 2}
    assert "2 numbers are held by no node yet." in text_of(client.get(PAGE))


def test_without_a_node_the_page_teaches_how_to_start_one(client, bus, chief):
    text = text_of(client.get(PAGE))
    assert "No node runs" in text
    assert "manage.py run_node" in text


def test_without_the_bus_the_page_says_so_and_still_opens(client, bus, chief):
    bus.away = True
    number_on("one")
    text = text_of(client.get(PAGE))
    assert "The message bus does not answer" in text
    assert "Cannot be asked" in text


def test_the_live_part_comes_alone(client, bus, chief):
    answer = client.get(PAGE, headers={"HX-Request": "true"})
    assert b"<html" not in answer.content
    assert b"nodes-title" in answer.content


def test_all_tabs_are_served_by_one_look(client, bus, chief):
    bus.add("one", workers=1)
    asked = []
    bus.request_all = lambda *question: asked.append(question) or list(bus.stats.values())
    first = client.get(PAGE)
    once = len(asked)
    assert once
    with CaptureQueriesContext(connection) as queries:
        tab = client.get(PAGE, headers={"HX-Request": "true"})
    assert len(asked) == once
    assert not [q for q in queries if "sessions_mgr" in q["sql"] or "messaging" in q["sql"]]
    assert "1 worker" in text_of(first)
    assert "1 worker" in text_of(tab)


def test_each_language_has_its_own_words(client, bus, chief):
    assert "Facts set aside" in text_of(client.get(PAGE))
    text = text_of(client.get(PAGE, headers={"Accept-Language": "pt-br"}))
    assert "Facts set aside" not in text
    assert "Fatos postos de lado" in text


def test_what_an_order_changes_is_seen_at_once(client, bus, chief):
    bus.add("one", workers=1)
    assert "Draining" not in text_of(client.get(PAGE))
    bus.stats["one"]["draining"] = True
    assert "Draining" in text_of(client.post(DRAIN, follow=True))


# Drain ----------------------------------------------------------------------------------------


def test_a_drain_is_asked_first_and_says_who_takes_the_numbers(client, bus, chief):
    bus.add("one", takers=["two"])
    number_on("one")
    text = text_of(client.get(DRAIN))
    assert "Drain “one”?" in text
    assert "It stops its 1 number" in text
    assert "These can take them: two." in text
    assert bus.told == []


def test_a_drain_that_nobody_can_take_over_warns(client, bus, chief):
    bus.add("one", takers=[])
    assert "its numbers stay offline" in text_of(client.get(DRAIN))


def test_a_drain_reaches_the_node_and_the_log_of_the_installation(client, bus, chief):
    bus.add("one")

    answer = client.post(DRAIN, follow=True)

    assert bus.told == ["drain one"]
    assert "one gives its numbers away." in text_of(answer)
    row = AuditEntry.objects.get(action="node.drained")
    assert (row.workspace, row.actor, row.target) == (None, "user:chief@host.test", "one")
    assert row.detail == {"numbers": 2, "takers": ["two"]}
    assert "Drain ordered one by chief@host.test" in text_of(answer)


def test_the_end_of_a_drain_is_written_down_too(client, bus, chief):
    bus.add("one", draining=True)
    assert "End the drain of “one”?" in text_of(client.get(UNDRAIN))
    client.post(UNDRAIN)
    assert bus.told == ["undrain one"]
    assert AuditEntry.objects.filter(action="node.undrained", target="one").exists()


def test_a_node_that_does_not_answer_is_not_said_to_drain(client, bus, chief):
    bus.add("one", answers=False)
    answer = client.post(DRAIN, follow=True)
    assert "one does not answer, so nothing has changed." in text_of(answer)
    assert not AuditEntry.objects.filter(action="node.drained").exists()


def test_unknown_nodes_are_404(client, bus, chief):
    assert client.get(f"{PAGE}nodes/nobody/drain").status_code == 404
    assert client.post(f"{PAGE}nodes/nobody/drain").status_code == 404
    assert bus.told == []


# Queues and incidents -------------------------------------------------------------------------


def figures(**families):
    return installation.Figures({f"switchboard_{name}": f for name, f in families.items()})


def named(found):
    return {queue.name: queue for queue in found}


def test_a_quiet_installation_keeps_up(bus):
    found = named(installation.queues(installation.Figures.now()))
    assert {str(found[n].look.words) for n in ("Webhooks", "Messages to send")} == {"Keeps up"}
    assert found["Facts set aside"].amount == "0"


def test_what_is_late_is_told_with_its_age():
    found = named(
        installation.queues(
            figures(
                ingest_waiting={"": 1500.0},
                webhook_deliveries={"pending": 70.0},
                webhook_lag_seconds={"": 300.0},
                outbox_waiting={"connected": 3.0, "reconnecting": 4.0},
                outbox_lag_seconds={"": 2.0},
            )
        )
    )
    assert str(found["Facts on the bus"].look.words) == "Falls behind"
    assert found["Webhooks"].amount == "70"
    assert found["Webhooks"].oldest == timedelta(minutes=5)
    assert str(found["Webhooks"].look.words) == "Late"
    assert found["Messages to send"].amount == "3, and 4 for numbers that are not connected"
    assert str(found["Messages to send"].look.words) == "Keeps up"


def test_facts_that_could_not_be_stored_are_shown(bus):
    UnreadFact.objects.create(body=b"?", subject="evt", problem="no", reason=UnreadFact.BROKEN)
    found = named(installation.queues(installation.Figures.now()))
    assert (found["Facts set aside"].amount, found["Facts set aside"].look.hue) == ("1", "bad")


def test_crashes_are_counted_by_cause_and_orderly_ends_left_out(bus):
    account = number_on("one")
    for cause in ("SIGKILL", "SIGKILL", "stopped"):
        WorkerExit.objects.create(account=account, epoch=1, node="one", cause=cause)
    old = timezone.now() - timedelta(days=2)
    WorkerExit.objects.create(account=account, epoch=1, node="one", cause="SIGSEGV", at=old)
    StatusChange.objects.create(
        account=account,
        from_status="connected",
        to_status="reconnecting",
        reason_code="node_gone",
        epoch=1,
        at=timezone.now() - timedelta(hours=1),
    )

    lines = installation.incidents([])

    assert [(line.title, line.text) for line in lines] == [
        ("one", "SIGKILL, 2 times"),
        ("", "1 number waits for a node that is away"),
    ]
