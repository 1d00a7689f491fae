"""`hymio broker config`: what a site's mosquitto needs, which is TLS by our CA only, and rights topic by topic."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.output import print_json, print_line
from hymio.office.home_discovery import availability_topic
from hymio.pki.files import SECRET_MODE, PkiDirectory, files_work, write_file
from hymio.pki.listing import known_certificates
from hymio.pki.register import HOME, CertificateEntry
from hymio.pki.revocation import remind
from hymio.wire import limits

FROM_TERMINAL: Final = ("votes", "state", "config/reported", "reply", "log")
"""What a terminal writes below hymio/<device_id>/."""
TO_TERMINAL: Final = ("ack", "config", "cmd", "update")
"""What a terminal reads there. So no terminal can acknowledge itself, or give an order to itself or another one."""
COLLECTOR_READS: Final = ("votes", "state")
COLLECTOR_WRITES: Final = ("ack", "cmd", "figures", "state")
"""The collector asks terminals for what it lacks, and publishes what it counts as figures for Home Assistant and
others. It may write `state` to remove what a retired terminal has left on the broker (`hymio cmd forget`)."""
OPERATOR_READS: Final = ("state", "config/reported", "reply", "log")
OPERATOR_WRITES: Final = ("config", "cmd")
"""Not `ack`, so that whoever gives orders can't make a terminal forget votes. An operator can't read them back either,
because a configuration may hold a password."""
DISCOVERY: Final = "homeassistant/#"
"""Where Home Assistant looks for new devices; the collector publishes there."""
HOME_READS: Final = ("figures", "state")
"""The topics that the terminals' entities in Home Assistant are made of."""
HOME_WRITES: Final = "homeassistant/status"
"""Where Home Assistant says that it starts and ends."""

MAX_PACKET_BYTES: Final = 256 * 1024
"""Whoever sends a longer packet is thrown out; a payload over `limits.MESSAGE_MAX_BYTES` is passed over."""
MAX_QUEUED_MESSAGES: Final = 20_000
"""What the broker keeps for a collector that is away, until `limits.QUEUED_MAX_BYTES` are reached: days of votes of a
hundred terminals. What does not fit is dropped, and the terminals send it again, because they keep everything until it
is acknowledged."""

_CONF: Final = """\
# Written by `hymio broker config`, for mosquitto 2.0.11 or newer. It is written anew each time: your own settings
# belong into a file of yours that says `include_dir`, or into another configuration.

per_listener_settings false
allow_anonymous false
acl_file {at}/acl

listener {listen}
tls_version tlsv1.2
cafile {at}/ca.pem
certfile {at}/server.pem
keyfile {at}/server.key
crlfile {at}/crl.pem
require_certificate true
# The name in the certificate is the user of the ACL, and the client id: nobody can push another one off the air.
use_identity_as_username true
use_username_as_clientid true

max_packet_size {max_packet_bytes}
message_size_limit {message_max_bytes}
max_queued_messages {max_queued_messages}
max_queued_bytes {queued_max_bytes}
persistent_client_expiration 2m
persistence true
persistence_location {at}/data/
autosave_interval 60

log_dest stderr
log_type error
log_type warning
log_type notice
"""

_README: Final = """\
# The broker's files

    mosquitto -c {at}/mosquitto.conf

Started by root, mosquitto goes on as the user `mosquitto`, who has to own the files: `chown -R mosquitto: {at}`.
`server.key` and `data/` are nobody else's business. `ca.key` does not belong on this machine.

These files were made by

    {again}

After `hymio pki revoke` or `hymio pki crl`, or when `server.pem` is renewed: run it again, with all of its options, and
**restart** mosquitto. A reload (SIGHUP) makes it read the files, too, but a connection that is open lives on until it
breaks.
Who logs in with somebody's certificate takes that one's place: give every program and every person one of its own
(`hymio pki issue --collector ID`, `--operator ID`, `--home-assistant ID`; `hymio broker config` has the same options).
Run it again **before** such a certificate is handed out: the broker takes a name that was not there when these files
were made for a terminal's.
"""


def acl(
    collectors: Sequence[str], operators: Sequence[str], homes: Sequence[str] = (), others: Sequence[str] = ()
) -> str:
    """The rights, topic by topic; `%u` is the name in the client's certificate.

    Args:
        collectors: the names that have the rights of a collector.
        operators: those that have the rights of an operator.
        homes: those that have the rights of a Home Assistant.
        others: names that are no terminal's either, and have no rights at all.
    """
    lines = ["# Written by `hymio broker config`. What is not named here is forbidden.", ""]
    lines += [f"pattern write hymio/%u/{topic}" for topic in FROM_TERMINAL]
    lines += [f"pattern read hymio/%u/{topic}" for topic in TO_TERMINAL]
    # A pattern holds for every name, and an operator may have a name that a terminal could have. Without this line,
    # which stands before all others of a user and before the patterns, he could vote as a terminal of his name.
    for collector in collectors:
        lines += ["", f"user {collector}", _no_terminal(collector)]
        lines += [f"topic read hymio/+/{topic}" for topic in COLLECTOR_READS]
        lines += [f"topic write hymio/+/{topic}" for topic in COLLECTOR_WRITES]
        lines += [f"topic write {DISCOVERY}", f"topic write {availability_topic(collector)}"]
    for operator in operators:
        lines += ["", f"user {operator}", _no_terminal(operator)]
        lines += [f"topic read hymio/+/{topic}" for topic in OPERATOR_READS]
        lines += [f"topic write hymio/+/{topic}" for topic in OPERATOR_WRITES]
    for home in homes:
        lines += ["", f"user {home}", _no_terminal(home)]
        lines += [f"topic read hymio/+/{topic}" for topic in HOME_READS]
        lines += [f"topic read {availability_topic('+')}", f"topic read {DISCOVERY}", f"topic write {HOME_WRITES}"]
    for other in others:
        lines += ["", f"user {other}", _no_terminal(other)]
    return "\n".join(lines) + "\n"


