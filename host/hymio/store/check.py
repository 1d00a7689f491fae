"""Every sum that the database keeps, worked out again from the rows and compared; terminal by terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import add
from typing import Any, Final

from sqlalchemy import Connection, Row, select, text, union

from hymio.site.model import SurveyType
from hymio.store import schema
from hymio.store.cells import COUNTED, CellKey, cells_of, stored_minutes
from hymio.store.places import StoredPlaces, stored_places
from hymio.store.schema import CellSpan
from hymio.store.sites import load_sites
from hymio.store.staff import StaffPlace
from hymio.wire.seq_coverage import Coverage, Span

DIFFERENT_MAX: Final = 1000
"""Differences that are listed; the others are only counted."""

_CELL_KEY: Final = tuple(column.name for column in schema.cells.primary_key)
_IN_SPAN: Final = text(
    "SELECT coalesce(sum(count), 0), coalesce(sum(CASE WHEN seq < :check_seq THEN count END), 0) FROM presses"
    " WHERE device_id = :device_id AND log_id = :log_id AND seq BETWEEN :first_seq AND :last_seq"
)
_IN_LOG: Final = text("SELECT coalesce(sum(count), 0) FROM presses WHERE device_id = :device_id AND log_id = :log_id")


@dataclass(frozen=True, slots=True)
class WrongSum:
    """A sum that is not what the rows say."""

    table: str
    key: dict[str, Any]
    column: str
    stored: int
    computed: int

    def as_json(self) -> dict[str, Any]:
        """An object of `different` in the answer of `hymio db check`."""
        return {
            "table": self.table,
            "key": self.key,
            "column": self.column,
            "stored": self.stored,
            "computed": self.computed,
        }


@dataclass(slots=True)
class Checked:
    """How many sums were compared, and which differ."""

    checked: int = 0
    different: list[WrongSum] = field(default_factory=list)
    not_listed: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything is what the rows say."""
        return not self.different

    def as_json(self) -> dict[str, Any]:
        """The answer of `hymio db check`."""
        different = [one.as_json() for one in self.different]
        return {"ok": self.ok, "checked": self.checked, "different": different, "not_listed": self.not_listed}

    def compare(self, table: str, key: dict[str, Any], column: str, stored: int, computed: int) -> None:
        """Compares a sum."""
        self.checked += 1
        if stored == computed:
            return
        if len(self.different) < DIFFERENT_MAX:
            self.different.append(WrongSum(table, key, column, stored, int(computed)))
        else:
            self.not_listed += 1


def check(connection: Connection, done: Callable[[int, int], None] = lambda at, all_: None) -> Checked:
    """Compares every cell, the sums of the ledger and the blocks of staff's answers with the rows.

    It needs memory for one terminal at a time, and changes nothing.

    Args:
        connection: in a transaction that reads one moment (`Store.reading`).
        done: is told after how many terminals, of how many.
    """
    checked = Checked()
    places = stored_places(connection)
    of_staff = {
        stored.surveys[survey.key]
        for stored in load_sites(connection)
        for survey in stored.site.surveys
        if survey.type is SurveyType.STAFF
    }
    staff: dict[StaffPlace, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    devices = union(select(schema.logs.c.device_id), select(schema.cells.c.device_id)).order_by("device_id")
    known = list(connection.execute(devices).scalars())
    for at, device_id in enumerate(known):
        done(at, len(known))
        for row in _cells(connection, places, device_id, checked):
            if row.span == CellSpan.EVER and row.survey_id in of_staff and row.verdict == COUNTED:
                for at, presses in enumerate((row.n1, row.n2, row.n3, row.n4)):
                    staff[row.node_id, row.survey_id][at] += presses
        _logs(connection, device_id, checked)
    _staff(connection, staff, checked)
    done(len(known), len(known))
    return checked


def _cells(connection: Connection, places: StoredPlaces, device_id: str, checked: Checked) -> Iterator[Row[Any]]:
    """Compares the cells of a terminal; gives those that are there."""
    expected, _ = cells_of(places, stored_minutes(connection, device_id))
    folded = dict.fromkeys(CellSpan, 0)
    table = schema.cells
    for row in connection.execute(select(table).where(table.c.device_id == device_id)):
        key: CellKey = row[:-8]
        stored, folded_here = row[-8:-4], row[-4:]
        _compare_cell(checked, key, stored, map(add, expected.pop(key, (0, 0, 0, 0)), folded_here))
        folded[row.span] += sum(folded_here)
        yield row
    for key, computed in sorted(expected.items()):
        _compare_cell(checked, key, (0, 0, 0, 0), computed)
    logs = schema.logs
    pruned = sum(connection.execute(select(logs.c.folded).where(logs.c.device_id == device_id)).scalars())
    for span in CellSpan:
        checked.compare("cells", {"device_id": device_id, "span": int(span)}, "folded", folded[span], pruned)


def _compare_cell(checked: Checked, key: CellKey, stored: Iterable[int], computed: Iterable[int]) -> None:
    for button, (there, expected) in enumerate(zip(stored, computed, strict=True), start=1):
        checked.compare("cells", dict(zip(_CELL_KEY, key, strict=True)), f"n{button}", there, expected)


def _logs(connection: Connection, device_id: str, checked: Checked) -> None:
    """Compares the sums of the ledger of a terminal: in its logs, and in the spans of these."""
    logs, spans = schema.logs, schema.spans
    for log in connection.execute(select(logs).where(logs.c.device_id == device_id)).all():
        of_log = {"device_id": device_id, "log_id": log.log_id}
        query = select(spans).filter_by(**of_log).order_by(spans.c.first_seq)
        stored = connection.execute(query).all()
        for row in stored:
            given = of_log | {"first_seq": row.first_seq, "last_seq": row.last_seq, "check_seq": row.check_seq}
            presses, below = connection.execute(_IN_SPAN, given).one()
            key = of_log | {"first_seq": row.first_seq}
            if row.first_seq >= log.pruned_seq:  # of others it is not known which of the pruned rows were theirs
                checked.compare("spans", key, "presses", row.presses, presses)
                checked.compare("spans", key, "presses_check", row.presses_check, below)
            checked.compare("spans", key, "lost", row.lost, _span(row).lost)
        coverage = Coverage([_span(row) for row in stored], log.oldest_seq, log.cursor_seq)
        rows = connection.execute(_IN_LOG, of_log).scalar_one()
        checked.compare("logs", of_log, "presses", log.presses, rows + log.folded)
        checked.compare("logs", of_log, "presses", log.presses, coverage.presses)
        checked.compare("logs", of_log, "lost", log.lost, coverage.lost)
        checked.compare("logs", of_log, "open_gaps", log.open_gaps, len(coverage.open_gaps))


def _span(row: Row[Any]) -> Span:
    return Span(*tuple(row)[2:-1])


def _staff(connection: Connection, counted: dict[StaffPlace, list[int]], checked: Checked) -> None:
    """Compares the answers of staff that are shown, or wait to be, with the cells."""
    kept: dict[StaffPlace, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for table in (schema.staff_open, schema.staff_blocks):
        for row in connection.execute(select(table)):
            for at, presses in enumerate((row.n1, row.n2, row.n3, row.n4)):
                kept[row.node_id, row.survey_id][at] += presses
    for place in sorted({*kept, *counted}):
        key = {"node_id": place[0], "survey_id": place[1]}
        for at in range(4):
            checked.compare("staff_blocks", key, f"n{at + 1}", kept[place][at], counted[place][at])
