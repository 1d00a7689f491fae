"""The tables of the database, as SQLAlchemy knows them."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)

from hymio.wire.records import Kind

SCHEMA_VERSION: Final = 5
"""Rises with every change that an older hymio must not write to; `migrations/versions` has a revision for each."""

DATING_KINDS: Final = f"kind IN ({int(Kind.BOOT)}, {int(Kind.TIME)})"
"""Which rows of `records` date presses, in SQL: an index holds exactly these."""

IS_ANSWER: Final = "verdict = 'answer'"
"""Which rows of `presses` answer a follow-up: they are few, and looked for among all others."""

WAITS: Final = "pressed - presses - lost <> 0 OR open_gaps <> 0"
"""Which rows of `logs` have presses that are not here yet, in SQL."""

HAS_PERSON: Final = "person IS NOT NULL"
"""Which answers come from somebody who was invited."""

IS_OPEN: Final = "closed_utc IS NULL"
IS_DUE: Final = "due_utc IS NOT NULL"
IS_DEAD: Final = "dead_utc IS NOT NULL"
"""Which rows of `alerts`, `cases`, `invitations` and `deliveries` somebody has to look after, in SQL: they are few."""

metadata = MetaData()


@event.listens_for(metadata, "before_create")
def _as_postgresql_has_it(_target: MetaData, connection: Connection, **_: Any) -> None:
    """Has what is a matter of that database alone; told of it before, SQLAlchemy would import its dialect at once."""
    if connection.dialect.name == "postgresql":
        for table in metadata.tables.values():
            table.dialect_options["postgresql"]["with"] = dict(table.info) or None
            for index in table.indexes:
                index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]


schema_version = Table("hymio_schema", metadata, Column("version", Integer, nullable=False))

LogKey = tuple[str, int]
"""(device_id, log_id): how a log is named everywhere."""


_CHANGES: Final = {"fillfactor": 70}
"""Of tables whose rows change with every message: with room in the page, PostgreSQL leaves the index alone."""


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
    Column("arrival", BigInteger, nullable=False, server_default="0", comment="which transaction brought it"),
    Index("presses_by_time", "device_id", "pressed_utc"),
    # In the order in which readers follow it: of one transaction there may be many rows.
    Index("presses_by_arrival", "arrival", "device_id", "log_id", "seq"),
    Index(
        "answers_by_time",
        "device_id",
        "pressed_utc",
        sqlite_where=text(IS_ANSWER),
    ),
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
    Column("pruned_seq", BigInteger, nullable=False, server_default="0", comment="rows below it were folded"),
    Column(
        "folded", BigInteger, nullable=False, server_default="0", comment="of presses, those whose rows were pruned"
    ),
    # They are few: of a terminal that is well every press is here.
    Index("logs_that_wait", "device_id", sqlite_where=text(WAITS)),
    Index("logs_with_losses", "device_id", sqlite_where=text("lost > 0")),
    info=_CHANGES,
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


STATE_ORDERS: Final = (
    "heard_utc",
    "unsent",
    "supply_mv",
    "empty_utc",
    "rssi",
    "edges_a_press",
    "firmware",
    "cert_ends_utc",
)
"""By which columns `terminal_states` can be had in order."""

TROUBLES: Final = {"problem": "problem IS NOT NULL", "clock_unset": "clock_set = 0", "supply_low": "supply_low = 1"}
"""Which rows of `terminal_states` somebody has to look after, in SQL."""

terminal_states = Table(
    "terminal_states",
    metadata,
    Column("device_id", String(32), primary_key=True),
    Column("heard_utc", Double, comment="when anything came from it last; null: it stands somewhere, and never spoke"),
    Column("said_utc", Double, comment="when its newest state message came; what follows is from that"),
    Column("state", String(8), comment="online, asleep, offline"),
    Column("problem", Text, comment="why it does not count, or has no broker, or does not believe a clock"),
    Column("unsent", BigInteger, comment="presses"),
    Column("clock_set", SmallInteger, comment="1: it knows the time"),
    Column("supply_mv", Integer, comment="null: it has no battery"),
    Column("supply_low", SmallInteger),
    Column("full_mv", Integer, comment="the supply when its battery began to be heard of; it has fallen since"),
    Column("full_utc", Double),
    Column("empty_utc", Double, comment="when the battery will be low, if it goes on as it did; null: not known"),
    Column("rssi", Integer),
    Column("worst_button", SmallInteger, comment="whose switch bounces most"),
    Column("edges_a_press", Double, comment="of that switch; 2 is a clean one"),
    Column("firmware", String(64)),
    Column("cert_ends_utc", Double),
    Column("facts", Text, comment="JSON object: what else the message says, but no presses by button"),
    *(Index(f"terminals_by_{name}", name, "device_id") for name in STATE_ORDERS),
    # These are few.
    *(Index(f"terminals_with_{name}", "device_id", sqlite_where=text(which)) for name, which in TROUBLES.items()),
    info=_CHANGES,
)
"""What each terminal said last, as a technician sorts and looks for it; one row for each, however often it speaks."""


class CellSpan(IntEnum):
    """How long the time is that a row of `cells` sums up."""

    EVER = 0
    """Since the terminal's first press, with and without a date; `start_utc_minute` is 0."""
    DAY = 1
    """A day of the place's own clock (`measures.buckets`), or `NO_TIME`."""
    HOUR = 2
    """An hour of it, or `NO_TIME`."""
    MONTH = 3
    """A month of it, or `NO_TIME`: what years of a place are made of, with a thirtieth of the rows."""


