"""What visitors say on their phones, whom we ask by a personal link, alerts, cases, and what was changed."""

import sqlalchemy as sa
from alembic import op

revision = "schema_5"
down_revision = "schema_4"


def upgrade() -> None:
    """Adds the tables, and what an answer has beside a face."""
    tables = sa.MetaData()
    for name in ("organisations", "nodes", "surveys", "users"):  # so that the new ones can refer to them
        sa.Table(name, tables, sa.Column("id", sa.Integer, primary_key=True))
    sa.Table("answers", tables, sa.Column("answer_id", sa.String(36), primary_key=True))
    _answers(tables)
    _invitations(tables)
    _alerts(tables)
    _cases(tables)
    tables.create_all(op.get_bind())
    for column in (
        sa.Column("reason", sa.String(32), comment="why it does not count, more exactly; null: it does"),
        sa.Column("external", sa.Text, comment="JSON object: what the sender of the invitation calls it, for a CRM"),
        sa.Column("person", sa.String(64), comment="who was asked, as `invitations.person`; null: nobody knows"),
    ):
        op.add_column("answers", column)
    cases = sa.Column(
        "cases", sa.SmallInteger, nullable=False, server_default="0", comment="1: opens cases, with contacts, too"
    )
    op.add_column("tokens", cases)
    op.create_index("answers_by_arrival", "answers", ["arrival", "answer_id"])
    condition = sa.text("person IS NOT NULL")
    op.create_index("answers_of_person", "answers", ["person"], sqlite_where=condition, postgresql_where=condition)


