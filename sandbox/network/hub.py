"""The network itself: who exists, who is connected, and handing stanzas to devices.

It knows no feature; the features are functions that take a Network.
"""

import asyncio
import itertools
import logging
import secrets
import time

from sandbox.network.archive import Archive
from sandbox.network.connection import Connection, Link
from sandbox.network.errors import Refusal
from sandbox.network.faults import Faults
from sandbox.network.groups import Groups
from sandbox.network.journal import Journal
from sandbox.network.media_files import MediaFiles
from sandbox.network.model import PHONE_DEVICE, Device, Phone
from sandbox.network.store import Store
from sandbox.wire.encoder import encode_node
from sandbox.wire.jids import LID_SERVER, PHONE_SERVER, Jid
from sandbox.wire.nodes import Node
from sandbox.wire.noise import NoiseIdentity

log = logging.getLogger(__name__)

LID_DIGITS = 15
MEDIA_FOLDER, MEDIA_AUTH = "media", "media_auth"


class Network:
    """All phones and connections. Use from the thread of the running event loop only."""

    def __init__(self, store: Store, noise: NoiseIdentity, *, qr_refs: int) -> None:
        self.store = store
        self.noise = noise
        self.qr_refs = qr_refs
        self.faults = Faults(time.monotonic)
        self.journal = Journal()
        self.archive = Archive(store)
        self.media = MediaFiles(store.folder / MEDIA_FOLDER)
        self.media_auth = self._media_auth()
        """What uploads must show. Kept, because clients keep it for an hour."""
        self.groups = Groups(store)
        self.connections: set[Connection] = set()
        self.subscriptions: dict[str, set[Device]] = {}
        """Who wants to know about a phone's presence, by the phone's digits."""
        self.device_list_readers: dict[str, set[Device]] = {}
        """Who has cached a phone's device list, by the phone's digits."""
        self.presence_log: dict[str, list[dict[str, object]]] = {}
        """What each phone was told about others' presence; not kept over a restart."""
        self._phones = {phone.digits: phone for phone in store.phones()}
        self._by_lid = {phone.lid_user: phone for phone in self._phones.values()}
        self._stanza_numbers = itertools.count(1)
        self._commit_scheduled = False
        self._outgoing: list[tuple[Link, bytes]] = []

    def _media_auth(self) -> str:
        stored = self.store.secret(MEDIA_AUTH)
        if stored is None:
            stored = secrets.token_urlsafe(24).encode()
            self.store.save_secret(MEDIA_AUTH, stored)
        return stored.decode()

    # --- who exists

    @property
    def phones(self) -> list[Phone]:
        """All phones, in the order they were made."""
        return list(self._phones.values())

    def create_phone(self, digits: str, *, name: str, requires_passkey: bool) -> Phone:
        """A new phone. Raises Refusal (phone_exists)."""
        if digits in self._phones:
            raise Refusal("phone_exists", f"+{digits} exists already")
        phone = Phone.create(
            digits,
            name=name or f"Phone {digits[-4:]}",
            lid_user=self._new_lid(),
            now=self.now(),
            requires_passkey=requires_passkey,
        )
        self._phones[digits] = phone
        self._by_lid[phone.lid_user] = phone
        self.store.save_phone(phone)
        return phone

    def _new_lid(self) -> str:
        while True:
            lid = str(secrets.randbelow(9 * 10 ** (LID_DIGITS - 1)) + 10 ** (LID_DIGITS - 1))
            if lid not in self._by_lid:
                return lid

    def phone(self, digits: str) -> Phone:
        """The phone with these digits. Raises Refusal (unknown_phone)."""
        phone = self._phones.get(digits)
        if phone is None:
            raise Refusal("unknown_phone", f"there is no phone +{digits} in this network")
        return phone

    def find(self, jid: Jid) -> Phone | None:
        """The phone behind an address, by number or hidden id, whatever the device."""
        if jid.server == LID_SERVER:
            return self._by_lid.get(jid.user)
        return self._phones.get(jid.user) if jid.server == PHONE_SERVER else None

    def find_device(self, jid: Jid) -> Device | None:
        """The linked device at an address."""
        phone = self.find(jid)
        return phone.devices.get(jid.device) if phone else None

    # --- handing over stanzas

    def deliver(self, device: Device, node: Node, key: str) -> None:
        """Give a stanza to a device now or at its next login, until it settles `key`."""
        self.store.add_pending(
            device.phone.digits, device.number, tag=node.tag, key=key, body=encode_node(node)
        )
        if device.connection:
            device.connection.send(node)

    def hold_for_phone(self, phone: Phone, node: Node, key: str) -> None:
        """Keep a stanza for a phone that is offline."""
        self.store.add_pending(
            phone.digits, PHONE_DEVICE, tag=node.tag, key=key, body=encode_node(node)
        )

    # --- small services

    def now(self) -> int:
        """The network's time in seconds since 1970."""
        return int(time.time())

    def next_id(self) -> str:
        """An id for a stanza that the server starts."""
        return f"sandbox-{next(self._stanza_numbers)}"

    def write_after_commit(self, link: Link, data: bytes) -> None:
        """Send bytes to a client once everything written so far is durable."""
        self._outgoing.append((link, data))
        self.commit_soon()

    def commit_soon(self) -> None:
        """Commit at the end of this turn of the event loop."""
        if not self._commit_scheduled:
            self._commit_scheduled = True
            asyncio.get_running_loop().call_soon(self.commit)

    def commit(self) -> None:
        """Make what was written durable, then let clients hear of it."""
        self._commit_scheduled = False
        self.store.commit()
        outgoing, self._outgoing = self._outgoing, []
        for link, data in outgoing:
            link.write(data)
