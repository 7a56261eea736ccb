"""A connected number of ours, a friend's phone, and what tests of the engine ask of both."""

import base64
import hashlib
import uuid

from sessions_mgr.worker.transfers import CHUNK_BYTES
from tests.system.worker_lab import until

WAVEFORM = base64.b64encode(bytes(range(64))).decode()
JPEG = b"\xff\xd8\xff\xe0" + bytes(500)


def b64(data):
    return base64.b64encode(data).decode()


class Line:
    def __init__(self, lab):
        self.lab = lab
        self.account, self.phone = lab.paired()
        self.friend = lab.phone()
        self.friend_lid = lab.phones.phone(self.friend)["lid"]

    def says(self, kind, *, to=None, **members):
        return self.lab.phones.send_one(self.friend, to or self.phone, kind, **members)

    def heard(self, wa_id, kind="message_received"):
        """The data of the fact with this message id."""
        return until(
            lambda: [
                f["data"]
                for f in self.lab.listener.of(self.account, kind)
                if f["data"].get("wa_id") == wa_id
            ],
            lambda: f"{kind} {wa_id}; log: {self.lab.log(self.account)[-1500:]}",
        )[0]

    def ask(self, op, seconds=30.0, **args):
        reply = self.lab.nats.request(self.account, op, seconds, **args)
        assert reply["ok"], reply
        return reply["result"]

    def error(self, op, **args):
        reply = self.lab.nats.request(self.account, op, 30.0, **args)
        assert not reply["ok"], reply
        return reply["error"]

    def order(self, content, to=None, request_id=None):
        return {
            "request_id": request_id or str(uuid.uuid4()),
            "to": to or self.friend,
            "content": content,
        }

    def sends(self, content, to=None):
        """Send; (answer, how it arrived at the friend's phone)."""
        answer = self.ask("send", **self.order(content, to))
        return answer, self.arrived(answer["wa_id"])

    def arrived(self, wa_id, phone=None):
        def find():
            entries = self.lab.phones.inbox(phone or self.friend, newest_first=True)
            return [entry for entry in entries if entry["wa_id"] == wa_id]

        return until(find, f"{wa_id} at {phone or self.friend}")[0]

    def last_message_stanza(self):
        """The journal's id of the last message that our number said to the network, answered
        or not."""
        return max(
            entry["id"]
            for entry in self.lab.phones.stanzas()
            if (entry["direction"], entry["tag"]) == ("in", "message")
            and entry["device"].startswith(self.phone.lstrip("+"))
        )

    def uploads(self, data):
        upload_id = uuid.uuid4().hex
        self.ask("upload_begin", upload_id=upload_id, size=len(data))
        for start in range(0, len(data), CHUNK_BYTES):
            piece = data[start : start + CHUNK_BYTES]
            self.ask("upload_chunk", upload_id=upload_id, offset=start, data=b64(piece))
        return upload_id

    def downloads(self, locator, size):
        media_id = uuid.uuid4().hex
        begun = self.ask("download_begin", media_id=media_id, locator=locator, max_bytes=10**7)
        assert begun["size"] == size
        data, eof = b"", False
        while not eof:
            piece = self.ask(
                "download_chunk", media_id=media_id, offset=len(data), length=CHUNK_BYTES
            )
            data += base64.b64decode(piece["data"])
            eof = piece["eof"]
        self.ask("download_end", media_id=media_id)
        assert hashlib.sha256(data).hexdigest() == begun["sha256"]
        return data
