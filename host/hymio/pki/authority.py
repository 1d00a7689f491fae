"""`hymio pki init|issue|revoke|crl`: a private CA for terminals, brokers and collectors."""

from __future__ import annotations

import datetime
import ipaddress
import re
from pathlib import Path
from typing import Final

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.output import print_json, print_line
from hymio.pki import certificates as certificates
from hymio.pki.files import PUBLIC_MODE, SECRET_MODE, PkiDirectory, files_work, staged_directory, write_file
from hymio.pki.register import HOME, CertificateEntry, Register, changing
from hymio.pki.revocation import end_of_list
from hymio.wire.device_ids import is_device_id

DEFAULT_DAYS: Final = {"device": 10 * 365, "server": 2 * 365, "collector": 2 * 365, "operator": 2 * 365, HOME: 2 * 365}
"""A terminal's certificate outlives its batteries and its site; those of an office are renewed by people who sit beside
them."""
MAX_DAYS: Final = 50 * 365

_USER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
"""What a name in an ACL may be: it has no blanks and no `+`, `#` or `/`."""
_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")

BROKER_HAS_TO_NOTICE: Final = (
    "Run `hymio broker config` again (or copy crl.pem beside mosquitto.conf) and restart mosquitto."
    " A reload (SIGHUP) makes it read the list, too, but a connection that is open lives on until it breaks."
)


def run_init(directory: Path, name: str, days: int, as_json: bool) -> None:
    """Makes a CA.

    Raises:
        Failure: 2, there is one already, the name or the number of days is bad, or the directory can't be written.
    """
    if not name.strip() or len(name.encode()) > 64 or not name.isprintable():
        raise Failure(WRONG_USE, f"--name {name!r} is not 1..64 bytes of text.", "For example: --name 'Kiosks CA'.")
    now = now_utc()
    not_after = end_of(days, now)
    pki = PkiDirectory(directory)
    with files_work(directory):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with changing(pki.register) as register:
            if pki.ca_key.exists():
                raise Failure(
                    WRONG_USE,
                    f"There is a CA in {directory} already; a new one would make every certificate worthless.",
                    "Give another --dir, or go on with `hymio pki issue`.",
                )
            authority = certificates.make_authority(name, not_after, now)
            write_file(pki.ca_pem, certificates.pem(authority.certificate))
            write_file(directory / "ca.der", certificates.der(authority.certificate))
            _write_revocation_list(pki, authority, register, now)
            # This file comes last: where it stands, the CA is complete.
            write_file(pki.ca_key, certificates.key_pem(authority.key), SECRET_MODE)
    if as_json:
        print_json({"name": name, "dir": str(directory), "not_after_utc": not_after.timestamp()})
        return
    print_line(f"{name}: a CA in {directory}, good until {not_after:%Y-%m-%d}.")
    print_line("Whoever has ca.key can make certificates: keep the directory off the broker, and keep a backup.")


def run_issue(
    directory: Path,
    device_id: str | None,
    server: str | None,
    collector: str | None,
    operator: str | None,
    days: int | None,
    renew: bool,
    as_json: bool,
    home: str | None = None,
) -> None:
    """Makes a key and a certificate for one of the five kinds.

    Raises:
        Failure: 2, wrong use, there is no CA, or the name is taken.
    """
    kind, name, hosts = _whose(device_id, server, collector, operator, home)
    pki = PkiDirectory(directory)
    now = now_utc()
    with files_work(directory):
        authority = pki.authority()
        good_for = DEFAULT_DAYS[kind] if days is None else days
        not_after = min(end_of(good_for, now), authority.certificate.not_valid_after_utc)
        with changing(pki.register) as register:
            _check_is_free(register, kind, name, renew, now)
            issued = certificates.issue(authority, kind, name, hosts, not_after, now)
            serial = issued.certificate.serial_number
            ca, certificate = authority.certificate, issued.certificate
            files = {
                "ca.pem": (certificates.pem(ca), PUBLIC_MODE),
                "cert.pem": (certificates.pem(certificate), PUBLIC_MODE),
                "key.pem": (issued.key_pem(), SECRET_MODE),
            }
            if kind == "device":
                files |= {
                    "ca.der": (certificates.der(ca), PUBLIC_MODE),
                    "cert.der": (certificates.der(certificate), PUBLIC_MODE),
                    "key.der": (issued.key_der(), SECRET_MODE),
                }
            with staged_directory(pki.issued(name), files):
                register.add(CertificateEntry(serial, name, kind, hosts, not_after.timestamp(), None))
                # This comes before the files are in their place, so that no certificate is ever out that the register
                # does not know.
                register.commit()
    if as_json:
        print_json(
            {
                "name": name,
                "kind": kind,
                "hosts": list(hosts),
                "serial": f"{serial:x}",
                "not_after_utc": not_after.timestamp(),
                "dir": str(pki.issued(name)),
                "files": sorted(files),
            }
        )
        return
    print_line(f"{name}: key and certificate of {_a(kind)} in {pki.issued(name)}, good until {not_after:%Y-%m-%d}.")
    if kind not in ("device", "server") and not renew:
        print_line(f"Before it is handed out: hymio broker config ... --{kind} {name}, and have mosquitto read it.")
        print_line(f"Until then the broker takes {name} for a terminal of that name.")


