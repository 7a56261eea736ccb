"""The Signal sessions of virtual phones with single devices: encrypting, and starting anew."""

from sandbox.network.hub import Network
from sandbox.network.model import Phone
from sandbox.network.prekeys import take_bundle
from sandbox.signal.session import Session
from sandbox.wire.jids import Jid
from sandbox.wire.key_nodes import KeyBundle


def encrypt(network: Network, sender: Phone, address: Jid, plaintext: bytes) -> tuple[str, bytes]:
    """The kind (pkmsg or msg) and the ciphertext for the device at `address`.

    Raises LookupError when the address has no keys.
    """
    session = network.store.session(sender.digits, str(address))
    if session is None:
        bundle = take_bundle(network, address)
        if bundle is None:
            raise LookupError(f"{address} has no keys")
        session = start(network, sender, address, bundle)
    kind, ciphertext = session.encrypt(sender.keys, plaintext)
    network.store.save_session(sender.digits, str(address), session)
    return kind, ciphertext


def start(network: Network, sender: Phone, address: Jid, bundle: KeyBundle) -> Session:
    """Make a new session the current one; the old ones can still be read."""
    session = network.store.session(sender.digits, str(address)) or Session()
    session.start(sender.keys, bundle)
    network.store.save_session(sender.digits, str(address), session)
    return session
