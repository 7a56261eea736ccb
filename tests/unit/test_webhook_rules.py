"""Signatures, filters and the times of retries."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from webhooks import schedule, signing
from webhooks.filters import Filter

NOW = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
ACCOUNT = uuid4()


def signed(*secrets, body=b'{"a":1}', at=None):
    at = int(datetime.now(UTC).timestamp()) if at is None else at
    return signing.headers(event_id="evt_1", timestamp=at, body=body, secrets_=secrets)


def test_the_standards_own_package_verifies():
    secret = signing.new_secret()

    assert Webhook(secret).verify(b'{"a":1}', signed(secret)) == {"a": 1}


def test_both_secrets_verify_during_a_rotation_and_no_third():
    old, new, other = signing.new_secret(), signing.new_secret(), signing.new_secret()

    for secret in (old, new):
        Webhook(secret).verify(b'{"a":1}', signed(new, old))
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(b'{"a":1}', signed(new, old))


@pytest.mark.parametrize(
    "change",
    [{"webhook-id": "evt_2"}, {"webhook-timestamp": "1"}, {"webhook-signature": "v1,AAAA"}],
)
def test_whatever_is_changed_is_noticed(change):
    secret = signing.new_secret()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(b'{"a":1}', signed(secret) | change)


def test_the_header_of_gowa_is_the_hmac_of_the_body_with_the_secret_as_shown():
    secret = signing.new_secret()
    body = json.dumps({"text": "ä"}).encode()

    header = signed(secret, body=body)["X-Hub-Signature-256"]

    assert header == "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", "secret", "whsec_" + "A" * 400, "ä"]
)
def test_garbage_is_no_secret(secret):
    with pytest.raises(ValueError, match="base64"):
        signing.key_of(secret)


# Filters -------------------------------------------------------------------------------------


def wants(kind="message", account=ACCOUNT, chat=None, **fields):
    data = {"chat": chat} if chat else {}
    return Filter(endpoint_id=uuid4(), **fields).wants(type=kind, account_id=account, data=data)


def test_all_types_are_all_but_the_secret_ones():
    assert wants()
    assert wants("session.status")
    assert not wants("session.qr")
    assert not wants("session.pairing_code")
    assert wants("session.qr", types=["session.qr"])
    assert not wants(types=["session.qr"])


def test_accounts():
    assert wants(accounts=[str(ACCOUNT)])
    assert not wants(accounts=[str(uuid4())])
    assert not wants(account=None, accounts=[str(ACCOUNT)])


@pytest.mark.parametrize(
    ("chat", "ignored"),
    [
        ({"jid": "1@g.us", "type": "group"}, {"ignore_groups": True}),
        ({"jid": "status@broadcast", "type": "broadcast"}, {"ignore_broadcast": True}),
        ({"jid": "1@newsletter", "type": "newsletter"}, {"ignore_broadcast": True}),
        ({"jid": "1@s.whatsapp.net", "type": "user"}, {"ignore_jids": ["1@s.whatsapp.net"]}),
        ({"jid": "", "lid": "9@lid", "type": "user"}, {"ignore_jids": ["9@lid"]}),
    ],
)
def test_chats_can_be_ignored(chat, ignored):
    assert wants(chat=chat)
    assert not wants(chat=chat, **ignored)
    assert wants(chat={"jid": "2@s.whatsapp.net", "type": "user"}, **ignored)
    assert wants("session.status", **ignored)


# Times ---------------------------------------------------------------------------------------


def test_retries_begin_at_five_seconds_grow_to_six_hours_and_are_spread():
    for tries, seconds in [(1, 5), (2, 15), (3, 45), (8, 10935), (9, 21600), (500, 21600)]:
        pauses = {schedule.backoff(tries).total_seconds() for _ in range(50)}
        assert seconds * 0.8 <= min(pauses) < max(pauses) <= seconds * 1.2


def test_the_circuit_opens_after_twenty_failures_or_ten_bad_minutes():
    assert not schedule.opens(19, NOW, NOW)
    assert schedule.opens(20, NOW, NOW)
    assert not schedule.opens(4, NOW - timedelta(hours=1), NOW)
    assert schedule.opens(5, NOW - timedelta(hours=1), NOW)


def test_probes_come_at_least_every_six_minutes():
    assert schedule.probe_pause(20) <= timedelta(seconds=12)
    assert schedule.probe_pause(10**6) <= timedelta(minutes=6)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 120 ", 120),
        ("0", 1),
        ("999999999999", 21600),
        ("Sun, 22 Nov 2026 07:01:00 GMT", 60),
        ("Sun, 22 Nov 2020 07:01:00 GMT", 1),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after(value, seconds):
    found = schedule.retry_after(value, NOW)

    assert found == (None if seconds is None else NOW + timedelta(seconds=seconds))