def _no_terminal(name: str) -> str:
    return f"topic deny hymio/{name}/#"


def run_broker_config(
    out: Path,
    pki: Path,
    listen: str,
    server: str | None,
    collectors: Sequence[str],
    operators: Sequence[str],
    at: Path | None,
    as_json: bool,
    homes: Sequence[str] = (),
) -> None:
    """Writes the directory that a broker is started from.

    Raises:
        Failure: 2 no CA there, no certificate for the broker, a collector, an operator or a Home Assistant, a bad port.
    """
    source = PkiDirectory(pki)
    entries = known_certificates(pki)
    name = _server(entries, server, pki)
    for collector in collectors:
        _check_known(entries, "collector", collector, pki)
    for operator in operators:
        _check_known(entries, "operator", operator, pki)
    for home in homes:
        _check_known(entries, HOME, home, pki)
    # These include names that were left out or shut out, because a name belongs to one kind for ever.
    named = {*collectors, *operators, *homes}
    others = sorted({entry.name for entry in entries if entry.kind != "device"} - named)
    host, port = _listen(listen)
    there = (at if at is not None else out.resolve()).as_posix()
    if out.resolve() == pki.resolve():
        raise Failure(
            WRONG_USE, "--out and --pki are the same directory.", "The CA's key must not lie where the broker runs."
        )
    conf = _CONF.format(
        at=there,
        listen=f"{port} {host}".strip(),
        max_packet_bytes=MAX_PACKET_BYTES,
        max_queued_messages=MAX_QUEUED_MESSAGES,
        message_max_bytes=limits.MESSAGE_MAX_BYTES,
        queued_max_bytes=limits.QUEUED_MAX_BYTES,
    )
    with files_work(out):
        out.mkdir(parents=True, exist_ok=True)
        (out / "data").mkdir(exist_ok=True, mode=0o700)
        write_file(out / "ca.pem", source.ca_pem.read_bytes())
        write_file(out / "crl.pem", source.crl.read_bytes())
        write_file(out / "server.key", (source.issued(name) / "key.pem").read_bytes(), SECRET_MODE)
        write_file(out / "server.pem", (source.issued(name) / "cert.pem").read_bytes())
        write_file(out / "acl", acl(collectors, operators, homes, others).encode())
        write_file(out / "mosquitto.conf", conf.encode())
        again = _again(out, pki, listen, name, collectors, operators, homes, at)
        write_file(out / "README.md", _README.format(at=there, again=again).encode())
    remind(source.crl)
    if as_json:
        names = {"collectors": list(collectors), "operators": list(operators), "home_assistants": list(homes)}
        print_json({"dir": str(out), "server": name, "port": port, **names})
        return
    print_line(f"The broker's files are in {out}, for {name} on port {port}.")
    print_line(
        f"Votes go to {', '.join(collectors)}; orders come from {', '.join(operators) or 'nobody (--operator ID)'}."
    )
    print_line(f"Start it: mosquitto -c {there}/mosquitto.conf (its README.md says more)")


def _again(
    out: Path,
    pki: Path,
    listen: str,
    server: str,
    collectors: Sequence[str],
    operators: Sequence[str],
    homes: Sequence[str],
    at: Path | None,
) -> str:
    """The whole command that makes these files: whoever is left out the next time would be left without rights."""
    options = [("--out", str(out.resolve())), ("--pki", str(pki.resolve())), ("--listen", listen), ("--server", server)]
    options += [("--collector", one) for one in collectors] + [("--operator", one) for one in operators]
    options += [("--home-assistant", one) for one in homes]
    options += [] if at is None else [("--at", str(at))]
    return shlex.join(["hymio", "broker", "config", *(word for option in options for word in option)])


def _server(entries: Sequence[CertificateEntry], wanted: str | None, pki: Path) -> str:
    now_utc = datetime.datetime.now(datetime.UTC).timestamp()
    names = sorted({entry.name for entry in entries if entry.kind == "server" and entry.is_good(now_utc)})
    if wanted is not None and wanted not in names:
        raise Failure(
            WRONG_USE,
            f"{wanted} has no certificate of a broker that is good now.",
            f"Issue one: hymio pki issue --dir {pki} --server {wanted}",
        )
    if wanted is None and len(names) != 1:
        raise Failure(
            WRONG_USE,
            f"There are certificates for {', '.join(names)}." if names else "The broker has no certificate yet.",
            "Say which one: --server HOST" if names else f"Issue one: hymio pki issue --dir {pki} --server HOST",
        )
    return wanted or names[0]


def _check_known(entries: Sequence[CertificateEntry], kind: str, name: str, pki: Path) -> None:
    # A name that was never issued may yet be issued to a terminal, which would then have the rights of this kind.
    if not any(entry.kind == kind and entry.name == name for entry in entries):
        raise Failure(
            WRONG_USE,
            f"The {kind} {name} has no certificate.",
            f"Issue one: hymio pki issue --dir {pki} --{kind} {name}",
        )


def _listen(listen: str) -> tuple[str, int]:
    """Reads [HOST:]PORT; gives (host or "", port).

    Raises:
        Failure: 2, it is neither.
    """
    host, _, port = listen.rpartition(":")
    if not port.isdecimal() or not 1 <= int(port) <= 65535 or any(blank in host for blank in " \t\r\n"):
        raise Failure(WRONG_USE, f"--listen {listen!r} is not PORT or HOST:PORT.", "For example: --listen 8883")
    return host.strip("[]"), int(port)
