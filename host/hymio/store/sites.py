"""The sites of all organisations in the database: read as values, changed by what an import would do.

Nothing is ever deleted and no id is given twice: presses, answers and tokens refer to places and surveys by it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, delete, insert, select, text, update

from hymio.site import hours, moments
from hymio.site.attribution import FOR_EVER
from hymio.site.diff import SiteChange
from hymio.site.model import (
    FollowUp,
    Level,
    Node,
    NodeKind,
    Option,
    Organisation,
    Placement,
    Question,
    Scale,
    Site,
    Survey,
    SurveyType,
)
from hymio.site.rules import Problem, placement_subject
from hymio.store import schema
from hymio.store.rows import chunks

SITES_LOCK: Final = 0x68796D73
"""The PostgreSQL advisory lock ("hyms") of the sites: who attributes presses to places shares it until its transaction
ends, who changes a site has it alone. SQLite has one writer anyway."""

_VERSION: Final = "site"
"""The name of the sites' version among the counters."""
# The time in it makes it another one than that of any change that was lost when an older copy was put back.
_CHANGED: Final = text(
    "INSERT INTO counters (name, value) VALUES (:name, :now_ms) ON CONFLICT (name) DO UPDATE SET value ="
    " CASE WHEN counters.value < excluded.value THEN excluded.value ELSE counters.value + 1 END"
)
# Also one that never spoke is to be looked after.
_STANDING: Final = text(
    "INSERT INTO terminal_states (device_id) SELECT DISTINCT device_id FROM placements"
    " WHERE device_id NOT IN (SELECT device_id FROM terminal_states)"
)
_PARENT: Final = text("UPDATE nodes SET parent_id = :parent_id WHERE id = :id")


@dataclass(frozen=True)
class StoredSite:
    """The site of one organisation, and the ids by which the tables know its things."""

    id: int
    """Of the organisation."""
    site: Site
    nodes: Mapping[str, int]
    """Ids by key; the next two alike."""
    questions: Mapping[str, int]
    surveys: Mapping[str, int]

    @cached_property
    def node_keys(self) -> Mapping[int, str]:
        """Keys by id."""
        return {number: key for key, number in self.nodes.items()}

    @cached_property
    def survey_keys(self) -> Mapping[int, str]:
        """Keys by id."""
        return {number: key for key, number in self.surveys.items()}


def share_sites(connection: Connection) -> None:
    """Holds the sites as they are until the transaction ends: nobody changes one in the meantime."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock_shared({SITES_LOCK})"))


def lock_sites(connection: Connection) -> None:
    """Waits until nobody attributes presses any more; nobody does until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({SITES_LOCK})"))


def sites_version(connection: Connection) -> int:
    """A number that rises with every change of a site; 0: there has never been one."""
    found = connection.execute(select(schema.counters.c.value).where(schema.counters.c.name == _VERSION)).scalar()
    return found or 0


def load_sites(connection: Connection) -> tuple[StoredSite, ...]:
    """The sites of all organisations, in order of their ids."""
    nodes = _by_organisation(connection, schema.nodes)
    questions = _by_organisation(connection, schema.questions)
    surveys = _by_organisation(connection, schema.surveys)
    keys = {row.id: row.key for rows in nodes.values() for row in rows}
    owners = {row.id: row.organisation_id for rows in nodes.values() for row in rows}
    places = _grouped(connection, schema.survey_places, "survey_id")
    follow_ups = _load_follow_ups(connection)
    placements: dict[int, list[Placement]] = {}
    for row in connection.execute(select(schema.placements)):
        stay = Placement(
            row.device_id, keys[row.node_id], row.from_utc_minute, row.until_utc_minute, SurveyType(row.asks)
        )
        placements.setdefault(owners[row.node_id], []).append(stay)
    found = []
    for one in connection.execute(select(schema.organisations).order_by(schema.organisations.c.id)):
        number, *values = one
        asked = {row.id: row.key for row in questions.get(number, ())}
        site = Site(
            Organisation(*values),
            tuple(_node(row, keys) for row in nodes.get(number, ())),
            tuple(Question(row.key, json.loads(row.texts)) for row in questions.get(number, ())),
            tuple(
                Survey(
                    row.key,
                    asked[row.question_id],
                    tuple(keys[place.node_id] for place in places.get(row.id, ())),
                    date.fromisoformat(row.first_day),
                    None if row.last_day is None else date.fromisoformat(row.last_day),
                    SurveyType(row.type),
                    Scale(row.scale),
                    tuple(follow_ups.get(row.id, ())),
                )
                for row in surveys.get(number, ())
            ),
            tuple(placements.get(number, ())),
        )
        ids = ({row.key: row.id for row in rows.get(number, ())} for rows in (nodes, questions, surveys))
        found.append(StoredSite(number, site, *ids))
    return tuple(found)


