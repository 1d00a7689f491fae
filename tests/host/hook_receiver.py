"""A program that takes webhooks and verifies who they are from, as a CRM would."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def verified(secret: str, headers: Any, body: bytes) -> bool:
    """As the specification has it, written without a look at ours."""
    signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    right = base64.b64encode(hmac.digest(base64.b64decode(secret.split("_", 1)[1]), signed, hashlib.sha256)).decode()
    return any(hmac.compare_digest(f"v1,{right}", one) for one in headers["webhook-signature"].split())


@dataclass
class Receiver:
    """What came, and how it is answered."""

    secret: str = ""
    taken: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """(id, body) of each message that was from us."""
    asked: list[str] = field(default_factory=list)
    """(path) of every request."""
    answer: Callable[[str], tuple[int, dict[str, str]]] = lambda _id: (204, {})
    url: str = ""

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.asked.append(request.path)
        uid = request.headers.get("webhook-id", "")
        status, headers = self.answer(uid)
        if self.secret and not verified(self.secret, request.headers, body):
            status = 401
        if 200 <= status < 300:
            self.taken.append((uid, json.loads(body)))
        request.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            request.send_header(name, value)
        request.end_headers()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver at a port of its own."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.handle(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
