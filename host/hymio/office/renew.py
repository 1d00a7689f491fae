"""`hymio pki renew`: terminals get another certificate for the key that they have, through the broker, in good time."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from hymio.common.durations import parse_duration
from hymio.common.errors import ANSWER_NO, ANSWERED_ERROR, DONE, NO_TERMINAL, WRONG_USE, Failure
from hymio.common.output import error_console, note, print_json, print_line
from hymio.mqtt.broker_session import checked_device_id, open_session
from hymio.mqtt.broker_tls import TlsFiles
from hymio.mqtt.client import access_to, run_on_loop
from hymio.office.certificate_delivery import Renewal, Round
from hymio.pki import certificates as certificates
from hymio.pki.authority import DEFAULT_DAYS, end_of, now_utc
from hymio.pki.files import PkiDirectory, files_work, write_file
from hymio.pki.register import IN_USE, CertificateEntry, Register, changing
from hymio.pki.revocation import remind

OFFERED: Final = "offered.der"
"""The file in the terminal's directory with a certificate that it has not answered for: it is sent again, and no
further one is made."""
_SAID: Final = {
    "renewed": "has a certificate until {until}",
    "refused": "goes on with the old one: {error}",
    "silent": "was sent one until {until} and did not answer",
    "away": "did not come",
    "issued": "has a certificate until {until} in {place}: bring it by cable",
    "failed": "gets none: {error}",
}
_STATUS: Final = {"failed": ANSWER_NO, "refused": ANSWERED_ERROR, "silent": NO_TERMINAL, "away": NO_TERMINAL}
"""The exit status by outcome; what weighs most comes first."""


def run_renew(
    directory: Path,
    device_id: str | None,
    expiring: str | None,
    broker: str | None,
    tls: TlsFiles,
    days: int | None,
    wait: str,
    as_json: bool,
) -> int:
    """Renews certificates.

    Returns:
        The exit status: 0 all have theirs, 1 some can't have one, 3 some were not reached, 5 some refuse.

    Raises:
        Failure: 2 wrong use, no CA there, or nothing that could be renewed; 4 no broker; 6 broken off.
    """
    if (device_id is None) == (expiring is None):
        raise Failure(
            WRONG_USE,
            "Expected either DEVICE_ID or --expiring.",
            "For example: hymio pki renew --dir pki --expiring 30d",
        )
    access = None if broker is None else access_to(broker, tls)
    wait_s = parse_duration("--wait", wait) / 1000
    pki = PkiDirectory(directory)
    now = now_utc()
    remind(pki.crl)
    with files_work(directory):
        if device_id is not None:
            renewals = [_made(pki, checked_device_id(device_id), days, now, access is not None)]
        else:
            renewals = [_tried(pki, name, days, now, access is not None) for name in _due(pki, expiring or "", now)]
    offers = [renewal for renewal in renewals if renewal.outcome == "away"]
    if access is not None and offers:
        names = [renewal.device_id for renewal in offers]

        async def work() -> None:
            async with open_session(access, names, ("state", "reply")) as session:
                with _progress(len(offers)) as ended:

                    def told(renewal: Renewal) -> None:
                        _enter(pki, renewal)
                        ended()

                    await Round(session, offers, told).run(wait_s)

        run_on_loop(work())
    _tell(pki, renewals, as_json)
    outcomes = {renewal.outcome for renewal in renewals}
    return next((status for outcome, status in _STATUS.items() if outcome in outcomes), DONE)


def _due(pki: PkiDirectory, expiring: str, now: datetime.datetime) -> list[str]:
    """The terminals whose certificate ends within this time; a person is told of the others that are due."""
    limit_utc = now.timestamp() + parse_duration("--expiring", expiring) / 1000
    pki.authority()
    with changing(pki.register) as register:
        entries = [entry for entry in register.entries() if entry.revoked_utc is None]
    newest = {entry.name: entry for entry in entries if entry.is_in_use}
    may_have = {entry.name for entry in entries if not entry.is_in_use and entry.is_good(now.timestamp())}
    due = [entry for entry in newest.values() if entry.not_after_utc < limit_utc]
    others = [entry.name for entry in due if entry.kind != "device"]
    if others:
        note(f"No terminals, to be renewed by `hymio pki issue --renew`: {', '.join(others)}.")
    over = [one.name for one in due if one.kind == "device" and not one.is_good(now.timestamp())]
    # perhaps the terminal has taken it, and nobody has heard of that
    over = [name for name in over if name not in may_have]
    if over:
        note(f"Expired, the broker does not let them in: {', '.join(over)}. `hymio pki issue`, and bring it by cable.")
    return [entry.name for entry in due if entry.kind == "device" and entry.name not in over]


def _tried(pki: PkiDirectory, name: str, days: int | None, now: datetime.datetime, is_offer: bool) -> Renewal:
    """Does what `_made` does; what is wrong with one terminal's files must not keep the others from theirs."""
    try:
        return _made(pki, name, days, now, is_offer)
    except Failure as failure:
        return Renewal(name, 0, 0.0, b"", "failed", failure.message.rstrip("."))


