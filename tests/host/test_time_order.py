"""Presses and answers in the order of time: the same as sorting everything, without reading everything."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event, insert, text

from hymio.store import schema
from hymio.store.database import Store
from hymio.store.time_order import (
    AnswerKind,
    AnswerReader,
    Position,
    PressKind,
    PressReader,
    Reader,
    RowStretch,
    in_time_order,
)

each_store = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
LOG_ID = 7
NOON = 1_700_000_000.0


class Undo(Exception):
    """Ends a transaction without a trace: the database is shared."""


@contextmanager
def undone(store: Store) -> Iterator[Connection]:
    try:
        with store.writing() as connection:
            yield connection
            raise Undo
    except Undo:
        pass


def press(device_id: str, seq: int, utc: float | None, **more: Any) -> dict[str, Any]:
    return {
        "device_id": device_id, "log_id": LOG_ID, "seq": seq, "boot": 1, "uptime_ms": seq * 1000, "button": 4,
        "count": 1, "verdict": "counted", "stored_verdict": "counted", "clock": "unset" if utc is None else "set",
        "pressed_utc": utc, "via": "mqtt", "received_utc": NOON, "arrival": 1, **more,
    }  # fmt: skip


def put_presses(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(schema.presses), rows)


def put_place(connection: Connection, *node_ids: int) -> None:
    """Places, and the one survey 900,001, for rows that have to refer to some."""
    organisation = {
        "id": 900_001, "key": "t-order", "name": "T", "locale": "en", "time_zone": "UTC", "good": 1, "excellent": 2,
        "the_very_best": 3, "too_few_customer": 5, "too_few_staff": 10,
    }  # fmt: skip
    of = {"organisation_id": 900_001}
    connection.execute(insert(schema.organisations), [organisation])
    connection.execute(
        insert(schema.nodes),
        [{**of, "id": one, "key": f"n{one}", "name": "N", "kind": "point", "custom": "{}"} for one in node_ids],
    )
    connection.execute(insert(schema.questions), [{**of, "id": 900_001, "key": "q", "texts": "{}"}])
    survey = {**of, "id": 900_001, "key": "s", "question_id": 900_001, "first_day": "2020-01-01", "scale": "four"}
    connection.execute(insert(schema.surveys), [{**survey, "type": "customer"}])


seconds = st.integers(0, 12).map(lambda second: NOON + second / 2)
presses = st.tuples(
    st.sampled_from(["od-a", "od-ab", "od-b"]),
    seconds,
    st.sampled_from(["counted", "counted", "mash", "answer"]),
    st.integers(1, 3),
)
answers = st.tuples(st.sampled_from([900_001, 900_002]), seconds, st.integers(1, 3))


@st.composite
def cuts(draw: st.DrawFn, names: Sequence[str | int]) -> list[RowStretch[str]]:
    """Stretches that do not overlap, of some names."""
    found = []
    for name in names:
        edges = sorted(draw(st.lists(seconds, max_size=4, unique=True)))
        for begin, end in itertools.pairwise(edges):
            if draw(st.booleans()):
                found.append(RowStretch(name, begin, end, f"{name}@{begin}"))
    return found


@each_store
@given(st.data())
def test_it_is_the_same_as_sorting_everything(store: Store, data: st.DataObject) -> None:
    given_presses = data.draw(st.lists(presses, max_size=25))
    given_answers = data.draw(st.lists(answers, max_size=6))
    descending, watermark = data.draw(st.booleans()), data.draw(st.integers(1, 3))
    kind = data.draw(st.sampled_from([PressKind.VOTES, PressKind.ALL]))
    of_terminals = data.draw(cuts(["od-a", "od-ab", "od-b"]))
    of_places = data.draw(cuts([900_001, 900_002]))
    rows = [
        press(name, seq, utc, verdict=verdict, arrival=arrival)
        for seq, (name, utc, verdict, arrival) in enumerate(given_presses)
    ]
    replies: list[dict[str, Any]] = [
        {
            "answer_id": f"od-a{number:02}" if number % 2 else f"z{number}", "node_id": node_id, "survey_id": 900_001,
            "answered_utc": utc, "received_utc": utc, "via": "qr", "face": 3, "verdict": "counted", "arrival": arrival,
        }
        for number, (node_id, utc, arrival) in enumerate(given_answers)
    ]  # fmt: skip
    wanted = {"counted"} if kind is PressKind.VOTES else {"counted", "mash"}
    expected = [
        (Position(row["pressed_utc"], row["device_id"], LOG_ID, row["seq"]), stretch.belongs)
        for row in rows
        for stretch in of_terminals
        if stretch.name == row["device_id"] and stretch.from_utc <= row["pressed_utc"] < stretch.until_utc
        if row["verdict"] in wanted and row["arrival"] <= watermark
    ] + [
        (Position(row["answered_utc"], row["answer_id"]), stretch.belongs)
        for row in replies
        for stretch in of_places
        if stretch.name == row["node_id"] and stretch.from_utc <= row["answered_utc"] < stretch.until_utc
        if row["arrival"] <= watermark
    ]

    def key(position: Position) -> tuple[float, str, int, int]:
        utc, name, log_id, seq = position
        return (-utc, name, -log_id, -seq) if descending else (utc, name, log_id, seq)

    expected.sort(key=lambda found: key(found[0]))
    places = [None, *(position for position, _ in expected), Position(NOON + 2.75, "od-ab", LOG_ID, 3)]
    at = data.draw(st.sampled_from(places))
    sources: list[tuple[Reader, list[RowStretch[str]]]] = [
        (PressReader(kind, watermark, descending), of_terminals),
        (AnswerReader(AnswerKind.FACES, watermark, descending), of_places),
    ]
    with undone(store) as connection:
        put_place(connection, 900_001, 900_002)
        put_presses(connection, rows)
        if replies:
            connection.execute(insert(schema.answers), replies)
        found = [
            (line.position, stretch.belongs)
            for line, stretch in in_time_order(connection, sources, at, descending, data.draw(st.integers(0, 9)))
        ]
    assert found == [one for one in expected if at is None or key(one[0]) >= key(at)]


def test_an_answer_comes_with_the_vote_that_it_answers(store: Store, device_id: str) -> None:
    rows = [
        press(device_id, 1, NOON, button=1),
        press(device_id, 2, NOON + 1, button=2, verdict="replaced"),  # it was a vote when it was asked about
        press(device_id, 3, NOON + 2, button=3, verdict="repeat", stored_verdict="repeat"),
        press(device_id, 5, NOON + 3, button=4, verdict="answer", stored_verdict="answer"),
        press(device_id, 6, NOON + 4, boot=2, button=1, verdict="answer", stored_verdict="answer"),  # of another boot
        press(device_id, 300, NOON + 5, button=1, verdict="answer", stored_verdict="answer"),  # of nothing near
    ]
    with undone(store) as connection:
        put_presses(connection, rows)
        reader = PressReader(PressKind.ANSWERS, 1)
        found = reader.read(connection, [RowStretch(device_id, NOON, NOON + 60, None)], [None], 10)
    assert [[(line.seq, line.button, *line[-3:]) for line in lines] for lines in found] == [[(5, 4, 2, 2, "replaced")]]


class Counting:
    """A reader that counts the rows and the stretches that it was asked for."""

    def __init__(self, reader: PressReader) -> None:
        self.reader, self.rows, self.asked = reader, 0, 0

    def read(self, connection: Connection, stretches: Any, at: Any, most: int) -> Any:
        found = self.reader.read(connection, stretches, at, most)
        self.rows += sum(len(lines) for lines in found)
        self.asked += len(stretches)
        return found


@pytest.mark.parametrize("descending", [False, True])
def test_a_page_reads_about_its_length_however_much_there_is(store: Store, descending: bool) -> None:
    terminals, page = 20, 100
    costs = []
    with undone(store) as connection:
        for first, each in ((0, 40), (40, 400)):
            for number in range(terminals):
                rows = [press(f"od-{number}", seq, NOON + seq * 10 + number) for seq in range(first, each)]
                put_presses(connection, rows)
            stretches = [RowStretch(f"od-{number}", NOON, NOON + 1e6, None) for number in range(terminals)]
            reader = Counting(PressReader(PressKind.VOTES, 1, descending))
            sources = [(reader, stretches)]
            taken = list(itertools.islice(in_time_order(connection, sources, None, descending, page), page + 1))
            assert len(taken) == page + 1
            costs.append((reader.rows, reader.asked))
    assert costs[0] == costs[1]
    assert costs[1][0] <= 3 * page + 2 * terminals and costs[1][1] <= 2 * terminals


def test_a_stretch_that_comes_later_is_not_read_yet(store: Store) -> None:
    with undone(store) as connection:
        put_presses(connection, [press("od-m", seq, NOON + seq * 100) for seq in range(50)])
        reader = Counting(PressReader(PressKind.VOTES, 1))
        months = [RowStretch("od-m", NOON + begin * 1000, NOON + (begin + 1) * 1000, None) for begin in range(5)]
        others = [RowStretch("od-n", NOON + begin * 1000, NOON + (begin + 1) * 1000, None) for begin in range(1, 400)]
        sources = [(reader, months + others)]
        taken = list(itertools.islice(in_time_order(connection, sources, None, False, 1000), 3))
    assert [line.position.seq for line, _ in taken] == [0, 1, 2]
    assert reader.asked <= 256


def test_every_statement_goes_by_an_index(store: Store) -> None:
    """Asked of the database itself, with more than a handful of rows in it."""
    readers: list[tuple[Any, str | int]] = [
        (PressReader(PressKind.VOTES, 1, True), "od-1"), (PressReader(PressKind.ANSWERS, 1), "od-1"),
        (AnswerReader(AnswerKind.TEXTS, 1), 900_001),
    ]  # fmt: skip
    postgres = store.engine.dialect.name == "postgresql"
    with undone(store) as connection:
        put_place(connection, 900_001)
        put_presses(connection, [press(f"od-{seq % 40}", seq, NOON + seq) for seq in range(4000)])
        if postgres:
            connection.execute(text("ANALYZE presses"))
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        for reader, name in readers:
            asked: list[str] = []
            with noted(store, connection, asked):
                reader.read(connection, [RowStretch(name, NOON, NOON + 60, None)], [None], 10)
            how = "EXPLAIN" if postgres else "EXPLAIN QUERY PLAN"
            assert asked
            for statement in asked:
                said = "\n".join(str(row[-1]) for row in connection.exec_driver_sql(f"{how} {statement}"))
                assert "Seq Scan" not in said and "TEMP B-TREE" not in said and "SCAN" not in said, said


@contextmanager
def noted(store: Store, connection: Connection, asked: list[str]) -> Iterator[None]:
    """The statements that are sent meanwhile, with their values."""
    raw: Any = connection.connection.driver_connection
    if store.engine.dialect.name == "sqlite":
        raw.set_trace_callback(asked.append)
        yield
        raw.set_trace_callback(None)
        return

    def note(conn: Any, cursor: Any, statement: str, given: Any, context: Any, executemany: bool) -> None:
        asked.append(psycopg.ClientCursor(raw).mogrify(statement, given))

    event.listen(store.engine, "before_cursor_execute", note)
    yield
    event.remove(store.engine, "before_cursor_execute", note)
