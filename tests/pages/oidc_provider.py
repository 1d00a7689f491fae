"""A small OpenID Connect provider on a real socket: discovery, authorization with PKCE, tokens signed by RS256, keys.

Whoever comes to its log-in page is `person`; a test may have it lie (`claims`, `key`, `algorithm`, `metadata`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "hymio", "a secret of ours"


@cache
def rsa_key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name})


@dataclass
class Provider:
    """What it says, and what it was asked."""

    url: str = ""
    person: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    """Instead of those that are right; None: without it."""
    key: str = "right"
    algorithm: str = "RS256"
    metadata: dict[str, Any] = field(default_factory=dict)
    asked: list[Mapping[str, str]] = field(default_factory=list)
    codes: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def about(self) -> dict[str, Any]:
        right = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }
        return {**right, **self.metadata}

    def code(self, query: Mapping[str, str]) -> str:
        """Somebody has logged in: where the browser goes then."""
        assert query["client_id"] == CLIENT and query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256" and "openid" in query["scope"].split()
        code = secrets.token_urlsafe(8)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: Mapping[str, str], authorization: str) -> dict[str, Any] | None:
        """What a code is good for, once; None: nothing."""
        self.asked.append(form)
        begun = self.codes.pop(form.get("code", ""), None)
        made = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        basic = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if begun is None or begun["code_challenge"] != made.decode() or authorization != basic:
            return None
        if form.get("redirect_uri") != begun["redirect_uri"]:
            return None
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": begun["nonce"], **self.person}
        claims = {name: value for name, value in {**claims, **self.claims}.items() if value is not None}
        if self.algorithm == "HS256":
            signed = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET), algorithms=["HS256"])
        elif self.algorithm == "none":
            head, body = (
                base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode()
                for one in ({"alg": "none"}, claims)
            )
            signed = f"{head}.{body}."
        else:
            signed = jwt.encode({"alg": "RS256", "kid": "right"}, claims, rsa_key(self.key))
        return {"access_token": "x", "token_type": "Bearer", "id_token": signed}


@contextmanager
def provider() -> Iterator[Provider]:
    """One that runs."""
    known = Provider()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, query = urlsplit(self.path).path, urlsplit(self.path).query
            if path == "/authorize":
                self.send_response(303)
                self.send_header("Location", known.code({name: one[0] for name, one in parse_qs(query).items()}))
                self.end_headers()
            elif path == "/.well-known/openid-configuration":
                self.say(known.about())
            elif path == "/keys":
                self.say({"keys": [rsa_key("right").as_dict(private=False)]})
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: one[0] for name, one in parse_qs(body).items()}
            found = known.token(form, self.headers.get("Authorization", ""))
            self.say(found or {"error": "invalid_grant"}, 200 if found else 400)

        def say(self, value: Any, status: int = 200) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    known.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
