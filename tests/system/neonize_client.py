"""One real neonize client in a process of its own, driven by JSON lines.

`NeonizeClient` is what tests use. The same file, run as a program, is the process: it reads
commands on standard input and writes events and answers to a pipe, because neonize prints to
standard output. Go reads its environment at exec, so proxy and CA are set there; the 32 bytes of
the pinned root key are replaced in this process's memory only.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PINNED_ROOT_KEY = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")
DEADLINE_SECONDS = 30.0


class NeonizeClient:
    """The test's end of the process. `events` keeps everything that was said, in order."""

    def __init__(self, network: Mapping[str, Any], database: Path, *, log_level: str = "WARNING"):
        self.events: list[dict[str, Any]] = []
        self._taken: set[int] = set()
        self._changed = threading.Condition()
        self._commands = 0
        self._ended = False
        reading, writing = os.pipe()
        environment = {
            key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")
        }
        environment |= {
            "HTTPS_PROXY": network["proxy_url"],
            "SSL_CERT_FILE": network["ca_file"],
            "SSL_CERT_DIR": "/nonexistent",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        pinned = network["noise_public_key"]
        self._log = database.with_suffix(".log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(database), pinned, log_level, str(writing)],
            env=environment,
            pass_fds=[writing],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
        )
        os.close(writing)
        self._reader = threading.Thread(target=self._read, args=(reading,), daemon=True)
        self._reader.start()

    def __enter__(self) -> NeonizeClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.process.wait(DEADLINE_SECONDS)
        self._reader.join(DEADLINE_SECONDS)
        if self.process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        self._log.close()

    def _read(self, descriptor: int) -> None:
        with os.fdopen(descriptor) as lines:
            for line in lines:
                with self._changed:
                    self.events.append(json.loads(line))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait(
        self,
        name: str,
        matches: Callable[[dict[str, Any]], bool] = lambda event: True,
        deadline: float = DEADLINE_SECONDS,
    ) -> dict[str, Any]:
        """The first event of this name that matches and was not waited for before."""
        end = time.monotonic() + deadline
        with self._changed:
            while True:
                for index, event in enumerate(self.events):
                    if index not in self._taken and event["event"] == name and matches(event):
                        self._taken.add(index)
                        return event
                left = end - time.monotonic()
                if self._ended or left <= 0 or not self._changed.wait(left):
                    names = [event["event"] for event in self.events]
                    raise TimeoutError(f"no {name} within {deadline} s, only {names}")

    def call(self, command: str, **arguments: Any) -> Any:
        """Run a command in the process; its result. Raises RuntimeError with neonize's error."""
        self._commands += 1
        number = self._commands
        request = {"command": command, "number": number, **arguments}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        answer = self.wait("answer", lambda event: event["number"] == number)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]


# --- the process


def _load_magic_stub() -> None:
    """neonize imports python-magic, which needs a shared library that may be missing."""
    try:
        import magic  # noqa: F401  whether it is there
    except ImportError:
        sys.modules["magic"] = types.ModuleType("magic")


def _trust(root_key: bytes) -> None:
    """Replace whatsmeow's pinned root key in this process's memory."""
    maps = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]
    library = {line[4] for line in maps if len(line) > 5 and "neonize-" in line[5]} - {"0"}
    found = 0
    for line in maps:
        if line[4] not in library or not line[1].startswith("rw"):
            continue
        start, end = (int(part, 16) for part in line[0].split("-"))
        position = ctypes.string_at(start, end - start).find(PINNED_ROOT_KEY)
        if position >= 0:
            ctypes.memmove(start + position, root_key, len(root_key))
            found += 1
    assert found == 1, f"the pinned root key was found {found} times"


def _run(database: str, root_key: bytes, log_level: str, events_fd: int) -> None:
    _load_magic_stub()
    from google.protobuf.json_format import MessageToDict
    from neonize import events
    from neonize.client import NewClient
    from neonize.utils import build_jid, enum, log

    from tests.system import neonize_contents, neonize_people

    log.setLevel(log_level)
    _trust(root_key)
    out = os.fdopen(events_fd, "w", buffering=1)
    lock = threading.Lock()

    def tell(event: str, **members: Any) -> None:
        with lock:
            out.write(json.dumps({"event": event, "at": time.time(), **members}) + "\n")

    class Client(NewClient):
        def _NewClient__onLoginStatus(self, uuid: int, status: int) -> None:
            tell("login_status", status=ctypes.string_at(status).decode())

    client = Client(database)
    client.received = {}  # the messages themselves, for commands that need more than JSON
    client.event.qr(lambda _, code: tell("qr", code=code.decode()))

    def listen(kind: Any) -> None:
        name = kind.__name__

        def heard(_: Any, message: Any) -> None:
            told = name
            if kind is events.MessageEv:
                client.received[message.Info.ID] = message
                # what the phone tells its companions (keys, history) is no message for people
                told = "PeerMessage" if message.Info.Category == "peer" else name
            tell(told, data=MessageToDict(message))

        client.event(kind)(heard)

    for kind in events.INT_TO_EVENT.values():
        if kind is not events.Device:
            listen(kind)

    def address(text: str) -> Any:
        user, _, server = text.partition("@")
        return build_jid(user.lstrip("+"), server or "s.whatsapp.net")

    def send(to: str, text: str) -> str:
        identifier: str = client.send_message(address(to), text).ID
        return identifier

    def read(chat: str, wa_id: str) -> None:
        receipt = enum.ReceiptType.READ
        client.mark_read(wa_id, chat=address(chat), sender=address(chat), receipt=receipt)

    def typing(to: str) -> None:
        state, media = enum.ChatPresence, enum.ChatPresenceMedia
        client.send_chat_presence(
            address(to), state.CHAT_PRESENCE_COMPOSING, media.CHAT_PRESENCE_MEDIA_TEXT
        )

    commands: dict[str, Callable[..., Any]] = {
        "pair_phone": lambda phone: client.PairPhone(phone, True),
        "send": send,
        "read": read,
        "typing": typing,
        "me": lambda: MessageToDict(client.get_me()),
        "picture": lambda of: MessageToDict(client.get_profile_picture(address(of))),
        "on_whatsapp": lambda phone: [
            MessageToDict(entry) for entry in client.is_on_whatsapp(phone)
        ],
        "available": lambda: client.send_presence(enum.Presence.AVAILABLE),
        "subscribe": lambda to: client.subscribe_presence(address(to)),
        "logout": client.logout,
        "disconnect": client.disconnect,
        **neonize_people.commands(client, address),
        **neonize_contents.commands(client, address),
    }

    def connect() -> None:
        try:
            client.connect()
            tell("returned")
        except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to see it
            tell("raised", error=repr(error))

    threading.Thread(target=connect, daemon=True).start()
    tell("started")
    for line in sys.stdin:
        request = json.loads(line)
        number, command = request.pop("number"), request.pop("command")
        try:
            tell("answer", number=number, result=commands[command](**request))
        except Exception as error:  # noqa: BLE001 - the test gets neonize's error as it is
            tell("answer", number=number, error=repr(error))
    os._exit(0)


if __name__ == "__main__":
    _run(sys.argv[1], bytes.fromhex(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
