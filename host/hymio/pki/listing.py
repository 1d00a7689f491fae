"""`hymio pki list`: every certificate that a CA ever issued, and what is to be done about it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, Final

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.output import console, print_json, print_line
from hymio.pki.files import PkiDirectory
from hymio.pki.register import REGISTER, CertificateEntry, changing
from hymio.pki.revocation import end_of_list, remind

EXPIRING: Final = datetime.timedelta(days=30)


def run_list(directory: Path, as_json: bool) -> None:
    """Prints every certificate, with what is to be done about it.

    Raises:
        Failure: 2, there is no CA.
    """
    now = datetime.datetime.now(datetime.UTC)
    entries = known_certificates(directory)
    rows = [(entry, state_of(entry, entries, now)) for entry in entries]
    revocations = PkiDirectory(directory).crl
    if as_json:
        end = end_of_list(revocations)
        crl = {"path": str(revocations), "next_update_utc": None if end is None else end.timestamp()}
        print_json({"certificates": [_as_json(entry, state) for entry, state in rows], "crl": crl})
    else:
        _show(rows)
    remind(revocations)


def known_certificates(directory: Path) -> list[CertificateEntry]:
    """The register of the CA in `directory`, the oldest certificate first.

    Raises:
        Failure: 2, there is no CA.
    """
    register_path = directory / REGISTER
    if not register_path.exists():
        raise Failure(WRONG_USE, f"There is no CA in {directory}.", f"Make one: hymio pki init --dir {directory}")
    with changing(register_path) as register:
        return register.entries()


def _as_json(entry: CertificateEntry, state: str) -> dict[str, Any]:
    return {
        "serial": f"{entry.serial:x}",
        "name": entry.name,
        "kind": entry.kind,
        "hosts": list(entry.hosts),
        "not_after_utc": entry.not_after_utc,
        "revoked_utc": entry.revoked_utc,
        "state": state,
    }


def _show(rows: list[tuple[CertificateEntry, str]]) -> None:
    from rich.table import Table

    table = Table("name", "kind", "good until", "state", "serial")
    for entry, state in rows:
        until = datetime.datetime.fromtimestamp(entry.not_after_utc, datetime.UTC)
        shown = f"[red]{state}[/red]" if state in ("expiring", "expired") else state
        table.add_row(entry.name, entry.kind, f"{until:%Y-%m-%d}", shown, f"{entry.serial:x}")
    console().print(table)
    for how, is_device in (("hymio pki renew --expiring 30d --broker URL", True), ("hymio pki issue --renew", False)):
        expiring = [one.name for one, state in rows if state == "expiring" and (one.kind == "device") is is_device]
        if expiring:
            print_line(f"Less than {EXPIRING.days} days left: {', '.join(expiring)}. Renew with `{how}`.")


def state_of(entry: CertificateEntry, entries: list[CertificateEntry], now: datetime.datetime) -> str:
    """The state of a certificate, in a word.

    It is good, expiring (less than 30 days are left), expired, revoked, renewed (a newer one has taken its place),
    offered (the terminal has not answered yet), or refused (by the terminal, or by the broker on trial).
    """
    if entry.revoked_utc is not None:
        return "revoked"
    if not entry.is_in_use:
        return "expired" if not entry.is_good(now.timestamp()) else "refused" if entry.said else "offered"
    same_name = [one for one in entries if one.name == entry.name and one.revoked_utc is None and one.is_in_use]
    if same_name and same_name[-1] is not entry:
        return "renewed"
    if not entry.is_good(now.timestamp()):
        return "expired"
    return "good" if entry.is_good((now + EXPIRING).timestamp()) else "expiring"
