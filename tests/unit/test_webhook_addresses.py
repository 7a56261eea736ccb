"""Where a webhook may go: every spelling of a private address is refused."""

from __future__ import annotations

import pytest

from egress.addresses import Refused, check_address, parse

PRIVATE_URLS = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://0/",
    "http://0.0.0.0/",
    "http://127.0.0.1./",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://foo.localhost/",
    "http://router.local/",
    "http://metadata.google.internal/computeMetadata/",
    "http://intranet/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.254/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://198.18.0.1/",
    "http://192.0.0.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[fc00::1]/",
    "http://[fd12:3456::1]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    "http://[100::1]/",
    "http://[5f00::1]/",
]
MALFORMED_URLS = [
    "",
    "hook",
    "//example.com/hook",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "unix:///var/run/docker.sock",
    "http://",
    "http:///path",
    "http://example.com:0x50/",
    "http://example.com:99999/",
    "http://user:pass@example.com/",
    "http://user@example.com/",
    "http://example.com\\@127.0.0.1/",
    "http://exa mple.com/",
    "http://example.com/\r\nHost: evil",
    "http://example.com/\0",
    "http://exämple.com/",
    "http://example..com/",
    "http://-/",
    "http://example.com/#fragment",
    "http://[::1",
    "http://[zz::1]/",
    "http://1.2.3.4.5/",
    "http://256.1.1.1/",
    "https://example.com/" + "a" * 2000,
]


@pytest.mark.parametrize("url", PRIVATE_URLS + MALFORMED_URLS)
def test_is_refused(url):
    with pytest.raises(Refused):
        parse(url)


@pytest.mark.parametrize("port", [0, 22, 25, 53, 111, 445, 1433, 3306, 5432, 6379, 9200, 27017])
def test_ports_of_other_services_are_refused(port):
    with pytest.raises(Refused):
        parse(f"http://example.com:{port}/")


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://example.com", "example.com", "/"),
        ("https://Example.COM/a?b=c", "example.com", "/a?b=c"),
        ("http://example.com:8080/hook", "example.com:8080", "/hook"),
        ("https://example.com:443/", "example.com", "/"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", "/"),
        ("http://8.8.8.8/", "8.8.8.8", "/"),
        ("http://[2606:4700:4700::1111]:8443/x", "[2606:4700:4700::1111]:8443", "/x"),
    ],
)
def test_public_urls_pass(url, authority, path):
    target = parse(url)

    assert (target.authority, target.path) == (authority, path)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:5000/", "http://localhost:3/", "http://[::1]:9/", "http://box/"]
)
def test_private_urls_pass_where_they_are_allowed(url):
    assert parse(url, allow_private=True)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://a:b@127.0.0.1/", "http://127.1/"])
def test_the_form_counts_everywhere(url):
    with pytest.raises(Refused):
        parse(url, allow_private=True)


@pytest.mark.parametrize("address", ["fe80::1%eth0", "::ffff:10.0.0.1", "10.1.2.3"])
def test_resolved_addresses_are_judged_too(address):
    with pytest.raises(Refused):
        check_address(address)