NO_TIME: Final = -(1 << 40)
"""The `cells.start_utc_minute` of presses whose time is not known: before all others."""

NOWHERE: Final = 0
"""The `node_id` and `survey_id` of presses that belong to no place, or to no survey."""

OUT_OF_HOURS: Final = "out-of-hours"
"""The `cells.verdict` of presses that the terminal counted while the place was closed: `closed` in figures of places,
`counted` in those of the terminal, as in `presses_v1`."""

cells = Table(
    "cells",
    metadata,
    Column("device_id", String(32), primary_key=True),
    Column(
        "span",
        SmallInteger,
        primary_key=True,
        autoincrement=False,
        comment="0 ever, 1 local day, 2 hour, 3 month",
    ),
    Column("start_utc_minute", BigInteger, primary_key=True, autoincrement=False, comment="minutes of 1970"),
    Column("node_id", Integer, primary_key=True, autoincrement=False, comment="the experience point; 0: none"),
    Column("survey_id", Integer, primary_key=True, autoincrement=False, comment="0: none"),
    Column("verdict", String(16), primary_key=True),
    # Side by side: with a row for each button a message would change more than twice as many.
    *(Column(f"n{button}", BigInteger, nullable=False, comment="presses, those folded too") for button in range(1, 5)),
    *(
        Column(f"folded_{button}", BigInteger, nullable=False, server_default="0", comment="those without rows")
        for button in range(1, 5)
    ),
    info=_CHANGES,
    sqlite_with_rowid=False,
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""`arrival`: the number of the newest transaction that brought presses; its row is locked until that commits, so who
reads a value has everything up to it. `site`: rises with every change of a site."""

organisations = Table(
    "organisations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("locale", String(16), nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("good", Double, nullable=False, comment="Happy Index from which on a place is GOOD; the next two alike"),
    Column("excellent", Double, nullable=False),
    Column("the_very_best", Double, nullable=False),
    Column("too_few_customer", Integer, nullable=False, comment="a cell with fewer answers is not shown"),
    Column("too_few_staff", Integer, nullable=False),
)


def _of_place() -> list[Column[Any]]:
    return [
        Column("id", Integer, primary_key=True),
        Column("organisation_id", Integer, ForeignKey("organisations.id"), nullable=False),
        Column("node_id", Integer, ForeignKey("nodes.id"), comment="this place and all below it; null: all"),
    ]


def _of_organisation() -> list[Column[Any]]:
    return [
        Column("id", Integer, primary_key=True),
        Column("organisation_id", Integer, ForeignKey("organisations.id"), nullable=False),
        Column("key", String(64), nullable=False, comment="as in the site's file; stays for ever"),
    ]


nodes = Table(
    "nodes",
    metadata,
    *_of_organisation(),
    Column("name", Text, nullable=False),
    Column("kind", String(8), nullable=False, comment="group or point"),
    Column("parent_id", Integer, ForeignKey("nodes.id"), comment="null: right under the organisation"),
    Column("time_zone", String(64), comment="null: as above it; the next two alike"),
    Column("hours", Text, comment="as in the site's file"),
    Column("level", String(16)),
    Column("custom", Text, nullable=False, comment="JSON object: custom data by label"),
    Column("until_utc_minute", BigInteger, comment="when it was given up"),
    UniqueConstraint("organisation_id", "key"),
)

questions = Table(
    "questions",
    metadata,
    *_of_organisation(),
    Column("texts", Text, nullable=False, comment="JSON object: text by locale"),
    UniqueConstraint("organisation_id", "key"),
)

surveys = Table(
    "surveys",
    metadata,
    *_of_organisation(),
    Column("question_id", Integer, ForeignKey("questions.id"), nullable=False),
    Column("first_day", String(10), nullable=False, comment="2026-03-29, local to each place"),
    Column("last_day", String(10), comment="null: until further notice"),
    Column("type", String(8), nullable=False, comment="customer or staff"),
    Column("scale", String(8), nullable=False, comment="four, five or nps"),
    UniqueConstraint("organisation_id", "key"),
)

survey_places = Table(
    "survey_places",
    metadata,
    Column("survey_id", Integer, ForeignKey("surveys.id"), primary_key=True, autoincrement=False),
    Column("node_id", Integer, ForeignKey("nodes.id"), primary_key=True, autoincrement=False),
)

follow_ups = Table(
    "follow_ups",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("survey_id", Integer, ForeignKey("surveys.id"), nullable=False),
    Column("positive", SmallInteger, nullable=False, comment="1: asked after a happy vote, 0: after an unhappy one"),
    Column("texts", Text, nullable=False, comment="JSON object: text by locale"),
    Column("ended", SmallInteger, nullable=False, server_default="0", comment="1: not asked any more"),
    UniqueConstraint("survey_id", "positive"),
)

follow_up_options = Table(
    "follow_up_options",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("follow_up_id", Integer, ForeignKey("follow_ups.id"), nullable=False),
    Column("key", String(64), nullable=False),
    Column("position", SmallInteger, comment="1 first; null: not asked any more"),
    Column("texts", Text, nullable=False, comment="JSON object: text by locale"),
    UniqueConstraint("follow_up_id", "key"),
)

placements = Table(
    "placements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("device_id", String(32), nullable=False),
    Column("node_id", Integer, ForeignKey("nodes.id"), nullable=False),
    Column("from_utc_minute", BigInteger, nullable=False),
    Column("until_utc_minute", BigInteger, comment="null: it still stands there; the same as from: withdrawn"),
    Column("asks", String(8), nullable=False, comment="customer or staff"),
    UniqueConstraint("device_id", "from_utc_minute"),
)

staff_open = Table(
    "staff_open",
    metadata,
    Column("node_id", Integer, primary_key=True, autoincrement=False),
    Column("survey_id", Integer, primary_key=True, autoincrement=False),
    *(Column(f"n{button}", Integer, nullable=False) for button in range(1, 5)),
    comment="answers of staff that do not fill a block yet",
)

staff_blocks = Table(
    "staff_blocks",
    metadata,
    Column("node_id", Integer, primary_key=True, autoincrement=False),
    Column("survey_id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="in order of arrival, 0 first"),
    Column("full_utc", Double, nullable=False, comment="when its last answer was taken"),
    *(Column(f"n{button}", Integer, nullable=False) for button in range(1, 5)),
)

answers = Table(
    "answers",
    metadata,
    Column("answer_id", String(36), primary_key=True, comment="made by whoever was asked, so that it counts once"),
    Column("node_id", Integer, ForeignKey("nodes.id"), nullable=False),
    Column("survey_id", Integer, ForeignKey("surveys.id"), nullable=False),
    Column("answered_utc", Double, nullable=False),
    Column("received_utc", Double, nullable=False),
    Column("via", Text, nullable=False),
    Column("face", SmallInteger, comment="1 to 4, or 1 to 5; null: not asked"),
    Column("score", SmallInteger, comment="0 to 10; null: not asked"),
    Column("options", Text, comment="JSON array: ids of follow_up_options"),
    Column("locale", String(16)),
    Column("text", Text),
    Column("verdict", String(16), nullable=False, comment="counted, or why not: spam"),
    Column("arrival", BigInteger, nullable=False, server_default="0", comment="which transaction brought it"),
    Column("reason", String(32), comment="why it does not count, more exactly; null: it does"),
    Column("external", Text, comment="JSON object: what the sender of the invitation calls it, for a CRM"),
    Column("person", String(64), comment="who was asked, as `invitations.person`; null: nobody knows"),
    Index("answers_by_place", "node_id", "answered_utc", "answer_id"),
    Index("answers_by_arrival", "arrival", "answer_id"),
    Index("answers_of_person", "person", sqlite_where=text(HAS_PERSON)),
)
"""What visitors said on their phones, on web pages and by personal links; a form with several questions is a row for
each survey."""

contacts = Table(
    "contacts",
    metadata,
    Column("answer_id", String(36), ForeignKey("answers.answer_id"), primary_key=True),
    Column("name", Text),
    Column("address", Text, nullable=False, comment="an e-mail address, or a telephone number"),
    Column("person", String(64), nullable=False, comment="HMAC of the address: finds it without reading the others"),
    Column("consent_id", Integer, ForeignKey("consents.id"), nullable=False, comment="to what exactly they agreed"),
    Column("consented_utc", Double, nullable=False),
    Index("contacts_of_person", "person"),
    comment="who wants to be called back",
)

consents = Table(
    "consents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("organisation_id", Integer, ForeignKey("organisations.id"), nullable=False),
    Column("version", Integer, nullable=False, comment="1 first; a text that somebody agreed to never changes"),
    Column("texts", Text, nullable=False, comment="JSON object: text by locale"),
    Column("from_utc", Double, nullable=False),
    UniqueConstraint("organisation_id", "version"),
)

retention = Table(
    "retention",
    metadata,
    Column("organisation_id", Integer, ForeignKey("organisations.id"), primary_key=True, autoincrement=False),
    Column("kind", String(16), primary_key=True, comment="texts, contacts, invitations, cases"),
    Column("days", Integer, nullable=False, comment="so long they are kept"),
)

invitation_batches = Table(
    "invitation_batches",
    metadata,
    Column("batch", String(64), primary_key=True, comment="SHA-256 of the list: the same one invites nobody twice"),
    Column("organisation_id", Integer, ForeignKey("organisations.id"), nullable=False),
    Column("url", Text, nullable=False, comment="where our pages are for those who are invited"),
    Column("template", Text, comment="JSON object: what messages say, by locale; null: as ours do"),
    Column("remind_after_s", Double, comment="so long after it was sent; null: nobody is reminded"),
    Column("created_by", Text, nullable=False),
    Column("created_utc", Double, nullable=False),
    comment="lists of whom to invite",
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uid", String(36), nullable=False, unique=True, comment="in the names of its messages"),
    Column("digest", String(64), nullable=False, unique=True, comment="SHA-256 of the link's secret"),
    Column("survey_id", Integer, ForeignKey("surveys.id"), nullable=False),
    Column("node_id", Integer, ForeignKey("nodes.id"), nullable=False),
    Column("batch", String(64), ForeignKey("invitation_batches.batch"), nullable=False),
    Column("person", String(64), nullable=False, comment="HMAC of the address: tells whether it is the same person"),
    Column("address", Text, comment="an e-mail address, or where else; null: not kept any more"),
    Column("via", String(8), nullable=False, comment="email, or link: whatever else takes a link to people"),
    Column("name", Text),
    Column("locale", String(16), nullable=False),
    Column("external", Text, comment="JSON object: what the CRM calls them; comes back with the answer"),
    Column("created_utc", Double, nullable=False),
    Column("expires_utc", Double, nullable=False),
    Column("sent_utc", Double),
    Column("due_utc", Double, comment="when the invitation, or else its reminder, is to be sent; null: neither"),
    Column("tries", Integer, nullable=False, server_default="0", comment="of what is due, those that failed"),
    Column("reminded_utc", Double),
    Column("answered_utc", Double),
    Column("bounced_utc", Double),
    Column("trouble", Text, comment="why it could not go"),
    UniqueConstraint("survey_id", "node_id", "batch", "person"),
    Index("invitations_of_person", "person"),
    Index("invitations_of_place", "node_id", "sent_utc"),
    Index("invitations_due", "due_utc", sqlite_where=text(IS_DUE)),
)

unsubscribed = Table(
    "unsubscribed",
    metadata,
    Column("organisation_id", Integer, ForeignKey("organisations.id"), primary_key=True, autoincrement=False),
    Column("person", String(64), primary_key=True),
    Column("at_utc", Double, nullable=False),
    comment="who is not to be written to; outlives all else that is known of them",
)

alert_rules = Table(
    "alert_rules",
    metadata,
    *_of_place(),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False, comment="which rule; `condition` has its numbers"),
    Column("condition", Text, nullable=False, comment="JSON object"),
    Column("channels", Text, nullable=False, comment="JSON array: ids of `channels`, who is told"),
    Column("escalate_s", Integer, comment="after so long without anybody; null: never"),
    Column("escalate_to", Text, comment="JSON array: ids of `channels`"),
    Column("quiet", Text, comment="local times in which nobody is told, as opening hours are written"),
    Column("state", Text, comment="JSON object: what it remembers of the stream"),
    Column("position", Text, comment="up to which press it has looked: `ArrivalPosition`"),
    Column("created_by", Text, nullable=False),
    Column("created_utc", Double, nullable=False),
    Column("ended_utc", Double),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uid", String(36), nullable=False, unique=True, comment="lets whoever is told drop a repetition"),
    Column("rule_id", Integer, ForeignKey("alert_rules.id"), nullable=False),
    Column("node_id", Integer, ForeignKey("nodes.id"), comment="where; null: all of the organisation"),
    Column("device_id", String(32)),
    Column("cause", String(128), nullable=False, comment="one cause, one alert: press, terminal and boot, ..."),
    Column("evidence", Text, nullable=False, comment="JSON object"),
    Column("raised_utc", Double, nullable=False),
    Column("told_utc", Double, comment="when it was put among `deliveries`; null: it waits for quiet hours to end"),
    Column("acknowledged_utc", Double),
    Column("acknowledged_by", Text),
    Column("comment", Text),
    Column("escalated_utc", Double),
    Column("closed_utc", Double),
    UniqueConstraint("rule_id", "cause"),
    Index("alerts_open", "rule_id", sqlite_where=text(IS_OPEN)),
    Index("alerts_by_time", "raised_utc"),
)

channels = Table(
    "channels",
    metadata,
    *_of_place(),
    Column("name", Text, nullable=False),
    Column("kind", String(8), nullable=False, comment="email, webhook, mqtt or apprise"),
    Column("target", Text, nullable=False, comment="address, URL or topic; may hold a secret, so it is never shown"),
    Column("secret", Text, comment="with which webhooks are signed"),
    Column("events", Text, nullable=False, comment="JSON array: alert, case, answer"),
    Column("locale", String(16), nullable=False),
    Column("may_be_inside", SmallInteger, nullable=False, server_default="0", comment="1: may be in our own network"),
    Column("created_by", Text, nullable=False),
    Column("created_utc", Double, nullable=False),
    Column("ended_utc", Double),
)
"""Ways to tell somebody, or a program, of what happened."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uid", String(36), nullable=False, unique=True, comment="the same each time it is tried"),
    Column("channel_id", Integer, ForeignKey("channels.id"), nullable=False),
    Column("event", String(32), nullable=False, comment="alert.raised, alert.closed, case.opened, ..."),
    Column("subject", String(64), nullable=False, comment="what it is of: alert 12, case 3"),
    Column("payload", Text, nullable=False, comment="JSON object"),
    Column("created_utc", Double, nullable=False),
    Column("due_utc", Double, comment="when it is tried next; null: never again"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("taken_utc", Double, comment="when the other side took it"),
    Column("dead_utc", Double, comment="when it was given up"),
    Column("trouble", Text, comment="what the last try ended with"),
    UniqueConstraint("channel_id", "event", "subject"),
    Index("deliveries_due", "due_utc", sqlite_where=text(IS_DUE)),
    Index("deliveries_dead", "dead_utc", sqlite_where=text(IS_DEAD)),
)

