"""Phones and the devices linked to them, and how they are written down.

A phone is device 0 of its account and has its own keys; companions are what clients become when
they pair. Documents are JSON-compatible; keys are hex.
"""

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.signal.agreement import OwnKeys
from sandbox.wire import xeddsa
from sandbox.wire.jids import LID_SERVER, Jid
from sandbox.wire.key_nodes import KeyBundle, PublicPrekey
from sandbox.wire.keys import DJB_TYPE, KeyPair

if TYPE_CHECKING:
    from sandbox.network.connection import Connection

PHONE_DEVICE = 0
MAX_DEVICES = 99
"""Device numbers are one byte on the wire; WhatsApp itself allows far fewer companions."""
SIGNED_PREKEY_ID = 1


@dataclass(slots=True, eq=False)
class Device:
    """A linked companion. `connection` is set while it is logged in."""

    phone: "Phone"
    number: int
    noise_key: bytes
    registration: bytes
    identity: bytes
    signed_prekey: PublicPrekey
    signed_identity: bytes
    available: bool = False
    connection: "Connection | None" = None

    @property
    def jid(self) -> Jid:
        """The device by phone number."""
        return self.phone.jid.at_device(self.number)

    @property
    def lid(self) -> Jid:
        """The device by hidden id; whatsmeow prefers this one."""
        return self.phone.lid.at_device(self.number)

    def bundle(self, one_time_prekey: PublicPrekey | None) -> KeyBundle:
        """The public keys for a new session with this device."""
        return KeyBundle(
            self.registration,
            self.identity,
            self.signed_prekey,
            one_time_prekey,
            self.signed_identity,
        )

    def to_document(self) -> dict[str, Any]:
        """What is stored of a device."""
        prekey = self.signed_prekey
        return {
            "noise_key": self.noise_key.hex(),
            "registration": self.registration.hex(),
            "identity": self.identity.hex(),
            "signed_prekey": [prekey.id, prekey.public.hex(), prekey.signature.hex()],
            "signed_identity": self.signed_identity.hex(),
        }

    @classmethod
    def from_document(cls, phone: "Phone", number: int, document: dict[str, Any]) -> "Device":
        """The device that `to_document` wrote."""
        key = bytes.fromhex
        prekey_id, public, signature = document["signed_prekey"]
        return cls(
            phone=phone,
            number=number,
            noise_key=key(document["noise_key"]),
            registration=key(document["registration"]),
            identity=key(document["identity"]),
            signed_prekey=PublicPrekey(prekey_id, key(public), key(signature)),
            signed_identity=key(document["signed_identity"]),
        )


@dataclass(slots=True, eq=False)
class Phone:
    """A virtual phone: owns the account's identity and links companions."""

    digits: str
    lid_user: str
    name: str
    identity: KeyPair
    signed_prekey: KeyPair
    registration: int
    raw_id: int
    created: int
    requires_passkey: bool = False
    online: bool = True
    next_device: int = 1
    picture_id: str = ""
    about: str = "Hey there! I am using WhatsApp."
    devices: dict[int, Device] = field(default_factory=dict)

    @classmethod
    def create(
        cls, digits: str, *, name: str, lid_user: str, now: int, requires_passkey: bool
    ) -> "Phone":
        """A new phone with fresh keys."""
        return cls(
            digits=digits,
            lid_user=lid_user,
            name=name,
            identity=KeyPair.generate(),
            signed_prekey=KeyPair.generate(),
            registration=secrets.randbelow(0x3FFF) + 1,
            raw_id=secrets.randbits(24),
            created=now,
            requires_passkey=requires_passkey,
        )

    @property
    def number(self) -> str:
        """E.164, with the plus."""
        return f"+{self.digits}"

    @property
    def jid(self) -> Jid:
        """The account by phone number."""
        return Jid(self.digits)

    @property
    def lid(self) -> Jid:
        """The account by hidden id."""
        return Jid(self.lid_user, LID_SERVER)

    @property
    def keys(self) -> OwnKeys:
        """What the phone itself uses as a Signal peer."""
        return OwnKeys(self.identity, self.registration, SIGNED_PREKEY_ID, self.signed_prekey)

    def owns(self, jid: Jid) -> bool:
        """Whether the address, whatever its device, is this account."""
        return jid.bare in (self.jid, self.lid)

    def renew_keys(self) -> None:
        """Become another Signal peer, as after an installation; companions must go before."""
        self.identity = KeyPair.generate()
        self.signed_prekey = KeyPair.generate()
        self.registration = secrets.randbelow(0x3FFF) + 1
        self.raw_id = secrets.randbits(24)

    def bundle(self) -> KeyBundle:
        """The public keys for a new session with the phone itself (no one-time prekeys)."""
        public = self.signed_prekey.public
        signature = xeddsa.sign(self.identity.private, DJB_TYPE + public)
        signed = PublicPrekey(SIGNED_PREKEY_ID, public, signature)
        return KeyBundle(self.registration.to_bytes(4, "big"), self.identity.public, signed, None)

    def to_document(self) -> dict[str, Any]:
        """What is stored of a phone, without its devices."""
        return {
            "lid_user": self.lid_user,
            "name": self.name,
            "identity": self.identity.private.hex(),
            "signed_prekey": self.signed_prekey.private.hex(),
            "registration": self.registration,
            "raw_id": self.raw_id,
            "created": self.created,
            "requires_passkey": self.requires_passkey,
            "online": self.online,
            "next_device": self.next_device,
            "picture_id": self.picture_id,
            "about": self.about,
        }

    @classmethod
    def from_document(cls, digits: str, document: dict[str, Any]) -> "Phone":
        """The phone that `to_document` wrote."""
        values = dict(document)
        for name in ("identity", "signed_prekey"):
            values[name] = KeyPair.from_private(bytes.fromhex(values[name]))
        return cls(digits=digits, **values)
