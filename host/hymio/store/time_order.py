"""Presses and answers from many stretches of time, merged in the order of time, a bounded number of them at once."""

# Each stretch is one terminal at one place (or one place, for answers), and is read by an index that holds its rows in
# order. So what a page costs depends on its length and on the number of stretches that overlap it, and not on how many
# rows there are.

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection, text

T = TypeVar("T")

_OPENED_AT_ONCE: Final = 256
_MAX: Final = 1 << 62
_LAST_TEXT: Final = "\U0010ffff"
_ANSWERED_WITHIN: Final = 256
"""Records between a vote and its answer: a follow-up waits 8 s, and nobody makes 30 records a second."""


class Position(NamedTuple):
    """Where a row stands in the order of time, for ever: by its moment, then by its name."""

    utc: float
    name: str
    """device_id of a press, answer_id of an answer."""
    log_id: int = 0
    seq: int = 0


class Line(Protocol):
    """A row of some table."""

    @property
    def position(self) -> Position:
        """Where it stands."""
        ...


class PressLine(NamedTuple):
    """A row of `presses`."""

    pressed_utc: float
    device_id: str
    log_id: int
    seq: int
    button: int
    verdict: str
    presses: int
    """1, or those folded into this row."""
    vote_seq: int | None = None
    """Of an answer: the vote that was asked about; the next two alike."""
    vote_button: int | None = None
    vote_verdict: str | None = None

    @property
    def position(self) -> Position:
        """Where it stands."""
        return Position(self.pressed_utc, self.device_id, self.log_id, self.seq)


class AnswerLine(NamedTuple):
    """A row of `answers`."""

    answered_utc: float
    answer_id: str
    survey_id: int
    via: str
    face: int | None
    score: int | None
    options: str | None
    text: str | None
    locale: str | None
    verdict: str

    @property
    def position(self) -> Position:
        """Where it stands."""
        return Position(self.answered_utc, self.answer_id)


@dataclass(frozen=True, slots=True)
class RowStretch(Generic[T]):
    """Rows of one terminal, or of one place, from a moment until before another one."""

    name: str | int
    """device_id, or the id of a node."""
    from_utc: float
    until_utc: float
    belongs: T
    """Whatever the caller wants to know again with each row."""


class Reader(Protocol):
    """Reads the first rows of stretches."""

    def read(
        self, connection: Connection, stretches: Sequence[RowStretch[Any]], at: Sequence[Position | None], most: int
    ) -> Sequence[Sequence[Line]]:
        """The first `most` rows of each stretch, from a position on (that row included), or from its beginning on."""
        ...


class PressKind(Enum):
    """Which presses are read."""

    VOTES = "verdict = 'counted'"
    ALL = "verdict <> 'answer'"
    """Whatever the verdict; answers to follow-ups are no feedback of their own."""
    ANSWERS = "verdict = 'answer'"
    """Those, each with the vote that it answers (firmware/spec/design.md, "Follow-up")."""


class PressReader:
    """Reads presses with a date."""

    def __init__(self, kind: PressKind, watermark: int, descending: bool = False) -> None:
        """Of the transactions up to `watermark` (`counters`, arrival)."""
        self._given = {"watermark": watermark}
        self._descending = descending
        order = " DESC" if descending else ""
        bounds = (
            "r.pressed_utc <= {utc} AND r.pressed_utc >= {until}"
            " AND (r.pressed_utc < {utc} OR r.log_id < {from_log} OR (r.log_id = {from_log} AND r.seq <= {from_seq}))"
            if descending
            else "r.pressed_utc >= {utc} AND r.pressed_utc < {until}"
            " AND (r.pressed_utc > {utc} OR r.log_id > {from_log} OR (r.log_id = {from_log} AND r.seq >= {from_seq}))"
        )
        columns = "r.pressed_utc, r.device_id, r.log_id, r.seq, r.button, r.verdict, r.count"
        source, votes = "presses AS r", ""
        if kind is PressKind.ANSWERS:
            columns += ", v.seq AS vote_seq, v.button AS vote_button, v.verdict AS vote_verdict"
            source += " CROSS JOIN presses AS v"  # in SQLite also the order in which they are looked at
            votes = (
                " AND v.device_id = r.device_id AND v.log_id = r.log_id AND v.seq = (SELECT max(w.seq)"
                " FROM presses AS w WHERE w.device_id = r.device_id AND w.log_id = r.log_id AND w.seq < r.seq"
                f" AND w.seq >= r.seq - {_ANSWERED_WITHIN} AND w.boot = r.boot AND w.stored_verdict = 'counted')"
            )
        self._sql = (
            f"SELECT {columns} FROM {source} WHERE r.device_id = {{name}} AND {bounds} AND r.{kind.value}"
            f" AND r.arrival <= :watermark{votes}"
        )
        self._order = f"r.pressed_utc{order}, r.log_id{order}, r.seq{order}"

    def read(
        self, connection: Connection, stretches: Sequence[RowStretch[Any]], at: Sequence[Position | None], most: int
    ) -> list[list[PressLine]]:
        """The first rows of each stretch."""
        starts = [self._start(stretch, position) for stretch, position in zip(stretches, at, strict=True)]
        found = _read(connection, self._sql, self._order, _PRESS_TYPES, starts, self._given | {"most": most})
        return [[PressLine(*row) for row in rows] for rows in found]

    def _start(self, stretch: RowStretch[Any], at: Position | None) -> dict[str, Any]:
        # Of those at the same moment the terminals that come before that of the position are done with.
        begin, end = stretch.from_utc, stretch.until_utc
        utc, log_id, seq = (end, -1, -1) if self._descending else (begin, -1, -1)
        if at is not None and (at.utc < end if self._descending else at.utc >= begin):
            done = str(stretch.name) < at.name
            utc, log_id, seq = at.utc, at.log_id, at.seq
            if stretch.name != at.name:
                log_id = seq = _MAX if done is not self._descending else -1
        return {
            "name": stretch.name, "utc": utc, "until": begin if self._descending else end, "from_log": log_id,
            "from_seq": seq,
        }  # fmt: skip