cases = Table(
    "cases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uid", String(36), nullable=False, unique=True),
    Column("organisation_id", Integer, ForeignKey("organisations.id"), nullable=False),
    Column("node_id", Integer, ForeignKey("nodes.id"), nullable=False),
    Column("answer_id", String(36), ForeignKey("answers.answer_id"), unique=True, comment="null: made by a person"),
    Column("kind", String(16), nullable=False, comment="unhappy: phone them; promoter: ask to recommend"),
    Column("owner_id", Integer, ForeignKey("users.id")),
    Column("external", Text, comment="what a CRM calls it"),
    Column("opened_utc", Double, nullable=False),
    Column("due_utc", Double, nullable=False),
    Column("told_overdue_utc", Double, comment="when it was told that it is late; null: it was not"),
    Column("closed_utc", Double),
    Column("closed_by", Text),
    Column("outcome", Text, comment="what was done"),
    Column("version", Integer, nullable=False, server_default="1", comment="rises with each change"),
    UniqueConstraint("organisation_id", "external"),
    Index("cases_open", "due_utc", sqlite_where=text(IS_OPEN)),
    Index("cases_by_place", "node_id", "opened_utc"),
)

case_notes = Table(
    "case_notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_id", Integer, ForeignKey("cases.id"), nullable=False),
    Column("at_utc", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", String(16), nullable=False, comment="opened, assigned, noted, closed, reopened"),
    Column("text", Text, nullable=False),
    Index("notes_of_case", "case_id", "id"),
)

