"""Roll-ups by place, survey and hour; sites; tokens and audit; presses by the month on PostgreSQL."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from hymio.store.partitions import partition_presses

revision = "schema_3"
down_revision = "schema_2"


def upgrade() -> None:
    """Adds the tables, and what the old ones lack; `hymio.store.upgrade` fills the roll-ups then."""
    op.drop_table("hourly")
    tables = sa.MetaData()
    _figures(tables)
    _sites(tables)
    _answers(tables)
    _access(tables)
    tables.create_all(op.get_bind())
    op.add_column("presses", _number("arrival", "which transaction brought it", server_default="0"))
    op.add_column("logs", _number("pruned_seq", "rows below it were folded", server_default="0"))
    op.add_column("logs", _number("folded", "of presses, those whose rows were pruned", server_default="0"))
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE logs SET (fillfactor = 70)")
        partition_presses(op.get_bind())
    op.create_index("presses_by_time", "presses", ["device_id", "pressed_utc"])
    op.create_index("presses_by_arrival", "presses", ["arrival", "device_id", "log_id", "seq"])
    is_answer = sa.text("verdict = 'answer'")
    op.create_index(
        "answers_by_time",
        "presses",
        ["device_id", "pressed_utc"],
        sqlite_where=is_answer,
        postgresql_where=is_answer,
    )


def _number(name: str, comment: str | None = None, **more: Any) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, comment=comment, **more)


def _key(name: str, kind: Any = sa.Integer, comment: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False, comment=comment)


def _of(table: str, name: str, nullable: bool = False, comment: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey(f"{table}.id"), nullable=nullable, comment=comment)


def _text(name: str, size: int | None = None, comment: str | None = None, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text if size is None else sa.String(size), nullable=nullable, comment=comment)


def _buttons() -> list[sa.Column[int]]:
    return [sa.Column(f"n{button}", sa.Integer, nullable=False) for button in range(1, 5)]


def _figures(tables: sa.MetaData) -> None:
    sa.Table(
        "cells",
        tables,
        sa.Column("device_id", sa.String(32), primary_key=True),
        _key("span", sa.SmallInteger, "0 ever, 1 local day, 2 hour, 3 month"),
        _key("start_utc_minute", sa.BigInteger, "minutes of 1970"),
        _key("node_id", comment="the experience point; 0: none"),
        _key("survey_id", comment="0: none"),
        sa.Column("verdict", sa.String(16), primary_key=True),
        *(_number(f"n{button}", "presses, those folded too") for button in range(1, 5)),
        *(_number(f"folded_{button}", "those without rows", server_default="0") for button in range(1, 5)),
        postgresql_with={"fillfactor": 70},
        sqlite_with_rowid=False,
    )
    sa.Table("counters", tables, sa.Column("name", sa.String(16), primary_key=True), _number("value"))
    sa.Table(
        "staff_open",
        tables,
        _key("node_id"),
        _key("survey_id"),
        *_buttons(),
        comment="answers of staff that do not fill a block yet",
    )
    sa.Table(
        "staff_blocks",
        tables,
        _key("node_id"),
        _key("survey_id"),
        _key("number", comment="in order of arrival, 0 first"),
        sa.Column("full_utc", sa.Double, nullable=False, comment="when its last answer was taken"),
        *_buttons(),
    )


def _sites(tables: sa.MetaData) -> None:
    def of_organisation() -> list[sa.Column[Any]]:
        return [
            sa.Column("id", sa.Integer, primary_key=True),
            _of("organisations", "organisation_id"),
            _text("key", 64, "as in the site's file; stays for ever"),
        ]

    sa.Table(
        "organisations",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(64), nullable=False, unique=True),
        _text("name"),
        _text("locale", 16),
        _text("time_zone", 64),
        sa.Column(
            "good", sa.Double, nullable=False, comment="Happy Index from which on a place is GOOD; the next two alike"
        ),
        sa.Column("excellent", sa.Double, nullable=False),
        sa.Column("the_very_best", sa.Double, nullable=False),
        sa.Column("too_few_customer", sa.Integer, nullable=False, comment="a cell with fewer answers is not shown"),
        sa.Column("too_few_staff", sa.Integer, nullable=False),
    )
    sa.Table(
        "nodes",
        tables,
        *of_organisation(),
        _text("name"),
        _text("kind", 8, "group or point"),
        _of("nodes", "parent_id", nullable=True, comment="null: right under the organisation"),
        _text("time_zone", 64, "null: as above it; the next two alike", nullable=True),
        _text("hours", None, "as in the site's file", nullable=True),
        _text("level", 16, nullable=True),
        _text("custom", None, "JSON object: custom data by label"),
        sa.Column("until_utc_minute", sa.BigInteger, comment="when it was given up"),
        sa.UniqueConstraint("organisation_id", "key"),
    )
    sa.Table(
        "questions",
        tables,
        *of_organisation(),
        _text("texts", None, "JSON object: text by locale"),
        sa.UniqueConstraint("organisation_id", "key"),
    )
    sa.Table(
        "surveys",
        tables,
        *of_organisation(),
        _of("questions", "question_id"),
        _text("first_day", 10, "2026-03-29, local to each place"),
        _text("last_day", 10, "null: until further notice", nullable=True),
        _text("type", 8, "customer or staff"),
        _text("scale", 8, "four, five or nps"),
        sa.UniqueConstraint("organisation_id", "key"),
    )
    sa.Table(
        "survey_places",
        tables,
        sa.Column("survey_id", sa.Integer, sa.ForeignKey("surveys.id"), primary_key=True, autoincrement=False),
        sa.Column("node_id", sa.Integer, sa.ForeignKey("nodes.id"), primary_key=True, autoincrement=False),
    )
    sa.Table(
        "follow_ups",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        _of("surveys", "survey_id"),
        sa.Column(
            "positive", sa.SmallInteger, nullable=False, comment="1: asked after a happy vote, 0: after an unhappy one"
        ),
        _text("texts", None, "JSON object: text by locale"),
        sa.Column("ended", sa.SmallInteger, nullable=False, server_default="0", comment="1: not asked any more"),
        sa.UniqueConstraint("survey_id", "positive"),
    )
    sa.Table(
        "follow_up_options",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        _of("follow_ups", "follow_up_id"),
        _text("key", 64),
        sa.Column("position", sa.SmallInteger, comment="1 first; null: not asked any more"),
        _text("texts", None, "JSON object: text by locale"),
        sa.UniqueConstraint("follow_up_id", "key"),
    )
    sa.Table(
        "placements",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        _text("device_id", 32),
        _of("nodes", "node_id"),
        _number("from_utc_minute"),
        sa.Column(
            "until_utc_minute", sa.BigInteger, comment="null: it still stands there; the same as from: withdrawn"
        ),
        _text("asks", 8, "customer or staff"),
        sa.UniqueConstraint("device_id", "from_utc_minute"),
    )


def _answers(tables: sa.MetaData) -> None:
    sa.Table(
        "answers",
        tables,
        sa.Column(
            "answer_id", sa.String(36), primary_key=True, comment="made by whoever was asked, so that it counts once"
        ),
        _of("nodes", "node_id"),
        _of("surveys", "survey_id"),
        sa.Column("answered_utc", sa.Double, nullable=False),
        sa.Column("received_utc", sa.Double, nullable=False),
        _text("via"),
        sa.Column("face", sa.SmallInteger, comment="1 to 4, or 1 to 5; null: not asked"),
        sa.Column("score", sa.SmallInteger, comment="0 to 10; null: not asked"),
        _text("options", None, "JSON array: ids of follow_up_options", nullable=True),
        _text("locale", 16, nullable=True),
        _text("text", nullable=True),
        _text("verdict", 16, "counted, or why not: spam"),
        _number("arrival", "which transaction brought it", server_default="0"),
        sa.Index("answers_by_place", "node_id", "answered_utc", "answer_id"),
    )


def _access(tables: sa.MetaData) -> None:
    sa.Table(
        "tokens",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        _text("name"),
        sa.Column(
            "digest",
            sa.String(64),
            nullable=False,
            unique=True,
            comment="SHA-256 of the token, which nobody keeps",
        ),
        _of("organisations", "organisation_id"),
        _of("nodes", "node_id", nullable=True, comment="this place and all below it; null: all"),
        sa.Column("created_utc", sa.Double, nullable=False),
        sa.Column("expires_utc", sa.Double),
        sa.Column("revoked_utc", sa.Double),
    )
    sa.Table(
        "audit",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at_utc", sa.Double, nullable=False),
        _text("who", None, "the account on the computer, or the token's name"),
        _text("action", 32, "site.import, token.create, db.prune, ..."),
        _text("details", None, "JSON object; holds no secret"),
    )
