"""connect, disconnect, logout, restart: idempotent from every state."""

from __future__ import annotations

import time

import pytest

from accounts.models import WhatsAppAccount
from events.models import Event
from sessions_mgr import assignments, facts, services
from sessions_mgr.engines import base
from sessions_mgr.models import Session, StatusChange, StorePurge, WorkerExit
from sessions_mgr.states import Desired, Status
from tests.factories import AccountFactory, WorkspaceFactory
from tests.life import LINKED, connected_account, say, start

pytestmark = pytest.mark.django_db

ANY_STATUS = pytest.mark.parametrize("status", Status.values)


def account_in(status: str) -> WhatsAppAccount:
    return AccountFactory(session__status=status)


@ANY_STATUS
def test_disconnect_works_from_every_state_and_says_so_the_second_time(status):
    account = account_in(status)

    session, already = services.request_disconnect(account=account)
    again, already_again = services.request_disconnect(account=account)

    assert (session.status, session.desired) == (Status.DISCONNECTED, Desired.DISCONNECTED)
    assert already == (status == Status.DISCONNECTED)
    assert already_again
    assert again.epoch == session.epoch


def test_disconnect_forgets_who_we_were_and_fences_the_worker_off():
    account = connected_account()
    epoch = account.session.epoch

    services.request_disconnect(account=account)
    late = say(account, base.Connected(**LINKED), epoch=epoch)

    account.refresh_from_db()
    assert not late
    assert (account.phone_number, account.jid, account.lid) == (None, None, None)
    assert Session.objects.get(pk=account.pk).status == Status.DISCONNECTED


@ANY_STATUS
def test_connect_twice_is_connect_once(status):
    account = account_in(status)

    first = services.request_connect(account=account)
    events = Event.objects.count()
    second = services.request_connect(account=account)

    assert first.desired == second.desired == Desired.CONNECTED
    assert first.status == second.status
    assert second.epoch == first.epoch
    assert Event.objects.count() == events


@ANY_STATUS
def test_restart_asks_for_a_new_worker_from_every_state(status):
    account = account_in(status)
    epoch = Session.objects.get(pk=account.pk).epoch

    session = services.request_restart(account=account)

    assert (session.status, session.desired) == (Status.STARTING, Desired.CONNECTED)
    assert session.epoch > epoch


@ANY_STATUS
def test_logout_disconnects_and_leaves_the_unlinking_to_the_node(status):
    account = account_in(status)

    session = services.request_logout(account=account)

    assert (session.status, session.unlink_pending) == (Status.DISCONNECTED, True)
    assert assignments.wanted_sessions()[account.pk].mode == "unlink"


def test_connect_during_a_logout_waits_until_the_old_link_is_gone():
    account = connected_account()
    services.request_logout(account=account)

    services.request_connect(account=account)

    assert assignments.wanted_sessions()[account.pk].mode == "unlink"
    assignments.unlink_finished(account_id=account.pk, epoch=0)
    assert assignments.wanted_sessions()[account.pk].mode == "connect"


def test_delete_hides_the_account_and_asks_for_its_store_to_be_purged():
    account = connected_account()

    services.delete_account(account=account)
    services.delete_account(account=account)

    assert not WhatsAppAccount.objects.present().filter(pk=account.pk).exists()
    assert StorePurge.objects.filter(account_id=account.pk).count() == 1
    assert assignments.purge_requested() == []  # the link is ended first
    assignments.unlink_finished(account_id=account.pk, epoch=0)
    assert assignments.purge_requested() == [(account.pk, account.workspace_id, "test")]


def test_only_one_of_two_nodes_gets_the_assignment():
    account = AccountFactory()
    services.request_connect(account=account)
    seen = assignments.wanted_sessions()[account.pk].epoch

    won = assignments.take_assignment(account_id=account.pk, node="a", seen_epoch=seen)
    lost = assignments.take_assignment(account_id=account.pk, node="b", seen_epoch=seen)

    assert won == seen + 1
    assert lost is None


