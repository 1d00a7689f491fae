"""The tables of the database, as SQLAlchemy knows them."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

from hymio.wire.records import Kind

SCHEMA_VERSION: Final = 2
"""Rises with every change that an older hymio must not write to."""

DATING_KINDS: Final = f"kind IN ({int(Kind.BOOT)}, {int(Kind.TIME)})"
"""Which rows of `records` date presses, in SQL: an index holds exactly these."""

metadata = MetaData()

schema_version = Table("hymio_schema", metadata, Column("version", Integer, nullable=False))

LogKey = tuple[str, int]
"""(device_id, log_id): how a log is named everywhere."""


def _log_key() -> list[Column[Any]]:
    return [
        Column("device_id", String(32), primary_key=True),
        Column("log_id", BigInteger, primary_key=True, autoincrement=False),
    ]


# WITHOUT ROWID makes the key the table, so an insert touches one tree instead of two.
presses = Table(
    "presses",
    metadata,
    *_log_key(),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("boot", Integer, nullable=False),
    Column("uptime_ms", BigInteger, nullable=False),
    Column("button", SmallInteger, nullable=False),
    Column("count", Integer, nullable=False, comment="presses in this row: 1, or those folded into a run record"),
    Column("span_s", SmallInteger, comment="run records: seconds from the first to the last press; null: one press"),
    Column("verdict", Text, nullable=False, comment="in force now"),
    Column("stored_verdict", Text, nullable=False, comment="as the record itself says"),
    Column("flags", SmallInteger),
    Column("quiet_ms", Integer),
    Column("edges", SmallInteger),
    Column("clock", Text, nullable=False),
    Column("pressed_utc", Double),
    Column("via", Text, nullable=False),
    Column("received_utc", Double, nullable=False),
    sqlite_with_rowid=False,
)

records = Table(
    "records",
    metadata,
    *_log_key(),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, nullable=False),
    Column("code", SmallInteger, nullable=False),
    Column("boot", Integer, comment="null: the record has no time of its own (ack)"),
    Column("uptime_ms", BigInteger),
    Column("body", LargeBinary, nullable=False, comment="the record's bytes 0..11, retry bit cleared"),
    Column("target_seq", BigInteger, comment="revise records: the press concerned"),
    Column("utc_s", BigInteger, comment="time records"),
    # Revise, boot and time records are few, and are looked for from anywhere in the log. All that is asked of them is
    # in these indexes: if SQLite had to look into the table it would walk the whole log by its key instead.
    Index(
        "revisions_by_target",
        "device_id",
        "log_id",
        "target_seq",
        "seq",
        "code",
        sqlite_where=text("target_seq IS NOT NULL"),
        postgresql_where=text("target_seq IS NOT NULL"),
    ),
    Index(
        "records_that_date",
        "device_id",
        "log_id",
        "seq",
        "kind",
        "boot",
        "uptime_ms",
        "utc_s",
        "code",
        sqlite_where=text(DATING_KINDS),
        postgresql_where=text(DATING_KINDS),
    ),
    sqlite_with_rowid=False,
)

spans = Table(
    "spans",
    metadata,
    *_log_key(),
    Column("first_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("totals_before", BigInteger, nullable=False, comment="lifetime presses before first_seq"),
    Column("check_seq", BigInteger, nullable=False, comment="newest seq whose totals the terminal told"),
    Column("totals_check", BigInteger, nullable=False, comment="lifetime presses before check_seq"),
    Column("presses_check", BigInteger, nullable=False, comment="presses that are rows below check_seq"),
    Column("presses", BigInteger, nullable=False, comment="presses that are rows in the span"),
    Column("lost", BigInteger, nullable=False, comment="presses known to be lost in the span"),
    sqlite_with_rowid=False,
)

logs = Table(
    "logs",
    metadata,
    *_log_key(),
    Column("totals_1", BigInteger, comment="newest lifetime totals by button"),
    Column("totals_2", BigInteger),
    Column("totals_3", BigInteger),
    Column("totals_4", BigInteger),
    Column("totals_seq", BigInteger, comment="the seq before which they hold"),
    Column("pressed", BigInteger, comment="lifetime presses, as far as the terminal told"),
    Column("told_seq", BigInteger, comment="newest totals told apart from a batch"),
    Column("told_total", BigInteger),
    Column("marker_seq", BigInteger, comment="the newest boot or time record"),
    Column("marker_boot", Integer),
    Column("marker_offset_ms", BigInteger, comment="1970 milliseconds at uptime 0; null: a boot record"),
    Column("next_seq", BigInteger, nullable=False),
    Column("oldest_seq", BigInteger, nullable=False),
    Column("cursor_seq", BigInteger, nullable=False, comment="what is older the terminal takes for settled"),
    Column("duplicates", BigInteger, nullable=False),
    Column("conflicts", BigInteger, nullable=False),
    Column("first_seen_utc", Double, nullable=False),
    Column("last_seen_utc", Double, nullable=False),
    Column("presses", BigInteger, nullable=False, server_default="0", comment="presses that are rows"),
    Column("lost", BigInteger, nullable=False, server_default="0", comment="presses known to be lost"),
    Column("open_gaps", BigInteger, nullable=False, server_default="0", comment="gaps that the terminal still holds"),
    Column("pace_seq", BigInteger, comment="the next seq when it began to be heard"),
    Column("pace_utc", Double, comment="when that was"),
    sqlite_with_rowid=False,
)

redating = Table(
    "redating",
    metadata,
    *_log_key(),
    Column("low_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("high_seq", BigInteger, nullable=False, comment="presses from low_seq to here are to be dated again"),
    sqlite_with_rowid=False,
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("digest", String(64), primary_key=True, comment="SHA-256 of all that says what it is"),
    Column("device_id", Text, nullable=False),
    Column("source", Text, nullable=False, comment="MQTT topic, or the way by which it came"),
    Column("reason", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("received_utc", Double, nullable=False, comment="first time"),
    Column("last_utc", Double, nullable=False),
    Column("times", BigInteger, nullable=False),
    Index("quarantine_by_device", "device_id"),
)

quarantine_sums = Table(
    "quarantine_sums",
    metadata,
    Column("device_id", Text, primary_key=True, comment="empty: messages that name no terminal"),
    Column("kept", BigInteger, nullable=False, comment="rows in quarantine"),
    Column("kept_bytes", BigInteger, nullable=False, comment="their payloads"),
    Column("not_kept", BigInteger, nullable=False, comment="messages for which there was no room"),
    Column("released", BigInteger, nullable=False, comment="messages that were taken in after all"),
    Column("dropped", BigInteger, nullable=False, comment="messages that a person did away with"),
)

terminals = Table(
    "terminals",
    metadata,
    Column("device_id", String(32), primary_key=True),
    Column("firmware", String(64), comment="as its newest state messages said; null: not told"),
    Column("supply_mv", Integer),
    Column("rssi", Integer),
    Column("forgotten_utc", Double, comment="retired: told to nobody any more, until it speaks again"),
    Column("cleared_utc", Double, comment="since when the broker keeps nothing of it"),
    sqlite_with_rowid=False,
)

NO_HOUR: Final = -1
"""The `hourly.hour` of presses whose time is not known."""

hourly = Table(
    "hourly",
    metadata,
    Column("device_id", String(32), primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False, comment="hours of 1970; -1: not known"),
    Column("button", SmallInteger, primary_key=True, autoincrement=False),
    Column("verdict", String(16), primary_key=True),
    Column("presses", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
