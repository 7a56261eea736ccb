"""The network's long-lived secrets: made at the first start, kept in the store."""

from sandbox.network.store import Store
from sandbox.tls import Authority
from sandbox.wire.keys import KeyPair
from sandbox.wire.noise import NoiseIdentity


def load_noise_identity(store: Store) -> NoiseIdentity:
    """The root key that clients pin, and the server's keys below it."""
    return NoiseIdentity(
        root=_key_pair(store, "noise_root"),
        intermediate=_key_pair(store, "noise_intermediate"),
        static=_key_pair(store, "noise_static"),
    )


def _key_pair(store: Store, name: str) -> KeyPair:
    private = store.secret(name)
    if private is None:
        private = KeyPair.generate().private
        store.save_secret(name, private)
    return KeyPair.from_private(private)


def load_authority(store: Store) -> Authority:
    """The certificate authority that clients trust for TLS."""
    certificate, key = store.secret("tls_certificate"), store.secret("tls_key")
    if certificate is None or key is None:
        authority = Authority.create()
        store.save_secret("tls_certificate", authority.certificate)
        store.save_secret("tls_key", authority.key)
        return authority
    return Authority(certificate, key)
