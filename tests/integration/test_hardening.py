"""What strangers may try, and what an administrator may forget."""

from __future__ import annotations

import json
import os
import random
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.utils import decrypt
from channels.db import database_sync_to_async as in_thread
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from accounts import seals, tenants
from accounts.models import WhatsAppAccount
from config.asgi import application
from config.management.commands import reseal
from events import services as event_log
from sessions_mgr import assignments, services
from tests.factories import AccountFactory, UserFactory, WorkspaceFactory, api_key, endpoint
from tests.sockets import PatientSocket
from webhooks.models import Endpoint

ROOT = Path(__file__).parents[2]
GOOD_KEY = secrets.token_urlsafe(64)


def manage(folder, *words, **environment):
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DATA_DIR": str(folder / "var"),
            "SANDBOX": "0",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# Starting -----------------------------------------------------------------------------------------


def test_the_check_for_deployment_is_clean_behind_https(tmp_path):
    done = manage(
        tmp_path,
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        PUBLIC_URL="https://wa.example.com",
        ALLOWED_HOSTS="wa.example.com",
        SECRET_KEY=GOOD_KEY,
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"PUBLIC_URL": "https://wa.example.com"}, "SECRET_KEY is missing"),
        ({"HOST": "0.0.0.0"}, "SECRET_KEY is missing"),
        ({"ALLOWED_HOSTS": "wa.example.com"}, "SECRET_KEY is missing"),
        ({"PUBLIC_URL": "https://wa.example.com", "SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": "django-insecure-" + GOOD_KEY}, "SECRET_KEY"),
        ({"SECRET_KEY": "changeme-0123456789-abcdefghijklmnopqrstuvwxyz"}, "SECRET_KEY"),
        ({"DEBUG": "1", "PUBLIC_URL": "https://wa.example.com"}, "DEBUG"),
        ({"DEBUG": "1", "ALLOWED_HOSTS": "wa.example.com"}, "DEBUG"),
        ({"DEBUG": "1", "HOST": "0.0.0.0"}, "DEBUG"),
    ],
)
def test_an_unsafe_start_is_refused_by_the_variables_name(tmp_path, environment, name):
    done = manage(tmp_path, "check", **environment)
    assert done.returncode == 2
    assert name in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert GOOD_KEY not in done.stderr
    assert not (tmp_path / "var" / "secret_key").exists()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"PUBLIC_URL": "http://localhost:8000"},
        {"DEBUG": "1"},
        {"PUBLIC_URL": "https://wa.example.com", "SANDBOX": "1"},
        {"PUBLIC_URL": "https://wa.example.com", "SECRET_KEY": GOOD_KEY},
    ],
)
def test_a_safe_start_is_not_refused(tmp_path, environment):
    done = manage(tmp_path, "check", **environment)
    assert done.returncode == 0, done.stderr


def test_a_key_that_was_generated_before_goes_on_being_used(tmp_path):
    assert manage(tmp_path, "check").returncode == 0
    assert manage(tmp_path, "check", PUBLIC_URL="https://wa.example.com").returncode == 0


# Requests -----------------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


def test_a_body_that_is_too_large_is_413_with_the_limit(workspace):
    headers = {"X-Api-Key": api_key(workspace)}
    body = json.dumps({"label": "x" * 1_100_000})
    answer = Client().post(
        "/api/v1/accounts", body, content_type="application/json", headers=headers
    )
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"
    assert "1,048,576" in answer.json()["detail"]
    assert not WhatsAppAccount.objects.exists()