actions = Table(
    "actions",
    metadata,
    *_of_place(),
    Column("day", String(10), nullable=False, comment="when it was changed, local: 2026-03-29"),
    Column("title", Text, nullable=False, comment="what was done, as a wall display shows it"),
    Column("details", Text),
    Column("published", SmallInteger, nullable=False, server_default="0", comment="1: on wall displays"),
    Column("created_by", Text, nullable=False),
    Column("created_utc", Double, nullable=False),
    Column("ended_utc", Double, comment="when it was taken back"),
    Index("actions_by_place", "node_id", "day"),
)
"""What was changed because of answers."""

tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", String(64), nullable=False, unique=True, comment="SHA-256 of the token, which nobody keeps"),
    Column("organisation_id", Integer, ForeignKey("organisations.id"), nullable=False),
    Column("node_id", Integer, ForeignKey("nodes.id"), comment="this place and all below it; null: all"),
    Column("created_utc", Double, nullable=False),
    Column("expires_utc", Double),
    Column("revoked_utc", Double),
    Column("cases", SmallInteger, nullable=False, server_default="0", comment="1: opens cases, with contacts, too"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at_utc", Double, nullable=False),
    Column("who", Text, nullable=False, comment="the account on the computer, or the token's name"),
    Column("action", String(32), nullable=False, comment="site.import, token.create, db.prune, ..."),
    Column("details", Text, nullable=False, comment="JSON object; holds no secret"),
)

