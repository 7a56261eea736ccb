"""Receives webhooks of Switchboard: WEBHOOK_SECRET=whsec_… python receiver.py"""

import base64
import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

KEY = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
TOLERANCE = 300  # seconds: older requests may be replayed by somebody who listened


def verify(headers, body: bytes) -> bool:
    event_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if not event_id or not (timestamp or "").isdigit():
        return False
    if abs(time.time() - int(timestamp)) > TOLERANCE:
        return False
    signed = f"{event_id}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()
    # During a rotation there are two signatures, separated by a space.
    return any(
        hmac.compare_digest(signature, f"v1,{expected}")
        for signature in (headers["webhook-signature"] or "").split(" ")
    )


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not verify(self.headers, body):
            self.send_response(401)
            self.end_headers()
            return
        event = json.loads(body)
        # Remember event["id"]: the same event may come twice, always with the same id.
        print(event["seq"], event["type"], event["id"], flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Handler).serve_forever()