def test_a_stale_plan_does_not_start_what_was_disconnected_meanwhile():
    account = AccountFactory()
    services.request_connect(account=account)
    seen = assignments.wanted_sessions()[account.pk].epoch
    services.request_disconnect(account=account)

    assert assignments.take_assignment(account_id=account.pk, node="a", seen_epoch=seen) is None


def test_a_crashed_worker_leaves_its_cause_and_a_number_that_comes_back():
    account = connected_account()
    epoch = Session.objects.get(pk=account.pk).epoch

    assignments.worker_ended(
        account_id=account.pk, epoch=epoch, exit="SIGKILL", detail="", final=False, retry_at=None
    )

    session = Session.objects.get(pk=account.pk)
    account.refresh_from_db()
    assert (session.status, session.reason_code) == (Status.RECONNECTING, "worker_crashed")
    assert session.restarts == 1
    assert account.phone_number == LINKED["phone_number"]
    assert WorkerExit.objects.get(account=account).cause == "SIGKILL"


def test_the_end_of_an_older_worker_is_recorded_and_moves_nothing():
    account = connected_account()

    assignments.worker_ended(
        account_id=account.pk, epoch=0, exit="SIGKILL", detail="", final=False, retry_at=None
    )

    assert Session.objects.get(pk=account.pk).status == Status.CONNECTED
    assert WorkerExit.objects.filter(account=account).count() == 1


@pytest.mark.parametrize(
    ("exit_name", "status", "reason"),
    [
        ("pairing_expired", Status.FAILED, "qr_timeout"),
        ("logged_out", Status.LOGGED_OUT, "unlinked_by_phone"),
        ("banned", Status.FAILED, "banned"),
        ("client_outdated", Status.FAILED, "client_outdated"),
        ("replaced", Status.FAILED, "replaced"),
        ("passkey_required", Status.FAILED, "passkey_required"),
        ("store_corrupt", Status.FAILED, "store_corrupt"),
        ("connect_refused", Status.FAILED, "connect_refused"),
    ],
)
def test_a_named_exit_says_why_even_when_the_fact_never_arrived(exit_name, status, reason):
    account = AccountFactory(session__status=Status.STARTING)

    assignments.worker_ended(
        account_id=account.pk, epoch=1, exit=exit_name, detail="", final=True, retry_at=None
    )

    session = Session.objects.get(pk=account.pk)
    assert (session.status, session.reason_code) == (status, reason)
    assert session.reason_message.endswith(".")
    assert account.pk not in assignments.wanted_sessions()


def test_a_crash_loop_ends_in_failed_and_connect_works_again():
    account = AccountFactory(session__status=Status.STARTING)

    assignments.gave_up(account_id=account.pk, epoch=1, code="crash_loop", detail="10 crashes")
    failed = Session.objects.get(pk=account.pk)
    again = services.request_connect(account=account)

    assert (failed.status, failed.reason_code) == (Status.FAILED, "crash_loop")
    assert (again.status, again.reason_code) == (Status.STARTING, "")


def test_the_end_of_a_failed_life_does_not_undo_the_connect_that_came_meanwhile():
    account = AccountFactory()
    epoch = start(account)
    say(account, base.PairingExpired())
    services.request_connect(account=account)

    assignments.worker_ended(
        account_id=account.pk,
        epoch=epoch,
        exit="pairing_expired",
        detail="",
        final=True,
        retry_at=None,
    )

    assert Session.objects.get(pk=account.pk).status == Status.STARTING


def test_seed_004_two_disconnected_accounts_may_have_had_the_same_phone():
    """Seed 004: UNIQUE(phone_number, workspace_id, status) forbade the second one."""
    workspace = WorkspaceFactory()
    for _ in range(2):
        account = connected_account(workspace=workspace)
        services.request_disconnect(account=account)

    assert list(
        WhatsAppAccount.objects.filter(workspace=workspace).values_list("phone_number", flat=True)
    ) == [None, None]