users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(254), nullable=False, unique=True, comment="as it is typed to log in, in small letters"),
    Column("email", String(254), comment="where reports and alerts go; null: nowhere"),
    Column("role", String(8), nullable=False, comment="admin, manager or viewer"),
    Column("password", Text, comment="Argon2id; null: logs in elsewhere only"),
    Column("issuer", String(255), comment="OpenID Connect: who says who it is; null: nobody but we"),
    Column("subject", String(255), comment="who it is there; null: whoever has the e-mail address, the first time"),
    Column("created_utc", Double, nullable=False),
    Column("disabled_utc", Double),
    Column("last_login_utc", Double),
    UniqueConstraint("issuer", "subject"),
)

user_places = Table(
    "user_places",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False),
    Column("organisation_id", Integer, ForeignKey("organisations.id"), nullable=False),
    Column("node_id", Integer, ForeignKey("nodes.id"), comment="this place and all below it; null: all"),
    Index("places_of_user", "user_id"),
    comment="what a manager or viewer may see; an admin sees everything",
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True, comment="SHA-256 of what the cookie holds"),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False),
    Column("created_utc", Double, nullable=False),
    Column("expires_utc", Double, nullable=False),
    Index("sessions_of_user", "user_id"),
    Index("sessions_by_end", "expires_utc"),
    comment="who is logged in; a row that goes logs its browser out",
)

