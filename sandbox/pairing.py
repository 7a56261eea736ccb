"""Linking a device: the QR text, and the signatures that bind phone and companion (ADV).

Source: whatsmeow pair.go and WAAdv.proto. The phone signs the companion's identity key, the
companion answers with its own signature, and the secret in the QR code authenticates the first.
"""

import base64
import binascii
from dataclasses import dataclass

from sandbox.wire import protobuf, xeddsa
from sandbox.wire.errors import WireError
from sandbox.wire.keys import KeyPair, mac

ACCOUNT_SIGNATURE_PREFIX = b"\x06\x00"
DEVICE_SIGNATURE_PREFIX = b"\x06\x01"
END_TO_END = 0
"""ADVEncryptionType: the account is not hosted."""


class PairingError(Exception):
    """The code or the companion's answer is not acceptable."""


@dataclass(frozen=True, slots=True)
class QrCode:
    """The content of a QR code: which connection, and the keys behind it."""

    ref: str
    noise_key: bytes
    identity: bytes
    adv_secret: bytes


def parse_qr(text: str) -> QrCode:
    """Read `https://wa.me/settings/linked_devices#ref,noise,identity,secret,type`.

    The URL part and the client type are optional, as older clients leave them out.
    Raises PairingError.
    """
    parts = text.rpartition("#")[2].split(",")
    if len(parts) < 4 or not parts[0]:
        raise PairingError("not a linking code: expected ref,noise,identity,secret")
    try:
        keys = [base64.b64decode(part, validate=True) for part in parts[1:4]]
    except (binascii.Error, ValueError) as error:
        raise PairingError("not a linking code: a key is not base64") from error
    if any(len(key) != 32 for key in keys):
        raise PairingError("not a linking code: a key is not 32 bytes")
    return QrCode(parts[0], *keys)


@dataclass(frozen=True, slots=True)
class IdentityOffer:
    """A device identity signed by the phone, until the companion has signed it too."""

    companion_identity: bytes
    account_key: bytes
    details: bytes
    signed: bytes

    @classmethod
    def sign(
        cls, account: KeyPair, companion_identity: bytes, *, raw_id: int, key_index: int, now: int
    ) -> "IdentityOffer":
        """The phone's statement that this identity is its device number `key_index`."""
        details = protobuf.encode(
            [(1, raw_id), (2, now), (3, key_index), (4, END_TO_END), (5, END_TO_END)]
        )
        signature = xeddsa.sign(
            account.private, ACCOUNT_SIGNATURE_PREFIX + details + companion_identity
        )
        signed = protobuf.encode([(1, details), (2, account.public), (3, signature)])
        return cls(companion_identity, account.public, details, signed)

    def authenticated(self, adv_secret: bytes) -> bytes:
        """ADVSignedDeviceIdentityHMAC: what goes into pair-success."""
        return protobuf.encode([(1, self.signed), (2, mac(adv_secret, self.signed))])

    def accept(self, answer: bytes) -> bytes:
        """Check the companion's half; the result is what other devices get to see.

        Raises PairingError when the signature is not the companion's.
        """
        try:
            signature = protobuf.decode(answer).data(4)
        except WireError as error:
            raise PairingError("the companion's identity is not protobuf") from error
        signed = DEVICE_SIGNATURE_PREFIX + self.details + self.companion_identity + self.account_key
        if not xeddsa.verify(self.companion_identity, signed, signature):
            raise PairingError("the companion's signature does not verify")
        return answer