def _by_organisation(connection: Connection, table: Table) -> dict[int, list[Row[Any]]]:
    return _grouped(connection, table, "organisation_id")


def _grouped(connection: Connection, table: Table, name: str) -> dict[int, list[Row[Any]]]:
    """All rows of a table by the value of one column."""
    rows = connection.execute(select(table).order_by(table.c[name]))
    return {number: list(some) for number, some in groupby(rows, lambda row: int(row._mapping[name]))}


def _node(row: Row[Any], keys: Mapping[int, str]) -> Node:
    return Node(
        row.key,
        row.name,
        NodeKind(row.kind),
        None if row.parent_id is None else keys[row.parent_id],
        row.time_zone,
        None if row.hours is None else hours.parse(row.hours),
        None if row.level is None else Level(row.level),
        json.loads(row.custom),
        row.until_utc_minute,
    )


def _load_follow_ups(connection: Connection) -> dict[int, list[FollowUp]]:
    """Those that are asked, by the id of their survey."""
    table = schema.follow_up_options
    options: dict[int, list[Option]] = {}
    query = select(table).where(table.c.position.is_not(None)).order_by(table.c.follow_up_id, table.c.position)
    for row in connection.execute(query):
        options.setdefault(row.follow_up_id, []).append(Option(row.key, json.loads(row.texts)))
    found: dict[int, list[FollowUp]] = {}
    for row in connection.execute(select(schema.follow_ups).where(schema.follow_ups.c.ended == 0)):
        follow_up = FollowUp(bool(row.positive), json.loads(row.texts), tuple(options.get(row.id, ())))
        found.setdefault(row.survey_id, []).append(follow_up)
    return found


def clashes(site: Site, others: Iterable[Site]) -> list[Problem]:
    """Where a terminal of a site would stand in another organisation at the same time; each site is sound of itself."""
    standing: dict[str, list[tuple[Placement, str]]] = {placement.device_id: [] for placement in site.placements}
    for other in others:
        for one in other.placements:
            if one.device_id in standing:
                standing[one.device_id].append((one, other.organisation.key))
    return [
        Problem(
            placement_subject(ours),
            ("from",),
            f"one place at a time, but {ours.device_id} stands at {theirs.point} of {key} {_time(theirs)}",
            moments.text_of(ours.from_utc_minute),
        )
        for ours in site.placements
        for theirs, key in standing[ours.device_id]
        # Two of one minute can't both be kept, even if one was withdrawn: it is what names a placement.
        if ours.from_utc_minute == theirs.from_utc_minute
        or max(ours.from_utc_minute, theirs.from_utc_minute) < min(_end(ours), _end(theirs))
    ]


def _time(placement: Placement) -> str:
    since, until = placement.from_utc_minute, placement.until_utc_minute
    return f"from {moments.text_of(since)} {'on' if until is None else f'to {moments.text_of(until)}'}"


def _end(placement: Placement) -> int:
    return FOR_EVER if placement.until_utc_minute is None else placement.until_utc_minute


