"""Sums of the ledger beside the rows, bounded quarantine, dating in parts, facts of terminals."""

import sqlalchemy as sa
from alembic import op

revision = "schema_2"
down_revision = "schema_1"

_FIRST_SUMS = (
    """
    UPDATE logs SET presses = (SELECT CAST(coalesce(sum(presses.count), 0) AS BIGINT) FROM presses
        WHERE presses.device_id = logs.device_id AND presses.log_id = logs.log_id)
    """,
    """
    UPDATE logs SET lost = (SELECT CAST(coalesce(sum(spans.lost), 0) AS BIGINT) FROM spans
            WHERE spans.device_id = logs.device_id AND spans.log_id = logs.log_id)
        + coalesce((SELECT CASE WHEN spans.first_seq <= logs.oldest_seq THEN spans.totals_before ELSE 0 END
            FROM spans WHERE spans.device_id = logs.device_id AND spans.log_id = logs.log_id
            ORDER BY spans.first_seq LIMIT 1), 0)
    """,
    # Spans never have a gap wholly below oldest_seq between them, so each that begins above it has an open gap below.
    """
    UPDATE logs SET open_gaps = (SELECT count(*) FROM spans
        WHERE spans.device_id = logs.device_id AND spans.log_id = logs.log_id AND spans.first_seq > logs.oldest_seq)
    """,
    "UPDATE logs SET pace_seq = next_seq, pace_utc = last_seen_utc",
    """
    INSERT INTO quarantine_sums (device_id, kept, kept_bytes, not_kept, released, dropped)
    SELECT device_id, count(*), sum(length(payload)), 0, 0, 0 FROM quarantine GROUP BY device_id
    """,
)


def upgrade() -> None:
    """Adds the tables, columns and indexes, filled from what is there."""
    tables = sa.MetaData()
    sa.Table(
        "redating",
        tables,
        sa.Column("device_id", sa.String(32), primary_key=True),
        sa.Column("log_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("low_seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column(
            "high_seq", sa.BigInteger, nullable=False, comment="presses from low_seq to here are to be dated again"
        ),
        sqlite_with_rowid=False,
    )
    sa.Table(
        "quarantine_sums",
        tables,
        sa.Column("device_id", sa.Text, primary_key=True, comment="empty: messages that name no terminal"),
        sa.Column("kept", sa.BigInteger, nullable=False, comment="rows in quarantine"),
        sa.Column("kept_bytes", sa.BigInteger, nullable=False, comment="their payloads"),
        sa.Column("not_kept", sa.BigInteger, nullable=False, comment="messages for which there was no room"),
        sa.Column("released", sa.BigInteger, nullable=False, comment="messages that were taken in after all"),
        sa.Column("dropped", sa.BigInteger, nullable=False, comment="messages that a person did away with"),
    )
    sa.Table(
        "terminals",
        tables,
        sa.Column("device_id", sa.String(32), primary_key=True),
        sa.Column("firmware", sa.String(64), comment="as its newest state messages said; null: not told"),
        sa.Column("supply_mv", sa.Integer),
        sa.Column("rssi", sa.Integer),
        sa.Column("forgotten_utc", sa.Double, comment="retired: told to nobody any more, until it speaks again"),
        sa.Column("cleared_utc", sa.Double, comment="since when the broker keeps nothing of it"),
        sqlite_with_rowid=False,
    )
    tables.create_all(op.get_bind())
    for name, said in (
        ("presses", "presses that are rows"),
        ("lost", "presses known to be lost"),
        ("open_gaps", "gaps that the terminal still holds"),
    ):
        op.add_column("logs", sa.Column(name, sa.BigInteger, nullable=False, server_default="0", comment=said))
    op.add_column("logs", sa.Column("pace_seq", sa.BigInteger, comment="the next seq when it began to be heard"))
    op.add_column("logs", sa.Column("pace_utc", sa.Double, comment="when that was"))
    op.drop_index("records_by_target")
    for name, columns, where in (
        ("revisions_by_target", "device_id log_id target_seq seq code", "target_seq IS NOT NULL"),
        # boot and time records
        ("records_that_date", "device_id log_id seq kind boot uptime_ms utc_s code", "kind IN (4, 5)"),
    ):
        condition = sa.text(where)
        op.create_index(name, "records", columns.split(), sqlite_where=condition, postgresql_where=condition)
    op.create_index("quarantine_by_device", "quarantine", ["device_id"])
    for statement in _FIRST_SUMS:
        op.execute(statement)
