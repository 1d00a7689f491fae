"""Accounts, links of wall displays, schedules of reports, and what each terminal said last."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "schema_4"
down_revision = "schema_3"

_HEARD = """
    INSERT INTO terminal_states (device_id, heard_utc)
    SELECT device_id, max(last_seen_utc) FROM logs GROUP BY device_id
"""
_STANDING = """
    INSERT INTO terminal_states (device_id) SELECT DISTINCT device_id FROM placements
    WHERE device_id NOT IN (SELECT device_id FROM terminal_states)
"""
_FACTS = tuple(
    f"""
    UPDATE terminal_states SET {name} = (SELECT {name} FROM terminals
                                         WHERE terminals.device_id = terminal_states.device_id)
    """
    for name in ("firmware", "supply_mv", "rssi")
)


def upgrade() -> None:
    """Adds the tables; of terminals there is what logs, placements and facts say, until they speak again."""
    tables = sa.MetaData()
    for name in ("organisations", "nodes", "surveys"):  # so that the new ones can refer to them
        sa.Table(name, tables, sa.Column("id", sa.Integer, primary_key=True))
    _terminals(tables)
    _accounts(tables)
    _links(tables)
    tables.create_all(op.get_bind())
    for name, where in (
        ("logs_that_wait", "pressed - presses - lost <> 0 OR open_gaps <> 0"),
        ("logs_with_losses", "lost > 0"),
    ):
        condition = sa.text(where)
        op.create_index(name, "logs", ["device_id"], sqlite_where=condition, postgresql_where=condition)
    for name, where in (
        ("problem", "problem IS NOT NULL"),
        ("clock_unset", "clock_set = 0"),
        ("supply_low", "supply_low = 1"),
    ):
        condition, index = sa.text(where), f"terminals_with_{name}"
        op.create_index(index, "terminal_states", ["device_id"], sqlite_where=condition, postgresql_where=condition)
    for statement in (_HEARD, _STANDING, *_FACTS):
        op.execute(statement)


def _utc(name: str, comment: str | None = None, nullable: bool = True) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=nullable, comment=comment)


def _text(name: str, size: int | None = None, comment: str | None = None, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text if size is None else sa.String(size), nullable=nullable, comment=comment)


def _of(table: str, name: str, nullable: bool = False, comment: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey(f"{table}.id"), nullable=nullable, comment=comment)


def _place() -> list[sa.Column[int]]:
    return [
        _of("organisations", "organisation_id"),
        _of("nodes", "node_id", nullable=True, comment="this place and all below it; null: all"),
    ]


def _terminals(tables: sa.MetaData) -> None:
    def maybe(name: str, kind: Any, comment: str | None = None) -> sa.Column[Any]:
        return sa.Column(name, kind, comment=comment)

    sa.Table(
        "terminal_states",
        tables,
        sa.Column("device_id", sa.String(32), primary_key=True),
        _utc("heard_utc", "when anything came from it last; null: it stands somewhere, and never spoke"),
        _utc("said_utc", "when its newest state message came; what follows is from that"),
        maybe("state", sa.String(8), "online, asleep, offline"),
        maybe("problem", sa.Text, "why it does not count, or has no broker, or does not believe a clock"),
        maybe("unsent", sa.BigInteger, "presses"),
        maybe("clock_set", sa.SmallInteger, "1: it knows the time"),
        maybe("supply_mv", sa.Integer, "null: it has no battery"),
        maybe("supply_low", sa.SmallInteger),
        maybe("full_mv", sa.Integer, "the supply when its battery began to be heard of; it has fallen since"),
        _utc("full_utc"),
        _utc("empty_utc", "when the battery will be low, if it goes on as it did; null: not known"),
        maybe("rssi", sa.Integer),
        maybe("worst_button", sa.SmallInteger, "whose switch bounces most"),
        maybe("edges_a_press", sa.Double, "of that switch; 2 is a clean one"),
        maybe("firmware", sa.String(64)),
        _utc("cert_ends_utc"),
        maybe("facts", sa.Text, "JSON object: what else the message says, but no presses by button"),
        *(
            sa.Index(f"terminals_by_{name}", name, "device_id")
            for name in [
                "heard_utc",
                "unsent",
                "supply_mv",
                "empty_utc",
                "rssi",
                "edges_a_press",
                "firmware",
                "cert_ends_utc",
            ]
        ),
        postgresql_with={"fillfactor": 70},
    )


def _accounts(tables: sa.MetaData) -> None:
    sa.Table(
        "users",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "name", sa.String(254), nullable=False, unique=True, comment="as it is typed to log in, in small letters"
        ),
        _text("email", 254, "where reports and alerts go; null: nowhere", nullable=True),
        _text("role", 8, "admin, manager or viewer"),
        _text("password", None, "Argon2id; null: logs in elsewhere only", nullable=True),
        _text("issuer", 255, "OpenID Connect: who says who it is; null: nobody but we", nullable=True),
        _text("subject", 255, "who it is there; null: whoever has the e-mail address, the first time", nullable=True),
        _utc("created_utc", nullable=False),
        _utc("disabled_utc"),
        _utc("last_login_utc"),
        sa.UniqueConstraint("issuer", "subject"),
    )
    sa.Table(
        "user_places",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        _of("users", "user_id"),
        *_place(),
        sa.Index("places_of_user", "user_id"),
        comment="what a manager or viewer may see; an admin sees everything",
    )
    sa.Table(
        "sessions",
        tables,
        sa.Column("digest", sa.String(64), primary_key=True, comment="SHA-256 of what the cookie holds"),
        _of("users", "user_id"),
        _utc("created_utc", nullable=False),
        _utc("expires_utc", nullable=False),
        sa.Index("sessions_of_user", "user_id"),
        sa.Index("sessions_by_end", "expires_utc"),
        comment="who is logged in; a row that goes logs its browser out",
    )
    sa.Table(
        "server_keys",
        tables,
        sa.Column("name", sa.String(16), primary_key=True, comment="cookies: signs what browsers keep"),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        _utc("created_utc", nullable=False),
    )


def _links(tables: sa.MetaData) -> None:
    sa.Table(
        "wall_links",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "digest",
            sa.String(64),
            nullable=False,
            unique=True,
            comment="SHA-256 of the secret, which nobody keeps",
        ),
        _text("name", None, "which screen it is, as people call it"),
        *_place(),
        _of("surveys", "survey_id", nullable=True, comment="null: whichever runs there"),
        _text("created_by"),
        _utc("created_utc", nullable=False),
        _utc("revoked_utc"),
    )
    sa.Table(
        "report_schedules",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        *_place(),
        _text("every", 8, "day, week or month"),
        _text("locale", 16),
        _text("format", 8, "html or pdf"),
        _text("kind", 8, "email or folder: what the next one is"),
        _text("recipient"),
        _text("created_by"),
        _utc("created_utc", nullable=False),
        _utc("ended_utc"),
        _utc("sent_utc", "when the last one went"),
        _text("sent_through", 10, "the last local day that it told of: 2026-03-29", nullable=True),
        _text("trouble", None, "why the last attempt failed; null: it did not", nullable=True),
    )
