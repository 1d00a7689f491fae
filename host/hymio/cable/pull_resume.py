"""Where a pull by cable was broken off, kept in the database that it went into."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Table, delete, insert, inspect, select

# This is not one of the tables that every database of this format has: it is made when it is needed, in older ones as
# well.
_pulls: Final = Table(
    "pulls",
    MetaData(),
    Column("device_id", String(32), primary_key=True),
    Column("log_id", BigInteger, primary_key=True, autoincrement=False),
    Column("next_seq", BigInteger, nullable=False, comment="every seq before it has been read by this pull"),
)


def broken_off_at(connection: Connection, device_id: str, log_id: int) -> int | None:
    """The seq at which the pull of this log has to go on; None if the last pull came to its end, or there was none."""
    if not inspect(connection).has_table(_pulls.name):
        return None
    query = select(_pulls.c.next_seq).where(_pulls.c.device_id == device_id, _pulls.c.log_id == log_id)
    return connection.execute(query).scalar_one_or_none()


def keep(connection: Connection, device_id: str, log_id: int, next_seq: int) -> None:
    """Keeps how far the pull is, in the transaction that commits what it has read."""
    _pulls.create(connection, checkfirst=True)
    forget(connection, device_id, log_id)
    connection.execute(insert(_pulls).values(device_id=device_id, log_id=log_id, next_seq=next_seq))


def forget(connection: Connection, device_id: str, log_id: int) -> None:
    """Forgets how far the pull was, because it has come to its end: the next one reads the whole log."""
    if inspect(connection).has_table(_pulls.name):
        connection.execute(delete(_pulls).where(_pulls.c.device_id == device_id, _pulls.c.log_id == log_id))