server_keys = Table(
    "server_keys",
    metadata,
    Column("name", String(16), primary_key=True, comment="cookies: signs what browsers keep"),
    Column("secret", LargeBinary, nullable=False),
    Column("created_utc", Double, nullable=False),
)

wall_links = Table(
    "wall_links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True, comment="SHA-256 of the secret, which nobody keeps"),
    Column("name", Text, nullable=False, comment="which screen it is, as people call it"),
    Column("organisation_id", Integer, ForeignKey("organisations.id"), nullable=False),
    Column("node_id", Integer, ForeignKey("nodes.id"), comment="this place and all below it; null: all"),
    Column("survey_id", Integer, ForeignKey("surveys.id"), comment="null: whichever runs there"),
    Column("created_by", Text, nullable=False),
    Column("created_utc", Double, nullable=False),
    Column("revoked_utc", Double),
)

report_schedules = Table(
    "report_schedules",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("organisation_id", Integer, ForeignKey("organisations.id"), nullable=False),
    Column("node_id", Integer, ForeignKey("nodes.id"), comment="this place and all below it; null: all"),
    Column("every", String(8), nullable=False, comment="day, week or month"),
    Column("locale", String(16), nullable=False),
    Column("format", String(8), nullable=False, comment="html or pdf"),
    Column("kind", String(8), nullable=False, comment="email or folder: what the next one is"),
    Column("recipient", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_utc", Double, nullable=False),
    Column("ended_utc", Double),
    Column("sent_utc", Double, comment="when the last one went"),
    Column("sent_through", String(10), comment="the last local day that it told of: 2026-03-29"),
    Column("tried_utc", Double, comment="when the one that is due now was last begun; null: it was not"),
    Column("trouble", Text, comment="why that failed; null: it did not, or it goes on"),
)
