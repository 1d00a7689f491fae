"""Two places or two periods side by side, cell by cell, and before and after a change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from hymio.figures.cells import FigureAnswer, FigureCell, FigureQuery, figure_cells
from hymio.figures.reading import FigureReader
from hymio.figures.subjects import FigureScope
from hymio.figures.wall_time import shifted_back
from hymio.measures.compare import Difference, compare_cells, csat_difference, negative_difference

PREVIOUS: Final = "previous"


@dataclass(frozen=True, slots=True)
class ComparedCell:
    """What a cell is compared with, and the differences: the cell's figures less the other one's, in points.

    is_real: whether the Happy Indices are told apart among all that the answer compares (Benjamini-Hochberg).
    """

    other: FigureCell
    happy_index: Difference
    csat: Difference
    negative: Difference
    is_real: bool

    def as_json(self) -> dict[str, Any]:
        """As the contract has it."""
        other = self.other.figures
        assert other is not None, "what is not shown is not compared"
        return {
            "key": self.other.key,
            "name": self.other.name,
            "start_utc": float(self.other.slot.start_utc),
            "start_local": self.other.slot.start_local,
            "votes": other.votes,
            "happy_index": other.happy_index,
            **_difference("happy_index", self.happy_index),
            **_difference("csat", self.csat),
            **_difference("negative", self.negative),
            "real": self.is_real,
        }


def _difference(name: str, difference: Difference) -> dict[str, float]:
    low, high = difference.interval
    return {f"{name}_difference": difference.value, f"{name}_difference_low": low, f"{name}_difference_high": high}


@dataclass(frozen=True, slots=True)
class ComparedAnswer:
    """An answer, the one beside it, and what comes of each cell of the first; None if one of both has no figure."""

    answer: FigureAnswer
    other: FigureAnswer
    cells: tuple[ComparedCell | None, ...]

    def as_json(self) -> dict[str, Any]:
        """As the contract has it."""
        values = self.answer.as_json()
        for cell, compared in zip(values["cells"], self.cells, strict=True):
            cell["compared"] = None if compared is None else compared.as_json()
        return values | {"compare": self.other.range_json()}


def compare(reader: FigureReader, query: FigureQuery, to: str) -> ComparedAnswer:
    """Answers a query beside another one.

    Args:
        reader: the look at the database.
        query: what is asked.
        to: `previous`: the stretch of the same length before, of whole months the months before. Else the key of
            another place, group, terminal or survey: every cell is compared with that one's at the same time.

    Raises:
        ValueError: as `figure_cells` does.
    """
    answer = figure_cells(reader, query)
    if to == PREVIOUS:
        other = figure_cells(reader, replace(query, stretch=shifted_back(query.stretch, answer.zone)))
        by_clock = query.stretch.is_of_days
        beside = {(cell.key, place): cell for cell, place in _in_order(other, by_clock)}
        pairs = [(cell, beside.get((cell.key, place))) for cell, place in _in_order(answer, by_clock)]
    else:
        other = _answer_of(reader, query, to)
        alone = {place: cell for cell, place in _in_order(other)}
        pairs = [(cell, None if cell.key == to else alone.get(place)) for cell, place in _in_order(answer)]
    return ComparedAnswer(answer, other, tuple(_compared(pairs)))


def _answer_of(reader: FigureReader, query: FigureQuery, key: str) -> FigureAnswer:
    """The cells of one key alone."""
    if query.by in ("place", "group"):
        scope = FigureScope(reader, query.organisation, key, terminals=False)
        query = replace(query, by="place" if scope.is_point else "group", scope=key)
    else:
        query = replace(query, scope=None)
    answer = figure_cells(reader, query)
    cells = tuple(cell for cell in answer.cells if cell.key == key)
    if not cells:
        raise ValueError(
            f"There is no {query.by} {key!r} to compare with; expected a key of an answer --by {query.by}."
        )
    return replace(answer, name=cells[0].name, cells=cells)


def _in_order(answer: FigureAnswer, by_clock: bool = True) -> Iterator[tuple[FigureCell, Hashable]]:
    """Each cell with its place in the range: hours by the clock if so wanted, weekdays by name, else it is counted."""
    start = datetime.fromisoformat(answer.query.stretch.start[:16])
    seen: Counter[tuple[str, Hashable]] = Counter()
    for cell in answer.cells:
        place: Hashable = cell.slot.bucket if answer.query.per == "weekday" else ""
        if by_clock and answer.query.per == "hour":
            place = datetime.fromisoformat(cell.slot.start_local).replace(tzinfo=None) - start
        yield cell, (place, seen[cell.key, place])
        seen[cell.key, place] += 1


def _compared(pairs: list[tuple[FigureCell, FigureCell | None]]) -> Iterator[ComparedCell | None]:
    faces = {
        str(number): (cell.figures.faces, other.figures.faces)
        for number, (cell, other) in enumerate(pairs)
        if other is not None and cell.figures is not None and other.figures is not None
    }
    differences = compare_cells(faces)
    for number, (_, other) in enumerate(pairs):
        found = differences.get(str(number))
        if found is None or other is None:
            yield None
            continue
        first, second = faces[str(number)]
        csat, negative = csat_difference(first, second), negative_difference(first, second)
        assert csat is not None and negative is not None, "both have votes"
        yield ComparedCell(other, found[0], csat, negative, found[1])