def _index(name: str, *columns: str, where: str) -> sa.Index:
    return sa.Index(name, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _answers(tables: sa.MetaData) -> None:
    sa.Table(
        "consents",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("organisation_id", sa.Integer, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column(
            "version", sa.Integer, nullable=False, comment="1 first; a text that somebody agreed to never changes"
        ),
        sa.Column("texts", sa.Text, nullable=False, comment="JSON object: text by locale"),
        sa.Column("from_utc", sa.Double, nullable=False),
        sa.UniqueConstraint("organisation_id", "version"),
    )
    sa.Table(
        "contacts",
        tables,
        sa.Column("answer_id", sa.String(36), sa.ForeignKey("answers.answer_id"), primary_key=True),
        sa.Column("name", sa.Text),
        sa.Column("address", sa.Text, nullable=False, comment="an e-mail address, or a telephone number"),
        sa.Column(
            "person", sa.String(64), nullable=False, comment="HMAC of the address: finds it without reading the others"
        ),
        sa.Column(
            "consent_id",
            sa.Integer,
            sa.ForeignKey("consents.id"),
            nullable=False,
            comment="to what exactly they agreed",
        ),
        sa.Column("consented_utc", sa.Double, nullable=False),
        sa.Index("contacts_of_person", "person"),
        comment="who wants to be called back",
    )
    sa.Table(
        "retention",
        tables,
        sa.Column(
            "organisation_id", sa.Integer, sa.ForeignKey("organisations.id"), primary_key=True, autoincrement=False
        ),
        sa.Column("kind", sa.String(16), primary_key=True, comment="texts, contacts, invitations, cases"),
        sa.Column("days", sa.Integer, nullable=False, comment="so long they are kept"),
    )


def _invitations(tables: sa.MetaData) -> None:
    sa.Table(
        "invitation_batches",
        tables,
        sa.Column(
            "batch", sa.String(64), primary_key=True, comment="SHA-256 of the list: the same one invites nobody twice"
        ),
        sa.Column("organisation_id", sa.Integer, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("url", sa.Text, nullable=False, comment="where our pages are for those who are invited"),
        sa.Column("template", sa.Text, comment="JSON object: what messages say, by locale; null: as ours do"),
        sa.Column("remind_after_s", sa.Double, comment="so long after it was sent; null: nobody is reminded"),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_utc", sa.Double, nullable=False),
        comment="lists of whom to invite",
    )
    sa.Table(
        "invitations",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("uid", sa.String(36), nullable=False, unique=True, comment="in the names of its messages"),
        sa.Column("digest", sa.String(64), nullable=False, unique=True, comment="SHA-256 of the link's secret"),
        sa.Column("survey_id", sa.Integer, sa.ForeignKey("surveys.id"), nullable=False),
        sa.Column("node_id", sa.Integer, sa.ForeignKey("nodes.id"), nullable=False),
        sa.Column("batch", sa.String(64), sa.ForeignKey("invitation_batches.batch"), nullable=False),
        sa.Column(
            "person", sa.String(64), nullable=False, comment="HMAC of the address: tells whether it is the same person"
        ),
        sa.Column("address", sa.Text, comment="an e-mail address, or where else; null: not kept any more"),
        sa.Column("via", sa.String(8), nullable=False, comment="email, or link: whatever else takes a link to people"),
        sa.Column("name", sa.Text),
        sa.Column("locale", sa.String(16), nullable=False),
        sa.Column("external", sa.Text, comment="JSON object: what the CRM calls them; comes back with the answer"),
        sa.Column("created_utc", sa.Double, nullable=False),
        sa.Column("expires_utc", sa.Double, nullable=False),
        sa.Column("sent_utc", sa.Double),
        sa.Column(
            "due_utc", sa.Double, comment="when the invitation, or else its reminder, is to be sent; null: neither"
        ),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0", comment="of what is due, those that failed"),
        sa.Column("reminded_utc", sa.Double),
        sa.Column("answered_utc", sa.Double),
        sa.Column("bounced_utc", sa.Double),
        sa.Column("trouble", sa.Text, comment="why it could not go"),
        sa.UniqueConstraint("survey_id", "node_id", "batch", "person"),
        sa.Index("invitations_of_person", "person"),
        sa.Index("invitations_of_place", "node_id", "sent_utc"),
        _index("invitations_due", "due_utc", where="due_utc IS NOT NULL"),
    )
    sa.Table(
        "unsubscribed",
        tables,
        sa.Column(
            "organisation_id", sa.Integer, sa.ForeignKey("organisations.id"), primary_key=True, autoincrement=False
        ),
        sa.Column("person", sa.String(64), primary_key=True),
        sa.Column("at_utc", sa.Double, nullable=False),
        comment="who is not to be written to; outlives all else that is known of them",
    )


def _alerts(tables: sa.MetaData) -> None:
    sa.Table(
        "alert_rules",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("organisation_id", sa.Integer, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("node_id", sa.Integer, sa.ForeignKey("nodes.id"), comment="this place and all below it; null: all"),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False, comment="which rule; `condition` has its numbers"),
        sa.Column("condition", sa.Text, nullable=False, comment="JSON object"),
        sa.Column("channels", sa.Text, nullable=False, comment="JSON array: ids of `channels`, who is told"),
        sa.Column("escalate_s", sa.Integer, comment="after so long without anybody; null: never"),
        sa.Column("escalate_to", sa.Text, comment="JSON array: ids of `channels`"),
        sa.Column("quiet", sa.Text, comment="local times in which nobody is told, as opening hours are written"),
        sa.Column("state", sa.Text, comment="JSON object: what it remembers of the stream"),
        sa.Column("position", sa.Text, comment="up to which press it has looked: `ArrivalPosition`"),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_utc", sa.Double, nullable=False),
        sa.Column("ended_utc", sa.Double),
    )
    sa.Table(
        "alerts",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("uid", sa.String(36), nullable=False, unique=True, comment="lets whoever is told drop a repetition"),
        sa.Column("rule_id", sa.Integer, sa.ForeignKey("alert_rules.id"), nullable=False),
        sa.Column("node_id", sa.Integer, sa.ForeignKey("nodes.id"), comment="where; null: all of the organisation"),
        sa.Column("device_id", sa.String(32)),
        sa.Column(
            "cause", sa.String(128), nullable=False, comment="one cause, one alert: press, terminal and boot, ..."
        ),
        sa.Column("evidence", sa.Text, nullable=False, comment="JSON object"),
        sa.Column("raised_utc", sa.Double, nullable=False),
        sa.Column(
            "told_utc", sa.Double, comment="when it was put among `deliveries`; null: it waits for quiet hours to end"
        ),
        sa.Column("acknowledged_utc", sa.Double),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("comment", sa.Text),
        sa.Column("escalated_utc", sa.Double),
        sa.Column("closed_utc", sa.Double),
        sa.UniqueConstraint("rule_id", "cause"),
        sa.Index("alerts_by_time", "raised_utc"),
        _index("alerts_open", "rule_id", where="closed_utc IS NULL"),
    )
    sa.Table(
        "channels",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("organisation_id", sa.Integer, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("node_id", sa.Integer, sa.ForeignKey("nodes.id"), comment="this place and all below it; null: all"),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False, comment="email, webhook, mqtt or apprise"),
        sa.Column(
            "target", sa.Text, nullable=False, comment="address, URL or topic; may hold a secret, so it is never shown"
        ),
        sa.Column("secret", sa.Text, comment="with which webhooks are signed"),
        sa.Column("events", sa.Text, nullable=False, comment="JSON array: alert, case, answer"),
        sa.Column("locale", sa.String(16), nullable=False),
        sa.Column(
            "may_be_inside",
            sa.SmallInteger,
            nullable=False,
            server_default="0",
            comment="1: may be in our own network",
        ),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_utc", sa.Double, nullable=False),
        sa.Column("ended_utc", sa.Double),
    )
    sa.Table(
        "deliveries",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("uid", sa.String(36), nullable=False, unique=True, comment="the same each time it is tried"),
        sa.Column("channel_id", sa.Integer, sa.ForeignKey("channels.id"), nullable=False),
        sa.Column("event", sa.String(32), nullable=False, comment="alert.raised, alert.closed, case.opened, ..."),
        sa.Column("subject", sa.String(64), nullable=False, comment="what it is of: alert 12, case 3"),
        sa.Column("payload", sa.Text, nullable=False, comment="JSON object"),
        sa.Column("created_utc", sa.Double, nullable=False),
        sa.Column("due_utc", sa.Double, comment="when it is tried next; null: never again"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("taken_utc", sa.Double, comment="when the other side took it"),
        sa.Column("dead_utc", sa.Double, comment="when it was given up"),
        sa.Column("trouble", sa.Text, comment="what the last try ended with"),
        sa.UniqueConstraint("channel_id", "event", "subject"),
        _index("deliveries_dead", "dead_utc", where="dead_utc IS NOT NULL"),
        _index("deliveries_due", "due_utc", where="due_utc IS NOT NULL"),
    )


def _cases(tables: sa.MetaData) -> None:
    sa.Table(
        "cases",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("uid", sa.String(36), nullable=False, unique=True),
        sa.Column("organisation_id", sa.Integer, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("node_id", sa.Integer, sa.ForeignKey("nodes.id"), nullable=False),
        sa.Column(
            "answer_id",
            sa.String(36),
            sa.ForeignKey("answers.answer_id"),
            unique=True,
            comment="null: made by a person",
        ),
        sa.Column("kind", sa.String(16), nullable=False, comment="unhappy: phone them; promoter: ask to recommend"),
        sa.Column("owner_id", sa.Integer, sa.ForeignKey("users.id")),
        sa.Column("external", sa.Text, comment="what a CRM calls it"),
        sa.Column("opened_utc", sa.Double, nullable=False),
        sa.Column("due_utc", sa.Double, nullable=False),
        sa.Column("told_overdue_utc", sa.Double, comment="when it was told that it is late; null: it was not"),
        sa.Column("closed_utc", sa.Double),
        sa.Column("closed_by", sa.Text),
        sa.Column("outcome", sa.Text, comment="what was done"),
        sa.Column("version", sa.Integer, nullable=False, server_default="1", comment="rises with each change"),
        sa.UniqueConstraint("organisation_id", "external"),
        sa.Index("cases_by_place", "node_id", "opened_utc"),
        _index("cases_open", "due_utc", where="closed_utc IS NULL"),
    )
    sa.Table(
        "case_notes",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("at_utc", sa.Double, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("action", sa.String(16), nullable=False, comment="opened, assigned, noted, closed, reopened"),
        sa.Column("text", sa.Text, nullable=False),
        sa.Index("notes_of_case", "case_id", "id"),
    )
    sa.Table(
        "actions",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("organisation_id", sa.Integer, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("node_id", sa.Integer, sa.ForeignKey("nodes.id"), comment="this place and all below it; null: all"),
        sa.Column("day", sa.String(10), nullable=False, comment="when it was changed, local: 2026-03-29"),
        sa.Column("title", sa.Text, nullable=False, comment="what was done, as a wall display shows it"),
        sa.Column("details", sa.Text),
        sa.Column("published", sa.SmallInteger, nullable=False, server_default="0", comment="1: on wall displays"),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_utc", sa.Double, nullable=False),
        sa.Column("ended_utc", sa.Double, comment="when it was taken back"),
        sa.Index("actions_by_place", "node_id", "day"),
    )
