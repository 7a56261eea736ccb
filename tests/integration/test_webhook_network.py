"""Where a delivery may go: certificates, addresses, names and the proxy."""

from __future__ import annotations

import ssl
from datetime import timedelta

import pytest

from tests.couriers import courier
from tests.receiver import Receiver
from tests.webhook_rows import attempts, happen, hook, statuses

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def own_certificate(tmp_path):
    """A server context with a certificate that nobody vouches for."""
    from datetime import UTC, datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    at = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def test_a_certificate_that_nobody_vouches_for_is_refused(own_certificate):
    with Receiver(tls=own_certificate) as server:
        to = await hook(server.url)
        await happen(to)
        async with courier() as it:
            await it.step()

    assert server.received == []
    assert (await attempts(to))[0].error.startswith("TLS: self")


async def test_a_private_address_is_refused_at_connection_time():
    with Receiver() as server:
        to = await hook(server.url)
        await happen(to)
        async with courier(allow_private=False) as it:
            await it.step()

    assert server.connections == 0
    assert "private" in (await attempts(to))[0].error


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:127.0.0.1"], ["::1"], ["10.0.0.7"]],
)
async def test_a_name_that_leads_inside_is_refused(answers):
    async def resolve(host, port):
        assert host == "rebind.example.com"
        return answers

    with Receiver() as server:
        to = await hook(f"http://rebind.example.com:{server.port}/")
        await happen(to)
        async with courier(allow_private=False, resolve=resolve) as it:
            await it.step()

    assert server.connections == 0
    assert "private" in (await attempts(to))[0].error


async def test_a_name_is_resolved_once_and_the_judged_address_is_called(monkeypatch):
    """Rebinding: the second answer would lead inside, but nobody asks a second time."""
    from egress import addresses

    asked = []

    async def resolve(host, port):
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    monkeypatch.setattr(
        addresses, "FORBIDDEN_V4", [n for n in addresses.FORBIDDEN_V4 if str(n) != "127.0.0.0/8"]
    )
    with Receiver() as server:
        to = await hook(f"http://rebind.example.com:{server.port}/")
        await happen(to)
        async with courier(allow_private=False, resolve=resolve) as it:
            await it.step()

    assert asked == ["rebind.example.com"]
    assert server.connections == 0  # it listens on 127.0.0.1, and 127.0.0.2 was called
    assert (await attempts(to))[0].error == "connection refused"


async def test_a_name_with_two_addresses_is_reached_by_the_one_that_answers():
    async def resolve(host, port):
        return ["127.0.0.9", "127.0.0.1"]

    with Receiver() as server:
        to = await hook(f"http://two.example.com:{server.port}/")
        await happen(to)
        async with courier(resolve=resolve) as it:
            await it.step()

    assert server.received[0].headers["host"] == f"two.example.com:{server.port}"


async def test_a_name_that_does_not_exist_is_told():
    async def resolve(host, port):
        raise OSError

    to = await hook("http://nowhere.example.com/")
    await happen(to)
    async with courier(resolve=resolve) as it:
        await it.step()

    assert (await attempts(to))[0].error == "the name nowhere.example.com cannot be resolved"


async def test_with_a_proxy_only_the_proxy_is_connected_to():
    with Receiver() as proxy:
        to = await hook("http://hooks.example.com/in")
        await happen(to)
        async with courier(allow_private=False, proxy=f"http://127.0.0.1:{proxy.port}") as it:
            await it.step()

    assert [r.path for r in proxy.received] == ["http://hooks.example.com/in"]
    assert await statuses(to) == ["delivered"]