def _made(pki: PkiDirectory, name: str, days: int | None, now: datetime.datetime, is_offer: bool) -> Renewal:
    """Makes another certificate for the terminal's key: as an offer, or at once in the place of the present one.

    Raises:
        Failure: 2, it has none, or none of ours, or the CA ends no later.
    """
    authority = pki.authority()
    place = pki.issued(name)
    with changing(pki.register) as register:
        entries = [entry for entry in register.entries(name) if entry.kind == "device" and entry.revoked_utc is None]
        present = next((entry for entry in reversed(entries) if entry.is_in_use), None)
        if present is None or not (place / "cert.pem").exists():
            raise Failure(
                WRONG_USE,
                f"{name} has no certificate that could be renewed.",
                f"hymio pki issue --dir {pki.path} {name}",
            )
        good_for = DEFAULT_DAYS["device"] if days is None else days
        not_after = min(end_of(good_for, now), authority.certificate.not_valid_after_utc)
        if not_after.timestamp() <= present.not_after_utc:
            raise Failure(
                WRONG_USE,
                f"{name} has a certificate until {_day(present.not_after_utc)}, a new one would end no later.",
                f"Is the CA at its end? hymio pki list --dir {pki.path}",
            )
        if is_offer and (offered := _offered(place, entries, present)) is not None:
            return offered
        old = certificates.read_pem((place / "cert.pem").read_bytes())
        new = certificates.reissue(authority, "device", old, not_after, now)
        renewal = Renewal(name, new.serial_number, not_after.timestamp(), certificates.der(new))
        register.add(CertificateEntry(renewal.serial, name, "device", (), renewal.not_after_utc, None))
        if is_offer:
            register.heard(renewal.serial, "")
        # This comes before the files, so that no certificate is ever out that the register does not know.
        register.commit()
        if is_offer:
            write_file(place / OFFERED, renewal.der)
        else:
            renewal.outcome = "issued"
            _put_in_place(pki, renewal)
    return renewal


def _offered(place: Path, entries: list[CertificateEntry], present: CertificateEntry) -> Renewal | None:
    """A certificate that the terminal was offered before, and may have taken though nobody has heard of that."""
    try:
        der = (place / OFFERED).read_bytes()
        serial = certificates.read_der(der).serial_number
    except (OSError, ValueError):
        return None
    for entry in entries:
        if entry.serial == serial and not entry.is_in_use and entry.not_after_utc > present.not_after_utc:
            return Renewal(entry.name, serial, entry.not_after_utc, der)
    return None


def _put_in_place(pki: PkiDirectory, renewal: Renewal) -> None:
    place = pki.issued(renewal.device_id)
    write_file(place / "cert.der", renewal.der)
    write_file(place / "cert.pem", certificates.pem(certificates.read_der(renewal.der)))
    (place / OFFERED).unlink(missing_ok=True)


def _enter(pki: PkiDirectory, renewal: Renewal) -> None:
    """Enters an outcome into files and register as soon as it is known."""
    if renewal.outcome not in ("renewed", "refused"):
        return
    with files_work(pki.path), changing(pki.register) as register:
        if renewal.outcome == "renewed":
            _put_in_place(pki, renewal)
        _said(register, renewal)


def _said(register: Register, renewal: Renewal) -> None:
    register.heard(renewal.serial, IN_USE if renewal.outcome == "renewed" else renewal.error[:200])


def _day(utc: float) -> str:
    return f"{datetime.datetime.fromtimestamp(utc, datetime.UTC):%Y-%m-%d}"


def _tell(pki: PkiDirectory, renewals: list[Renewal], as_json: bool) -> None:
    if as_json:
        print_json({"renewals": [_as_json(renewal) for renewal in renewals]})
        return
    if not renewals:
        print_line("No certificate of a terminal is due.")
    for one in renewals:
        said = _SAID[one.outcome].format(
            until=_day(one.not_after_utc), error=one.error, place=pki.issued(one.device_id)
        )
        print_line(f"{one.device_id} {said}.")


def _as_json(renewal: Renewal) -> dict[str, Any]:
    return {
        "device_id": renewal.device_id,
        "serial": f"{renewal.serial:x}" if renewal.serial else None,
        "not_after_utc": renewal.not_after_utc or None,
        "outcome": renewal.outcome,
        "error": renewal.error or None,
    }


@contextmanager
def _progress(count: int) -> Iterator[Callable[[], None]]:
    """A bar on stderr, if anybody looks at it."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("renewing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    shown = error_console()
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as bar:
        task = bar.add_task("renewing", total=count)
        yield lambda: bar.advance(task)