def run_revoke(directory: Path, name: str, as_json: bool) -> None:
    """Revokes every certificate of `name` that is good now, and writes the revocation list anew.

    Raises:
        Failure: 2, there is no CA or no such name, or nothing is left to revoke.
    """
    pki = PkiDirectory(directory)
    now = now_utc()
    with files_work(directory):
        authority = pki.authority()
        with changing(pki.register) as register:
            entries = register.entries(name)
            good = [entry for entry in entries if entry.is_good(now.timestamp())]
            if not good:
                state = "is revoked or expired already" if entries else "was never issued here"
                raise Failure(
                    WRONG_USE, f"The certificate of {name} {state}.", f"See: hymio pki list --dir {directory}"
                )
            for entry in good:
                register.revoke(entry.serial, now.timestamp())
            _write_revocation_list(pki, authority, register, now)
    what_next = BROKER_HAS_TO_NOTICE
    if good[-1].kind == "server":
        what_next = (
            "Terminals read no revocation lists: if the broker's key is in other hands, make a new CA and bring every"
            " terminal its new certificates."
        )
    if as_json:
        serials = [f"{entry.serial:x}" for entry in good]
        print_json({"name": name, "revoked": serials, "crl": str(pki.crl), "what_next": what_next})
        return
    print_line(f"{name} is on the revocation list {pki.crl}.")
    print_line(what_next)


def run_crl(directory: Path, as_json: bool) -> None:
    """Writes the revocation list anew, with what is on it already, good for another year.

    Raises:
        Failure: 2, there is no CA.
    """
    pki = PkiDirectory(directory)
    with files_work(directory):
        authority = pki.authority()
        with changing(pki.register) as register:
            _write_revocation_list(pki, authority, register, now_utc())
    end = end_of_list(pki.crl)
    assert end is not None
    if as_json:
        print_json({"crl": str(pki.crl), "next_update_utc": end.timestamp(), "what_next": BROKER_HAS_TO_NOTICE})
        return
    print_line(f"The revocation list {pki.crl} is good until {end:%Y-%m-%d}.")
    print_line(BROKER_HAS_TO_NOTICE)


def _whose(
    device_id: str | None, server: str | None, collector: str | None, operator: str | None, home: str | None
) -> tuple[str, str, tuple[str, ...]]:
    """Which kind of certificate is wanted, as (kind, name, hosts).

    Raises:
        Failure: 2, not exactly one is given, or it may not be called so.
    """
    if sum(one is not None for one in (device_id, server, collector, operator, home)) != 1:
        raise Failure(
            WRONG_USE,
            "A certificate is for one of DEVICE_ID, --server HOST, --collector, --operator or --home-assistant ID.",
            "For example: hymio pki issue --dir pki till-1",
        )
    if device_id is not None:
        if not is_device_id(device_id):
            raise Failure(
                WRONG_USE,
                f"{device_id!r} is no device id: 3 to 32 of a-z, 0-9 and -, not beginning with -.",
                "For example: hymio pki issue --dir pki till-1",
            )
        return "device", device_id, ()
    for kind, name, hint in (
        ("collector", collector, "It has to be the --collector-id of `hymio collect`; the default there is office."),
        ("operator", operator, "For example: hymio pki issue --dir pki --operator anna"),
        (HOME, home, "For example: hymio pki issue --dir pki --home-assistant home"),
    ):
        if name is not None:
            if not _USER.fullmatch(name):
                raise Failure(WRONG_USE, f"--{kind} {name!r} is not 1 to 32 letters, digits, . _ and -.", hint)
            return kind, name, ()
    assert server is not None
    hosts = tuple(host.strip().strip("[]") for host in server.split(","))
    for host in hosts:
        if not (_is_address(host) or _HOST.fullmatch(host)):
            raise Failure(
                WRONG_USE,
                f"--server: {host!r} is neither a host name nor an address.",
                "For example: --server broker.example,192.0.2.10",
            )
    return "server", hosts[0], hosts


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _a(kind: str) -> str:
    return f"an {kind}" if kind == "operator" else "a Home Assistant" if kind == HOME else f"a {kind}"


def _check_is_free(register: Register, kind: str, name: str, renew: bool, now: datetime.datetime) -> None:
    """Checks that the name is free. It belongs to one kind for ever, as the broker knows nobody by anything else."""
    entries = register.entries(name)
    for entry in entries:
        if entry.kind != kind:
            raise Failure(
                WRONG_USE,
                f"{name} is the name of {_a(entry.kind)} here; {_a(kind)} of that name would have its rights.",
                "Choose another name.",
            )
    if not renew and any(entry.is_good(now.timestamp()) for entry in entries):
        raise Failure(
            WRONG_USE,
            f"{name} has a certificate that is good still.",
            "--renew makes a new one beside it; `hymio pki revoke` comes first if its key may be in other hands.",
        )


def _write_revocation_list(
    pki: PkiDirectory, authority: certificates.Authority, register: Register, now: datetime.datetime
) -> None:
    revoked = [
        (entry.serial, datetime.datetime.fromtimestamp(entry.revoked_utc, datetime.UTC))
        for entry in register.entries()
        if entry.revoked_utc is not None
    ]
    number = register.next_list_number(now.timestamp())
    write_file(pki.crl, certificates.pem(certificates.revocation_list(authority, revoked, number, now)))


def now_utc() -> datetime.datetime:
    """The present time in whole seconds, as certificates have it."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def end_of(days: int, now: datetime.datetime) -> datetime.datetime:
    """The end of a certificate that is good for so many days from now.

    Raises:
        Failure: 2, no certificate may be good for so long.
    """
    if not 1 <= days <= MAX_DAYS:
        raise Failure(WRONG_USE, f"--days {days} is not 1 to {MAX_DAYS}.", "For example: --days 365")
    return now + datetime.timedelta(days=days)
