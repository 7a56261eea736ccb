import pytest

from sessions_mgr.supervision.networks import SandboxNetwork, zygote_environment
from sessions_mgr.worker.sandbox_guard import (
    WrongNetwork,
    check,
    initial_environment,
    is_loopback,
)

ANCHOR = "ab" * 32
PROXY = "http://127.0.0.1:4321"
SANDBOX = zygote_environment({"PATH": "/bin"}, SandboxNetwork(PROXY, "/ca.pem", ANCHOR))
LIVE = zygote_environment({"PATH": "/bin", "HTTPS_PROXY": "http://proxy.example:8080"})


def guard(environment, anchor=ANCHOR, proxy=""):
    check(trust_anchor=anchor, proxy_url=proxy, environment=environment)


def test_a_sandbox_worker_runs_in_the_sandbox_and_a_live_one_outside():
    guard(SANDBOX, proxy=PROXY)
    guard(LIVE, anchor="", proxy="socks5://proxy.example:1080")


@pytest.mark.parametrize(
    ("environment", "anchor", "proxy"),
    [
        pytest.param(SANDBOX, "", "", id="a live worker in the sandbox"),
        pytest.param(LIVE, ANCHOR, "", id="a trust anchor in a live process"),
        pytest.param({}, ANCHOR, "", id="a trust anchor in a process nobody prepared"),
        pytest.param(SANDBOX, ANCHOR, "http://8.8.8.8:80", id="the account leads elsewhere"),
        pytest.param(
            SANDBOX | {"HTTPS_PROXY": "http://8.8.8.8:80"}, ANCHOR, "", id="the proxy leads out"
        ),
        pytest.param(SANDBOX | {"https_proxy": ""}, ANCHOR, "", id="no proxy in small letters"),
        pytest.param(SANDBOX | {"NO_PROXY": "*"}, ANCHOR, "", id="a way around the proxy"),
        pytest.param(SANDBOX | {"all_proxy": "socks5://x"}, ANCHOR, "", id="another proxy"),
    ],
)
def test_anything_in_between_is_refused(environment, anchor, proxy):
    with pytest.raises(WrongNetwork):
        guard(environment, anchor, proxy)


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("http://127.0.0.1:1", True),
        ("http://[::1]:1", True),
        ("http://localhost:1", True),
        ("http://127.0.0.1.example.com:1", False),
        ("http://localhost.example.com", False),
        ("http://10.0.0.1:1", False),
        ("", False),
        ("127.0.0.1:1", False),
    ],
)
def test_what_counts_as_loopback(url, inside):
    assert is_loopback(url) is inside


def test_the_environment_is_the_one_of_exec_and_not_what_python_made_of_it(monkeypatch):
    monkeypatch.setenv("SWITCHBOARD_NETWORK", "sandbox")
    assert initial_environment().get("SWITCHBOARD_NETWORK") != "sandbox"


def test_no_secret_of_the_application_reaches_a_worker():
    outer = {
        "SECRET_KEY": "x",
        "DATABASE_URL": "x",
        "NATS_TOKEN": "x",
        "PATH": "/bin",
        "LC_ALL": "C",
    }
    inner = zygote_environment(outer)
    assert {"PATH", "LC_ALL"} <= inner.keys()
    assert not {"SECRET_KEY", "DATABASE_URL", "NATS_TOKEN"} & inner.keys()


def test_a_sandbox_zygote_knows_no_certificate_but_the_sandbox_s():
    outer = {"SSL_CERT_FILE": "/real", "SSL_CERT_DIR": "/real", "NO_PROXY": "*", "ALL_PROXY": "x"}
    inner = zygote_environment(outer, SandboxNetwork(PROXY, "/ca.pem", ANCHOR))
    assert (inner["SSL_CERT_FILE"], inner["SSL_CERT_DIR"]) == ("/ca.pem", "/nonexistent")
    assert not {"NO_PROXY", "ALL_PROXY"} & inner.keys()


def test_a_sandbox_elsewhere_is_refused():
    with pytest.raises(ValueError, match="not on this machine"):
        zygote_environment({}, SandboxNetwork("http://10.0.0.1:1", "/ca.pem", ANCHOR))


def test_a_network_file_that_is_being_written_is_not_there_yet(tmp_path):
    file = tmp_path / "network.json"
    assert SandboxNetwork.read(file) is None
    file.write_text('{"proxy_url": "http')
    assert SandboxNetwork.read(file) is None
