"""`hymio serve`: figures and feedback over HTTP."""

from __future__ import annotations

import ipaddress
import math
import socket
from pathlib import Path

from hymio.common.addresses import parse_listen
from hymio.common.errors import NO_SERVICE, WRONG_USE, Failure
from hymio.common.extras import missing_extra
from hymio.common.output import note, print_json, print_line, seconds_running
from hymio.store.database import open_store
from hymio.store.tokens import stored_tokens

_AT_ONCE: float = 20
"""Requests that may come at once after a pause, in seconds of the rate."""


def run_serve(
    db: str, listen: str, cert: Path | None, key: Path | None, rate: float, always_token: bool, as_json: bool
) -> None:
    """Serves until SIGINT or SIGTERM; prints `ready` when it can be used.

    Raises:
        Failure: 2 it is a bad address or certificate, or the extra is not installed; 4 the port is taken, or there is
            no database; 5 a newer hymio wrote it.
    """
    host, port = parse_listen(listen)
    if math.isnan(rate):  # neither below the least nor above the most
        raise Failure(WRONG_USE, "--rate: expected a number of requests a second, came nan.", "For example: --rate 200")
    try:
        from hymio.serve.app import create_app
        from hymio.serve.http_server import HttpServer, tls_of
        from hymio.serve.rate_limits import RateLimit
        from hymio.serve.serving import Serving
    except ModuleNotFoundError as error:
        raise missing_extra("serve", error) from error
    tls = tls_of(cert, key)
    store = open_store(db)
    try:
        with store.reading() as connection:
            has_token = any(stored_tokens(connection))
        _tell(host, tls is not None, always_token, has_token)
        with _bound(host, port) as listener:
            url = _url("http" if tls is None else "https", host, listener.getsockname()[1])

            def on_ready() -> None:
                if as_json:
                    print_json({"event": "ready", "t": seconds_running(), "url": url})
                else:
                    print_line(f"{url}/v2 and {url}/api/v1 are served. Ctrl-C ends it.")

            serving = Serving(store)
            server = HttpServer(create_app(serving, RateLimit(rate, rate * _AT_ONCE), always_token), tls, on_ready)
            serving.is_ending = lambda: server.should_exit
            server.run(sockets=[listener])
    finally:
        store.close()


def _tell(host: str, has_tls: bool, always_token: bool, has_token: bool) -> None:
    """What who starts it should know of who can come, and how."""
    if _is_loopback(host) and not always_token:
        return
    if not has_token:
        note("Nobody has a token yet: hymio token create --db URL --name NAME makes one.")
    if not has_tls and not _is_loopback(host):
        note("Tokens and figures can be read on their way: give --cert and --key, or put a proxy with TLS before it.")


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
        return listener
    except OSError as error:
        raise Failure(
            NO_SERVICE,
            f"Nobody can listen on {host}:{port} now: {error.strerror or error}.",
            "Stop what runs there, or give another port: --listen 127.0.0.1:0 takes any free one.",
        ) from error


def _url(scheme: str, host: str, port: int) -> str:
    """An address that works on this computer."""
    named = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"{scheme}://{f'[{named}]' if ':' in named else named}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
