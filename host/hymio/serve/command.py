"""`hymio serve`: figures and feedback over HTTP."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hymio.common.addresses import parse_listen
from hymio.common.clients import is_loopback_name
from hymio.common.errors import NO_SERVICE, WRONG_USE, Failure
from hymio.common.extras import missing_extra
from hymio.common.output import note, print_json, print_line, seconds_running
from hymio.mqtt.broker_tls import TlsFiles
from hymio.mqtt.client import BrokerAccess, access_to
from hymio.office.deliver import Sender, Ways
from hymio.office.invite_send import InvitationRounds, InviteWays
from hymio.office.order import OrderTimes, fetch_text_log
from hymio.office.privacy import PrivacyRounds
from hymio.office.report_rounds import MailOptions, ReportRounds
from hymio.store.database import open_store
from hymio.store.tokens import stored_tokens
from hymio.store.users import any_user

LOG_WAIT_S: Final = 15.0
"""How long a terminal is waited for that is asked for its text log."""
_AT_ONCE: Final = 20.0
"""Requests that may come at once after a pause, in seconds of the rate."""


@dataclass(frozen=True, slots=True)
class TrainingWanted:
    """The terminals on the screen that are asked for: so many, their broker (None: their own), for whom else."""

    terminals: int
    broker: str | None
    hosts: Sequence[str]


def run_serve(
    db: str,
    listen: str,
    cert: Path | None,
    key: Path | None,
    rate: float,
    always_token: bool,
    oidc: Path | None,
    broker: str | None,
    broker_tls: TlsFiles,
    training: TrainingWanted | None,
    mail: MailOptions,
    allow_private_webhooks: bool,
    public_url: str | None,
    as_json: bool,
) -> None:
    """Serves pages and API until SIGINT or SIGTERM; prints `ready` when they can be used.

    Reports by schedule, messages to channels and invitations go from here, too. With `training` there are terminals on
    the screen, and a database that is not there is made.

    Raises:
        Failure: 2 an address, a certificate or a file is bad, or the extra is not installed; 4 the port is taken, or
            there is no database; 5 a newer hymio wrote it.
    """
    host, port = parse_listen(listen)
    if math.isnan(rate):  # neither below the least nor above the most
        raise Failure(WRONG_USE, "--rate: expected a number of requests a second, came nan.", "For example: --rate 200")
    try:
        import argon2  # noqa: F401  (otherwise it would be missed at the first log-in)

        from hymio.common.rate_limits import RateLimit
        from hymio.office.alert_rounds import AlertRounds
        from hymio.pages.app import PageOptions, mount_pages
        from hymio.pages.oidc import Oidc, read_oidc
        from hymio.serve.app import create_app
        from hymio.serve.http_server import HttpServer, tls_of
        from hymio.serve.serving import Serving
        from hymio.training.router import Training
    except ModuleNotFoundError as error:
        raise missing_extra("serve", error) from error
    tls = tls_of(cert, key)
    issuer = None if oidc is None else Oidc(read_oidc(oidc))
    access = None if broker is None else access_to(broker, broker_tls)
    text_log = None if access is None else _text_log(access)
    ways = Ways(mail.server(), access, allow_private_webhooks)
    store = open_store(db, create=training is not None)
    try:
        with store.reading() as connection:
            has_token, has_user = any(stored_tokens(connection)), any_user(connection)
        _tell(host, tls is not None, always_token, has_token, has_user)
        with _bound(host, port) as listener:
            url = _url("http" if tls is None else "https", host, listener.getsockname()[1])

            def on_ready() -> None:
                if as_json:
                    print_json({"event": "ready", "t": seconds_running(), "url": url})
                else:
                    print_line(f"The pages are at {url}, the APIs at {url}/v2 and {url}/api/v1. Ctrl-C ends it.")
                    if training is not None:
                        print_line(f"Terminals to press: {url}/training")

            serving = Serving(store)
            screens = None
            if training is not None:
                screens = Training(
                    store,
                    db,
                    training.broker,
                    training.terminals,
                    hosts=training.hosts,
                    trusts_this_computer=not always_token,
                )
            api = create_app(serving, RateLimit(rate, rate * _AT_ONCE), always_token, screens)
            pages = PageOptions(
                issuer, always_token, text_log, mail.smtp is not None, lambda: serving.is_ending(),
                may_be_inside=allow_private_webhooks, has_training=training is not None,
                url=(public_url or url).rstrip("/"),
            )  # fmt: skip
            server = HttpServer(mount_pages(api, store, pages), tls, on_ready, takes_websockets=training is not None)
            serving.is_ending = lambda: server.should_exit
            sender = Sender(store, ways)
            rounds = (
                PrivacyRounds(store),
                ReportRounds(store, db, mail),
                sender,
                InvitationRounds(store, InviteWays(ways.mail)),
                AlertRounds(store, (public_url or url).rstrip("/"), sender.wake),
            )
            for one in rounds:
                one.start()
            try:
                server.run(sockets=[listener])
            finally:
                for one in reversed(rounds):
                    one.end()
    finally:
        store.close()


def _text_log(access: BrokerAccess) -> Callable[[str], list[dict[str, Any]]]:
    """Asks terminals of a broker for their text logs."""
    times = OrderTimes(LOG_WAIT_S, LOG_WAIT_S)
    return lambda device_id: [line.json() for line in fetch_text_log(access, device_id, times)]


def _tell(host: str, has_tls: bool, always_token: bool, has_token: bool, has_user: bool) -> None:
    """What who starts it should know of who can come, and how."""
    if is_loopback_name(host) and not always_token:
        return
    if not has_token:
        note("Nobody has a token yet: hymio token create --db URL --name NAME makes one.")
    if not has_user:
        note("Nobody has an account for the pages yet: hymio user add NAME --db URL --role admin makes the first one.")
    if not has_tls and not is_loopback_name(host):
        note(
            "Passwords and figures can be read on their way: give --cert and --key, or put a proxy with TLS before it."
        )


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
