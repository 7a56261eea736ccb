"""ClientPayload: what a client says about itself in the last handshake message.

Source: whatsmeow store/clientpayload.go and WAWebProtobufsWa6 (ClientPayload). Field 19 makes it
a registration (a new device that wants a QR code), otherwise it is the login of a known device.
"""

from dataclasses import dataclass

from sandbox.wire import protobuf, xeddsa
from sandbox.wire.errors import WireError
from sandbox.wire.key_nodes import PublicPrekey
from sandbox.wire.keys import DJB_TYPE

USERNAME, DEVICE, PAIRING_DATA = 1, 18, 19


@dataclass(frozen=True, slots=True)
class Login:
    """A device that was linked before: the phone number's digits and the device number."""

    user: str
    device: int


@dataclass(frozen=True, slots=True)
class Registration:
    """A device that is not linked yet, with the keys it will use."""

    registration: bytes
    identity: bytes
    signed_prekey: PublicPrekey


def read_payload(data: bytes) -> Login | Registration:
    """What the client wants. Raises WireError."""
    payload = protobuf.decode(data)
    if PAIRING_DATA not in payload:
        return Login(str(payload.integer(USERNAME)), payload.integer(DEVICE))
    pairing = payload.message(PAIRING_DATA)
    signed_prekey = PublicPrekey(
        int.from_bytes(pairing.sized(4, 3), "big"), pairing.sized(5, 32), pairing.sized(6, 64)
    )
    registration = Registration(pairing.sized(1, 4), pairing.sized(3, 32), signed_prekey)
    signed = DJB_TYPE + signed_prekey.public
    if not xeddsa.verify(registration.identity, signed, signed_prekey.signature):
        raise WireError("the signed prekey is not signed by the identity key")
    return registration
