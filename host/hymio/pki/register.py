"""The register of a private CA: every certificate that it ever issued, in one SQLite file."""

# SQLite makes a change whole or not at all, and keeps two people apart who issue at the same time.

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.private_files import make_private

REGISTER: Final = "register.db"
BUSY_S: Final = 10.0
IN_USE: Final = "ok"
HOME: Final = "home-assistant"
"""The kind of a Home Assistant's certificate."""

_SCHEMA: Final = """
create table if not exists certificates (
    serial text primary key,            -- hexadecimal
    name text not null,                 -- device id, first host of a server, id of the others
    kind text not null,                 -- device, server, collector, operator, home-assistant
    hosts text not null,                -- of a server, with commas
    not_after real not null,            -- seconds of 1970
    revoked real                        -- seconds of 1970; null: not revoked
);
create table if not exists renewals (
    serial text primary key,            -- of a certificate that was offered to a terminal through the broker
    said text not null                  -- '': no answer yet, 'ok': it is in use there, else why it is not
);
create table if not exists revocation_lists (number integer primary key autoincrement, made real not null);
"""


@dataclass(frozen=True, slots=True)
class CertificateEntry:
    """One certificate. Times are seconds of 1970."""

    serial: int
    name: str
    kind: str
    hosts: tuple[str, ...]
    not_after_utc: float
    revoked_utc: float | None
    said: str | None = None
    """What the terminal made of the certificate, if it came through the broker: "" nothing yet, "ok", or why not; None
    otherwise."""

    @property
    def is_in_use(self) -> bool:
        """Whether it is more than an offer."""
        return self.said in (None, IN_USE)

    def is_good(self, now_utc: float) -> bool:
        """Whether it is neither expired nor revoked."""
        return self.revoked_utc is None and now_utc < self.not_after_utc


class Register:
    """What may be asked of the register and put into it, within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Works on a connection that is in a transaction; `changing` makes it."""
        self._connection = connection

    def entries(self, name: str | None = None) -> list[CertificateEntry]:
        """All certificates, or those of one name; the oldest first."""
        rows = self._connection.execute(
            "select c.serial, name, kind, hosts, not_after, revoked, said from certificates c"
            " left join renewals r on r.serial = c.serial where :name is null or name = :name order by c.rowid",
            {"name": name},
        )
        return [
            CertificateEntry(
                int(serial, 16), named, kind, tuple(hosts.split(",")) if hosts else (), not_after, revoked, said
            )
            for serial, named, kind, hosts, not_after, revoked, said in rows
        ]

    def add(self, entry: CertificateEntry) -> None:
        """Enters a new certificate."""
        self._connection.execute(
            "insert into certificates values (?, ?, ?, ?, ?, ?)",
            (
                f"{entry.serial:x}",
                entry.name,
                entry.kind,
                ",".join(entry.hosts),
                entry.not_after_utc,
                entry.revoked_utc,
            ),
        )

    def heard(self, serial: int, said: str) -> None:
        """Enters what a terminal made of a certificate that was offered to it; "" says that it is offered."""
        self._connection.execute("insert or replace into renewals values (?, ?)", (f"{serial:x}", said))

    def revoke(self, serial: int, now_utc: float) -> None:
        """Marks one certificate as revoked."""
        self._connection.execute("update certificates set revoked = ? where serial = ?", (now_utc, f"{serial:x}"))

    def commit(self) -> None:
        """Commits what was done so far, and lets others in."""
        self._connection.execute("commit")

    def next_list_number(self, now_utc: float) -> int:
        """The number of a new revocation list; the numbers only rise."""
        number = self._connection.execute("insert into revocation_lists (made) values (?)", (now_utc,)).lastrowid
        assert number is not None
        return number


@contextmanager
def changing(path: Path) -> Iterator[Register]:
    """Opens the register, made if it is not there, and holds it against others.

    What is done within stands whole or not at all.

    Raises:
        Failure: 2, it can't be read or written.
    """
    with suppress(OSError):  # SQLite will say what is the matter
        make_private(path)
    try:
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        try:
            connection.executescript(_SCHEMA)
            connection.execute("pragma synchronous = full")
            connection.execute("begin immediate")
            yield Register(connection)
            if connection.in_transaction:
                connection.execute("commit")
        finally:
            connection.close()  # this rolls back what was not committed
    except sqlite3.Error as error:
        raise Failure(
            WRONG_USE,
            f"The register {path} can't be used: {error}.",
            "Check that it may be written to, or restore it from a backup.",
        ) from None
