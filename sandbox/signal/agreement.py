"""X3DH: the first shared secret of a session, from either side.

Source: the Signal specification "The X3DH Key Agreement Protocol"; in message version 3 the secret
is prefixed by 32 bytes 0xFF and expanded with the info `WhisperText`.
"""

from dataclasses import dataclass

from sandbox.signal.errors import SignalError
from sandbox.signal.ratchet import ROOT_INFO, Chain, RatchetState
from sandbox.wire import xeddsa
from sandbox.wire.errors import WireError
from sandbox.wire.key_nodes import KeyBundle
from sandbox.wire.keys import DJB_TYPE, KeyPair, derive

DISCONTINUITY = b"\xff" * 32
SECRET_INFO = b"WhisperText"


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """The keys of the device that runs this peer. It publishes no one-time prekeys."""

    identity: KeyPair
    registration: int
    signed_prekey_id: int
    signed_prekey: KeyPair


def initiate(own: OwnKeys, bundle: KeyBundle) -> tuple[RatchetState, bytes]:
    """The state of a session with the owner of `bundle`, and the public base key to tell them.

    Raises SignalError when the signed prekey is not signed by the identity.
    """
    signed_prekey = bundle.signed_prekey
    signed = DJB_TYPE + signed_prekey.public
    if not xeddsa.verify(bundle.identity, signed, signed_prekey.signature):
        raise SignalError("the signed prekey is not signed by its identity")
    base = KeyPair.generate()
    secret = (
        own.identity.agree(signed_prekey.public)
        + base.agree(bundle.identity)
        + base.agree(signed_prekey.public)
    )
    if bundle.one_time_prekey:
        secret += base.agree(bundle.one_time_prekey.public)
    root, chain = _expand(secret)
    ratchet = KeyPair.generate()
    out = derive(ratchet.agree(signed_prekey.public), 64, salt=root, info=ROOT_INFO)
    state = RatchetState(
        our_identity=own.identity.public,
        their_identity=bundle.identity,
        root=out[:32],
        ratchet=ratchet,
        sending=Chain(out[32:]),
        receiving={signed_prekey.public: chain},
    )
    return state, base.public


def respond(own: OwnKeys, their_identity: bytes, base_key: bytes) -> RatchetState:
    """The state of a session that the other side started. Raises SignalError."""
    try:
        secret = (
            own.signed_prekey.agree(their_identity)
            + own.identity.agree(base_key)
            + own.signed_prekey.agree(base_key)
        )
    except WireError as error:
        raise SignalError("the base key is not usable") from error
    root, chain = _expand(secret)
    return RatchetState(
        our_identity=own.identity.public,
        their_identity=their_identity,
        root=root,
        ratchet=own.signed_prekey,
        sending=chain,
    )


def _expand(secret: bytes) -> tuple[bytes, Chain]:
    out = derive(DISCONTINUITY + secret, 64, info=SECRET_INFO)
    return out[:32], Chain(out[32:])