class AnswerKind(Enum):
    """Which answers are read, by what they say."""

    FACES = "(r.face IS NOT NULL OR r.score IS NOT NULL)"
    OPTIONS = "r.options IS NOT NULL AND (r.face IS NOT NULL OR r.score IS NOT NULL)"
    TEXTS = "r.text IS NOT NULL AND (r.face IS NOT NULL OR r.score IS NOT NULL)"


class AnswerReader:
    """Reads answers that people have given on their own phones."""

    def __init__(self, kind: AnswerKind, watermark: int, descending: bool = False) -> None:
        """Of the transactions up to `watermark` (`counters`, arrival)."""
        self._given = {"watermark": watermark}
        self._descending = descending
        bounds = (
            "r.answered_utc <= {utc} AND r.answered_utc >= {until}"
            " AND (r.answered_utc < {utc} OR r.answer_id{c} >= {from_id})"
            if descending
            else "r.answered_utc >= {utc} AND r.answered_utc < {until}"
            " AND (r.answered_utc > {utc} OR r.answer_id{c} >= {from_id})"
        )
        self._sql = (
            "SELECT r.answered_utc, r.answer_id, r.survey_id, r.via, r.face, r.score, r.options, r.text,"
            " r.locale, r.verdict"
            f" FROM answers AS r WHERE r.node_id = {{name}} AND {bounds} AND {kind.value} AND r.arrival <= :watermark"
        )
        self._order = f"r.answered_utc{' DESC' if descending else ''}, r.answer_id{{c}}"

    def read(
        self, connection: Connection, stretches: Sequence[RowStretch[Any]], at: Sequence[Position | None], most: int
    ) -> list[list[AnswerLine]]:
        """The first rows of each stretch."""
        starts = [self._start(stretch, position) for stretch, position in zip(stretches, at, strict=True)]
        found = _read(connection, self._sql, self._order, _ANSWER_TYPES, starts, self._given | {"most": most})
        return [[AnswerLine(*row) for row in rows] for rows in found]

    def _start(self, stretch: RowStretch[Any], at: Position | None) -> dict[str, Any]:
        begin, end = stretch.from_utc, stretch.until_utc
        utc, name = (end, _LAST_TEXT) if self._descending else (begin, "")
        if at is not None and (at.utc < end if self._descending else at.utc >= begin):
            utc, name = at.utc, at.name
        return {"name": stretch.name, "utc": utc, "until": begin if self._descending else end, "from_id": name}


_PRESS_TYPES: Final = {"name": "text", "utc": "float8", "until": "float8", "from_log": "int8", "from_seq": "int8"}
_ANSWER_TYPES: Final = {"name": "int4", "utc": "float8", "until": "float8", "from_id": "text"}


