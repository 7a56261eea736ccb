"""The sandbox's own certificate authority and the server certificate for WhatsApp's host names.

The authority is made once and kept; the server certificate is made anew at every start.
"""

import datetime
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

HOSTS = (
    "web.whatsapp.com",
    "*.web.whatsapp.com",
    "*.whatsapp.com",
    "*.whatsapp.net",
    "localhost",
)
AUTHORITY_DAYS = 3_650
SERVER_DAYS = 397
AUTHORITY_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Switchboard sandbox CA")])
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Authority:
    """The certificate authority; both parts as PEM."""

    certificate: bytes
    key: bytes

    @classmethod
    def create(cls) -> "Authority":
        """A new authority that nothing but the sandbox's clients trusts."""
        key = ec.generate_private_key(ec.SECP256R1())
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        certificate = (
            _builder(AUTHORITY_NAME, AUTHORITY_DAYS)
            .public_key(key.public_key())
            .add_extension(constraints, critical=True)
            .sign(key, SHA256())
        )
        return cls(certificate.public_bytes(Encoding.PEM), _private_pem(key))

    def server_context(self) -> ssl.SSLContext:
        """A TLS context that proves to be any of the hosts. Only HTTP/1.1 is offered."""
        authority_key = load_pem_private_key(self.key, None)
        if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
            raise ValueError("the stored authority key is of another kind")
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOSTS[0])])
        certificate = (
            _builder(subject, SERVER_DAYS)
            .public_key(key.public_key())
            .add_extension(names, critical=False)
            .sign(authority_key, SHA256())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "server.pem"
            path.touch(mode=0o600)
            path.write_bytes(certificate.public_bytes(Encoding.PEM) + _private_pem(key))
            context.load_cert_chain(path)
        return context


def _builder(subject: x509.Name, days: int) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(AUTHORITY_NAME)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + days * _DAY)
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