def test_a_form_that_is_too_large_is_413(workspace):
    body = "label=" + "x" * 1_100_000
    answer = Client().post(
        f"/workspaces/{workspace.pk}/numbers/new",
        body,
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 413
    assert b"Nothing was changed" in answer.content


def test_a_form_of_more_bytes_than_python_reads_as_a_number_is_413(workspace):
    form = "application/x-www-form-urlencoded"
    path = f"/workspaces/{workspace.pk}/numbers/new"
    answer = Client().post(path, "label=x", content_type=form, CONTENT_LENGTH="9" * 5000)
    assert answer.status_code == 413


def test_a_normal_body_is_read_as_before(api):
    assert api.post("/api/v1/accounts", {"label": "ü" * 100}).json()["label"] == "ü" * 100


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/accounts", "/health/live", "/nowhere"])
def test_every_answer_carries_the_headers(path):
    headers = Client().get(path).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


# Secrets at rest ----------------------------------------------------------------------------------

PROXY = "http://user:hunter2-in-the-proxy@proxy.example:3128"


def everything_stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_whatsappaccount")
        first = [bytes(v) if isinstance(v, memoryview) else v for r in cursor for v in r]
        cursor.execute("SELECT * FROM accounts_auditentry")
        return repr([first, [list(row) for row in cursor]])


def test_a_proxys_password_is_not_readable_in_the_database(api):
    made = api.post("/api/v1/accounts", {"label": "x", "proxy": PROXY}).json()
    account = WhatsAppAccount.objects.get(pk=made["id"])
    assert account.proxy == PROXY
    assert "hunter2" not in everything_stored()
    services.request_connect(account=account)
    assert assignments.wanted_sessions()[account.pk].proxy_url == PROXY
    api.patch(f"/api/v1/accounts/{account.pk}", {"proxy": ""})
    account.refresh_from_db()
    assert account.proxy == ""


def test_a_proxy_sealed_for_one_number_does_not_open_as_anothers():
    from accounts.seals import Unreadable

    one, two = AccountFactory(), AccountFactory()
    one.proxy = PROXY
    two.sealed_proxy = one.sealed_proxy
    with pytest.raises(Unreadable):
        _ = two.proxy


def test_secrets_move_to_a_new_key_and_the_old_one_may_go(settings, capsys):
    account = AccountFactory()
    account.proxy = PROXY
    account.save(update_fields=["sealed_proxy"])
    hook = endpoint(account.workspace, headers={"X-Token": "t"})
    secret = hook.secret
    old, new = settings.SECRET_KEY, secrets.token_urlsafe(64)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = new, [old]
    call_command("reseal")
    assert json.loads(capsys.readouterr().out) == {"sealed": 3, "unreadable": []}
    settings.SECRET_KEY_FALLBACKS = []
    account.refresh_from_db()
    assert account.proxy == PROXY
    fresh = Endpoint.objects.get(pk=hook.pk)
    assert fresh.secrets_at(fresh.created_at) == [secret]
    assert fresh.headers == {"X-Token": "t"}


def test_every_sealed_column_is_resealed():
    columns = {
        (model, field.name)
        for model in tenants.our_models()
        for field in model._meta.concrete_fields
        if field.name.startswith("sealed_")
    }
    assert columns == {(model, column) for model, column, _seal in reseal.SEALED}
    # And every purpose that there is a key for.
    assert {seal for *_, seal in reseal.SEALED} == {
        value for value in vars(seals).values() if isinstance(value, seals.Seal)
    }


def test_second_factors_move_to_a_new_key_too(settings, capsys):
    user = UserFactory()
    secret = "JBSWY3DPEHPK3PXP"
    TOTP.activate(user, secret)
    codes = RecoveryCodes.activate(user)
    unused = codes.get_unused_codes()
    codes.validate_code(unused[0])
    old, new = settings.SECRET_KEY, secrets.token_urlsafe(64)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = new, [old]
    call_command("reseal")
    assert json.loads(capsys.readouterr().out) == {"sealed": 2, "unreadable": []}
    settings.SECRET_KEY_FALLBACKS = []
    factors = {f.type: f for f in Authenticator.objects.filter(user=user)}
    assert decrypt(factors[Authenticator.Type.TOTP].data["secret"]) == secret
    recovery = RecoveryCodes(factors[Authenticator.Type.RECOVERY_CODES])
    assert recovery.get_unused_codes() == unused[1:]


def test_a_second_factor_that_cannot_be_opened_is_named(settings):
    TOTP.activate(UserFactory(), "JBSWY3DPEHPK3PXP")
    settings.SECRET_KEY = secrets.token_urlsafe(64)
    before = Authenticator.objects.get().data
    with pytest.raises(CommandError, match="1 secrets"):
        call_command("reseal")
    assert Authenticator.objects.get().data == before


def test_what_cannot_be_opened_is_named_and_left_as_it_is(settings):
    account = AccountFactory()
    account.proxy = PROXY
    account.save(update_fields=["sealed_proxy"])
    settings.SECRET_KEY = secrets.token_urlsafe(64)
    with pytest.raises(CommandError, match="1 secrets"):
        call_command("reseal")
    settings.SECRET_KEY_FALLBACKS = []
    before = bytes(account.sealed_proxy)
    account.refresh_from_db()
    assert bytes(account.sealed_proxy) == before


# The websocket ------------------------------------------------------------------------------------


def noise(rng: random.Random) -> str | bytes:
    kinds = [
        lambda: rng.randbytes(rng.randrange(0, 4096)),
        lambda: "".join(chr(rng.randrange(1, 0xD7FF)) for _ in range(rng.randrange(0, 500))),
        lambda: json.dumps({"type": "subscribe", "workspace": str(rng.random()), "x": [[[]]]}),
        lambda: "[" * rng.randrange(1, 20_000),
        lambda: '{"type":"hello"',
        lambda: rng.choice(["", "null", "\x00", "1e999", '{"type":null}', "ping", "\ud7ff"]),
    ]
    return rng.choice(kinds)()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(5))