def _read(
    connection: Connection,
    sql: str,
    order: str,
    types: dict[str, str],
    starts: Sequence[dict[str, Any]],
    given: dict[str, Any],
) -> list[list[Any]]:
    """The first rows, in an order, of a statement for each of many starts: values for its names in braces."""
    sql = f"{sql} ORDER BY {order} LIMIT :most"
    if connection.dialect.name != "postgresql":
        each = sql.format_map({"c": "", **{name: f":{name}" for name in types}})
        cursor = connection.connection.cursor()  # without SQLAlchemy around each of thousands of small questions
        try:
            return [cursor.execute(each, start | given).fetchall() for start in starts]
        finally:
            cursor.close()
    c = {"c": ' COLLATE "C"'}  # Python compares texts by their characters; so does SQLite
    # One statement: each takes its way to the server and back, and is planned anew.
    arrays = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in types.items())
    query = text(
        f"SELECT s.number, r.* FROM unnest({arrays}) WITH ORDINALITY AS s ({', '.join(types)}, number)"
        f" CROSS JOIN LATERAL ({sql.format_map(c | {name: f's.{name}' for name in types})}) AS r"
        f" ORDER BY s.number, {order.format_map(c)}"
    )
    found: list[list[Any]] = [[] for _ in starts]
    for number, *values in connection.execute(query, {name: [one[name] for one in starts] for name in types} | given):
        found[number - 1].append(values)
    return found


class _Stream(Generic[T]):
    """One stretch while it is read."""

    def __init__(self, reader: Reader, stretch: RowStretch[T], most: int) -> None:
        self.reader, self.stretch, self.most = reader, stretch, most
        self.at: Position | None = None
        """The row that was read last."""
        self.lines: list[Line] = []
        """Those that were read and not given yet, the next one last."""
        self.is_over = False

    def take(self, lines: list[Line]) -> None:
        """Takes what was read from `at` on, that row included."""
        self.is_over = len(lines) < self.most
        if lines and lines[0].position == self.at:
            del lines[0]
        self.lines = lines[::-1]


def in_time_order(
    connection: Connection,
    sources: Sequence[tuple[Reader, Sequence[RowStretch[T]]]],
    at: Position | None,
    descending: bool,
    wanted: int,
) -> Iterator[tuple[Line, RowStretch[T]]]:
    """The rows of all stretches, in the order of time, and for equal moments of names.

    Args:
        connection: to the database, in one transaction.
        sources: which stretches are read by which reader.
        at: the row at which to begin, itself included; None: at the beginning.
        descending: the newest first; what the readers were told as well.
        wanted: about how many rows will be taken; more may be.
    """
    ahead = [(reader, stretch) for reader, some in sources for stretch in some if _is_ahead(stretch, at, descending)]
    # Some are read further than others; twice their share is enough for most of them.
    most = min(wanted, 2 * wanted // max(1, len(ahead))) + 2
    waiting = [_Stream(reader, stretch, most) for reader, stretch in ahead]
    waiting.sort(key=lambda stream: _edge(stream.stretch, descending), reverse=True)
    heap: list[tuple[tuple[float, str, int, int], int, _Stream[T]]] = []

    def push(stream: _Stream[T]) -> None:
        if stream.lines:
            heapq.heappush(heap, (_key(stream.lines[-1].position, descending), id(stream), stream))

    def fill(some: Sequence[_Stream[T]]) -> None:
        for reader, most in {(stream.reader, stream.most) for stream in some}:
            its = [stream for stream in some if stream.reader is reader]
            places = [at if stream.at is None else stream.at for stream in its]
            read = reader.read(connection, [stream.stretch for stream in its], places, most)
            for stream, lines in zip(its, read, strict=True):
                stream.take(list(lines))
                push(stream)

    while heap or waiting:
        opening: list[_Stream[T]] = []
        while waiting and (
            _edge(waiting[-1].stretch, descending) <= heap[0][0][0] if heap else len(opening) < _OPENED_AT_ONCE
        ):
            opening.append(waiting.pop())
        if opening:
            fill(opening)
            continue
        _, _, stream = heapq.heappop(heap)
        line = stream.lines.pop()
        yield line, stream.stretch
        if stream.lines:
            push(stream)
        elif not stream.is_over:
            stream.most = min(2 * stream.most, wanted + 2)
            stream.at = line.position
            fill([stream])


def _is_ahead(stretch: RowStretch[Any], at: Position | None, descending: bool) -> bool:
    if stretch.from_utc >= stretch.until_utc:
        return False
    return at is None or (at.utc >= stretch.from_utc if descending else at.utc < stretch.until_utc)


def _edge(stretch: RowStretch[Any], descending: bool) -> float:
    """Where a stretch begins in the order of the keys."""
    return -stretch.until_utc if descending else stretch.from_utc


def _key(position: Position, descending: bool) -> tuple[float, str, int, int]:
    utc, name, log_id, seq = position
    return (-utc, name, -log_id, -seq) if descending else position