def save_changes(connection: Connection, organisation_id: int | None, changes: Iterable[SiteChange]) -> int:
    """Does to the tables what `site.diff.plan_import` found, and raises the sites' version if that is anything.

    Nobody but the caller may attribute presses meanwhile (`lock_sites`), who then adds them up anew. The changes make
    a sound site together with what there is, and no terminal stands in two organisations.

    Args:
        connection: comes from `Store.writing`.
        organisation_id: whose site it is; None: the organisation is among the changes.
        changes: all of the plan.

    Returns:
        The id of the organisation.
    """
    things = [change.after for change in changes]
    for thing in things:
        if isinstance(thing, Organisation):
            organisation_id = _save_organisation(connection, organisation_id, thing)
    assert organisation_id is not None
    of = {"organisation_id": organisation_id}
    nodes = [thing for thing in things if isinstance(thing, Node)]
    _put(connection, schema.nodes, [{**of, **_node_row(node)} for node in nodes])
    node_ids = _ids(connection, schema.nodes, organisation_id)
    # Only now have all of them an id.
    parents = [{"id": node_ids[node.key], "parent_id": node.parent and node_ids[node.parent]} for node in nodes]
    if parents:
        connection.execute(_PARENT, parents)
    questions = [{**of, "key": one.key, "texts": _json(one.texts)} for one in things if isinstance(one, Question)]
    _put(connection, schema.questions, questions)
    surveys = [thing for thing in things if isinstance(thing, Survey)]
    if surveys:
        _save_surveys(connection, organisation_id, surveys, node_ids)
    placements = [
        {
            "device_id": thing.device_id,
            "node_id": node_ids[thing.point],
            "from_utc_minute": thing.from_utc_minute,
            "until_utc_minute": thing.until_utc_minute,
            "asks": thing.asks.value,
        }
        for thing in things
        if isinstance(thing, Placement)
    ]
    _put(connection, schema.placements, placements, ("device_id", "from_utc_minute"))
    if placements:
        connection.execute(_STANDING)
    if things:
        connection.execute(_CHANGED, {"name": _VERSION, "now_ms": time.time_ns() // 1_000_000})
    return organisation_id


def _save_organisation(connection: Connection, organisation_id: int | None, organisation: Organisation) -> int:
    table = schema.organisations
    row = asdict(organisation)  # the columns are called alike
    if organisation_id is None:
        return int(connection.execute(insert(table).values(row).returning(table.c.id)).scalar_one())
    connection.execute(update(table).where(table.c.id == organisation_id).values(row))
    return organisation_id


def _node_row(node: Node) -> dict[str, Any]:
    return {
        "key": node.key,
        "name": node.name,
        "kind": node.kind.value,
        "time_zone": node.time_zone,
        "hours": None if node.hours is None else str(node.hours),
        "level": None if node.level is None else node.level.value,
        "custom": _json(node.custom),
        "until_utc_minute": node.until_utc_minute,
    }


def _save_surveys(
    connection: Connection, organisation_id: int, surveys: Sequence[Survey], node_ids: Mapping[str, int]
) -> None:
    question_ids = _ids(connection, schema.questions, organisation_id)
    rows = [
        {
            "organisation_id": organisation_id,
            "key": survey.key,
            "question_id": question_ids[survey.question],
            "first_day": survey.first_day.isoformat(),
            "last_day": None if survey.last_day is None else survey.last_day.isoformat(),
            "type": survey.type.value,
            "scale": survey.scale.value,
        }
        for survey in surveys
    ]
    _put(connection, schema.surveys, rows)
    ids = _ids(connection, schema.surveys, organisation_id)
    changed = [ids[survey.key] for survey in surveys]
    asked = {
        (ids[survey.key], int(follow_up.positive)): follow_up for survey in surveys for follow_up in survey.follow_ups
    }
    table = schema.follow_ups
    for chunk in chunks(changed):
        connection.execute(delete(schema.survey_places).where(schema.survey_places.c.survey_id.in_(chunk)))
        connection.execute(update(table).where(table.c.survey_id.in_(chunk)).values(ended=1))
        known = select(table.c.id).where(table.c.survey_id.in_(chunk))
        options = schema.follow_up_options
        connection.execute(update(options).where(options.c.follow_up_id.in_(known)).values(position=None))
    places = [{"survey_id": ids[survey.key], "node_id": node_ids[key]} for survey in surveys for key in survey.at]
    connection.execute(insert(schema.survey_places), places)
    follow_ups = [
        {"survey_id": survey_id, "positive": positive, "texts": _json(follow_up.texts), "ended": 0}
        for (survey_id, positive), follow_up in asked.items()
    ]
    _put(connection, table, follow_ups, ("survey_id", "positive"))
    rows = []
    for chunk in chunks(changed):
        for row in connection.execute(select(table).where(table.c.survey_id.in_(chunk), table.c.ended == 0)):
            rows += [
                {"follow_up_id": row.id, "key": option.key, "position": place, "texts": _json(option.texts)}
                for place, option in enumerate(asked[row.survey_id, row.positive].options, 1)
            ]
    _put(connection, schema.follow_up_options, rows, ("follow_up_id", "key"))


def _ids(connection: Connection, table: Table, organisation_id: int) -> dict[str, int]:
    query = select(table.c.key, table.c.id).where(table.c.organisation_id == organisation_id)
    return {row.key: row.id for row in connection.execute(query)}


def _put(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    key: tuple[str, ...] = ("organisation_id", "key"),
) -> None:
    """Inserts rows, or changes those that are there; all have the same columns, and `key` names one."""
    if not rows:
        return
    names = list(rows[0])
    values = ", ".join(f":{name}" for name in names)
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    statement = (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({values})"
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
    )
    connection.execute(text(statement), list(rows))


def _json(values: Mapping[str, str]) -> str:
    return json.dumps(dict(sorted(values.items())), ensure_ascii=False)