async def test_whatever_a_client_sends_the_feed_goes_on(seed):
    rng = random.Random(seed)
    workspace = await in_thread(WorkspaceFactory)()
    key = await in_thread(api_key)(workspace)
    socket = PatientSocket(
        application, "/ws/v1/events", subprotocols=["switchboard.v1", f"bearer.{key}"]
    )
    connected, protocol = await socket.connect()
    assert (connected, protocol) == (True, "switchboard.v1")
    assert (await socket.receive_json_from())["type"] == "hello"
    assert (await socket.receive_json_from())["type"] == "snapshot"
    for _ in range(100):
        frame = noise(rng)
        kind = "bytes" if isinstance(frame, bytes) else "text"
        await socket.send_input({"type": "websocket.receive", kind: frame})
    event = await in_thread(event_log.append)(
        workspace_id=workspace.pk, type="message", data={"text": "still here"}
    )
    assert (await socket.receive_json_from())["id"] == event.pk
    await socket.disconnect()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(10))
async def test_whatever_a_client_asks_for_it_gets_a_close_code(seed):
    """Query strings and subprotocols: refused with a code of ours, never a broken handler."""
    rng = random.Random(seed)
    workspace = await in_thread(WorkspaceFactory)()
    key = await in_thread(api_key)(workspace)
    for _ in range(10):
        query = "&".join(
            f"{rng.choice(['after', 'types', 'account', 'workspace', 'ticket', 'x'])}="
            + "".join(rng.choice("0123456789abc-%2e%00,é*") for _ in range(rng.randrange(1, 40)))
            for _ in range(rng.randrange(1, 4))
        )
        offered = ["switchboard.v1", f"bearer.{rng.choice([key, 'x', '', key[:8]])}"]
        socket = PatientSocket(application, f"/ws/v1/events?{query}", subprotocols=offered)
        await socket.connect()
        said = await socket.receive_output()
        if said["type"] == "websocket.send":
            kind = json.loads(said["text"])["type"]
            if kind == "hello":
                await socket.disconnect()
                continue
            assert kind == "error"
            said = await socket.receive_output()
        assert said["type"] == "websocket.close"
        assert said["code"] in (4400, 4401, 4404), (query, said)


def test_a_person_who_signs_in_gets_a_new_session():
    user = UserFactory()
    client = Client()
    client.get("/sign-in")
    before = client.session.session_key
    client.force_login(user)
    assert client.session.session_key != before