def test_a_second_account_with_the_same_phone_is_refused_by_name_and_unlinked_again():
    first = connected_account(label="Sales")
    second = AccountFactory(workspace=first.workspace, session__status=Status.QR_SCANNING)

    say(second, base.Paired(jid="15550001:2@s.whatsapp.net", phone_number=LINKED["phone_number"]))

    session = Session.objects.get(pk=second.pk)
    second.refresh_from_db()
    assert (session.status, session.reason_code) == (Status.FAILED, "phone_in_use")
    assert "Sales" in session.reason_message
    assert (session.desired, session.unlink_pending) == (Desired.DISCONNECTED, True)
    assert second.phone_number is None
    assert Session.objects.get(pk=first.pk).status == Status.CONNECTED


def test_the_same_phone_may_be_connected_in_two_workspaces():
    connected_account()
    other = connected_account()

    assert Session.objects.get(pk=other.pk).status == Status.CONNECTED


def test_codes_are_shown_while_they_live_and_blanked_in_the_log_afterwards():
    account = AccountFactory(session__status=Status.STARTING)

    say(account, base.QrIssued(code="first", attempt=1, expires_at=2e9))
    say(account, base.QrIssued(code="second", attempt=2, expires_at=2e9))

    session = Session.objects.get(pk=account.pk)
    codes = [e.data["code"] for e in Event.objects.filter(type="session.qr").order_by("seq")]
    assert (session.status, session.qr_code, session.qr_attempt) == ("qr_scanning", "second", 2)
    assert codes == [None, "second"]

    say(account, base.Paired(jid="1:1@s.whatsapp.net", phone_number="+15550001"))

    codes = [e.data["code"] for e in Event.objects.filter(type="session.qr")]
    assert codes == [None, None]
    assert Session.objects.get(pk=account.pk).qr_code == ""


def test_a_ban_is_a_status_with_its_end_and_a_restriction():
    account = connected_account()

    say(account, base.TemporarilyBanned(code="101", expires_at=2_000_000_000))

    account.refresh_from_db()
    session = Session.objects.get(pk=account.pk)
    assert (session.status, session.reason_code) == (Status.FAILED, "banned")
    assert "2033-05-18" in session.reason_message
    assert account.restrictions[0]["until"] == "2033-05-18T03:33:20.000Z"
    assert Event.objects.filter(type="account.restricted").exists()


def test_a_ban_is_no_restriction_any_more_once_its_time_is_over_or_the_number_is_connected(
    api, workspace
):
    account = connected_account(workspace=workspace)

    def shown():
        return api.get(f"/api/v1/accounts/{account.pk}").json()["restrictions"]

    say(account, base.TemporarilyBanned(code="101", expires_at=time.time() + 60))
    assert [known["kind"] for known in shown()] == ["temporary_ban"]

    start(account)
    say(account, base.Connected(**LINKED))
    assert shown() == []

    say(account, base.TemporarilyBanned(code="101", expires_at=time.time() - 60))
    assert shown() == []


def test_a_silent_line_is_reconnecting_and_recovers():
    account = connected_account()

    say(account, base.KeepAliveLost())
    silent = Session.objects.get(pk=account.pk)
    say(account, base.KeepAliveRestored())

    assert (silent.status, silent.reason_code) == (Status.RECONNECTING, "silent")
    assert Session.objects.get(pk=account.pk).status == Status.CONNECTED


def test_the_timeline_tells_every_change_with_its_reason():
    account = connected_account()
    say(account, base.ConnectionLost())
    services.request_disconnect(account=account)

    rows = StatusChange.objects.filter(account=account).order_by("id")

    assert [(r.from_status, r.to_status, r.reason_code) for r in rows] == [
        ("disconnected", "starting", ""),
        ("starting", "connected", ""),
        ("connected", "reconnecting", "line_lost"),
        ("reconnecting", "disconnected", ""),
    ]


def test_a_fact_that_moves_nothing_is_no_news():
    account = connected_account()
    before = Event.objects.count()

    facts.record_fact(
        account_id=account.pk,
        epoch=Session.objects.get(pk=account.pk).epoch,
        fact=base.Connected(**LINKED),
        at=account.created_at,
    )

    assert Event.objects.count() == before
