#!/usr/bin/env bash
# Apprise 2.3.0 (PyPI, requests 2.34): a notification to json://, form:// or xml:// that is answered by a redirection (301,
# 302 or 303) arrives nowhere, and notify() says SUCCESS.
#
# Behaviour: the POST goes to the address that was given. The redirection is followed with a GET that has no body; what
#   that answers (a log-in page, "it works") counts as the answer to the notification. With 307 or 308 the message is sent
#   again and does arrive.
# Why it matters: a receiver that moves behind https, or whose session has ended, redirects by 301 or 302, as most proxies
#   do. From then on each alert is recorded as delivered, so nothing is retried, nothing escalates, and the person on call
#   is not told. Whoever delivers alerts by it has to look for the receiver's own acknowledgement, or to send to it without
#   redirections.
# Seen: "302: SUCCESS, POST /old with the message, GET /new without it", and the other lines behind SEEN below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'apprise==2.3.0' 'requests==2.34.2'
cat >"$work/redirected.py" <<'PY'
import logging
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import apprise

logging.disable(logging.CRITICAL)
came, status = [], 200


class Receiver(BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        came.append(f"{self.command} {self.path} {'with the message' if b'till-3' in body else 'without it'}")
        is_old = self.path == "/old"
        self.send_response(status if is_old else 200)
        if is_old and status >= 300:
            self.send_header("Location", "/new")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Receiver)
Thread(target=server.serve_forever, daemon=True).start()
for kind in ("json", "form", "xml"):
    for status in (200, 301, 302, 303, 307, 308):
        came.clear()
        to = apprise.Apprise()
        assert to.add(f"{kind}://127.0.0.1:{server.server_port}/old")
        result = to.notify(title="Alert", body="Unhappy votes at till-3")
        print(f"{kind} {status}: {'SUCCESS' if result else 'FAILURE'}, {', '.join(came)}")
server.shutdown()
PY
timeout 120 "$work/venv/bin/python" "$work/redirected.py" | tee "$work/out"
for kind in json form xml; do
    sed "s/^/$kind /" <<'SEEN'
200: SUCCESS, POST /old with the message
301: SUCCESS, POST /old with the message, GET /new without it
302: SUCCESS, POST /old with the message, GET /new without it
303: SUCCESS, POST /old with the message, GET /new without it
307: SUCCESS, POST /old with the message, POST /new with the message
308: SUCCESS, POST /old with the message, POST /new with the message
SEEN
done >"$work/seen"
diff "$work/seen" "$work/out"
echo "as described"
