"""An answer of figures in words and rows, the same on every kind of report: terminal window, page, PDF, CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from hymio.common.words import counted
from hymio.measures.happy_index import FACES

TOO_FEW: Final = "too few answers"
NO_ANSWERS: Final = "no answers"

Cell = Mapping[str, Any]
"""A cell as the contract has it in JSON. Charts and tables are made of nothing else."""

SUBJECTS: Final = {"terminal": "Terminal", "place": "Place", "group": "Group", "survey": "Question"}
_EACH: Final = {
    "hour": "by the hour", "weekday": "by weekday", "day": "day by day", "week": "week by week",
    "month": "month by month", "quarter": "quarter by quarter",
}  # fmt: skip


@dataclass(frozen=True)
class FiguresReport:
    """An answer as JSON, with or without a comparison, and what stands above it.

    title, subtitle: what it is, and of which time and how many answers. context: sentences that belong above the
    charts; notes: those that belong below.
    """

    answer: Mapping[str, Any]
    title: str
    subtitle: str
    context: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def cells(self) -> list[Cell]:
        """All of them."""
        found: list[Cell] = self.answer["cells"]
        return found

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """What rows are called, by key: by their name, and their key too where several have one name."""
        names = {cell["key"]: cell["name"] for cell in self.cells}
        times = Counter(names.values())
        return {key: name if times[name] == 1 else f"{name} ({key})" for key, name in names.items()}

    @property
    def is_compared(self) -> bool:
        """Whether its cells stand beside others."""
        return "compare" in self.answer


def report_of(answer: Mapping[str, Any]) -> FiguresReport:
    """Finds the words for an answer as JSON (`FigureAnswer.as_json`, `ComparedAnswer.as_json`)."""
    per = answer["per"]
    title = f"{answer['name']}: Happy Index by {answer['by']}" + (f", {_EACH[per]}" if per else "")
    shown = [cell for cell in answer["cells"] if not cell["suppressed"]]
    # Groups lie within each other: the first one holds them all.
    once = [cell for cell in shown if answer["by"] != "group" or cell["key"] == answer["cells"][0]["key"]]
    subtitle = f"{days_of(answer)} · {counted(sum(cell['votes'] for cell in once), 'answer')}"
    if len(shown) < len(answer["cells"]):
        subtitle += " shown"
    return FiguresReport(answer, title, subtitle, tuple(_context(answer)), tuple(_notes(answer)))


def days_of(answer: Mapping[str, Any]) -> str:
    """The time of an answer: `1 March to 31 March 2026`."""
    first, after = (datetime.fromisoformat(answer[key]) for key in ("from_local", "to_local"))
    if (first.hour, first.minute, after.hour, after.minute) != (0, 0, 0, 0):
        return f"{_day(first)} {first:%H:%M} to {_day(after)} {after:%H:%M}"
    last = after - timedelta(days=1)
    if first.date() == last.date():
        return _day(first)
    year = "" if first.year == last.year else f" {first.year}"
    return f"{first.day} {first:%B}{year} to {_day(last)}"


def time_of(cell: Cell, per: str | None) -> str:
    """The time of a cell in a row of a table; "" is all of it."""
    if not per:
        return ""
    at = datetime.fromisoformat(cell["start_local"])
    if per == "hour":
        return f"{at:%Y-%m-%d %H:%M}"
    if per == "weekday":
        return f"{at:%A}"
    if per == "day":
        return f"{at:%a %Y-%m-%d}"
    bucket: str = cell["bucket"]
    return bucket


def happy_index_of(cell: Cell) -> str:
    """`78.2 ± 4.1`, or why there is no figure."""
    if cell["suppressed"]:
        return TOO_FEW
    if cell["happy_index"] is None:
        return NO_ANSWERS
    margin = cell["happy_index_margin"]
    return f"{cell['happy_index']:.1f}" + ("" if margin is None else f" ± {margin:.1f}")


def difference_of(cell: Cell) -> str:
    """`+4.1 (1.2 to 7.0) *`; the star: more than chance. "" if one of both has no figure."""
    compared = cell.get("compared")
    if compared is None:
        return ""
    low, high = compared["happy_index_difference_low"], compared["happy_index_difference_high"]
    said = f"{compared['happy_index_difference']:+.1f} ({low:+.1f} to {high:+.1f})"
    return said + (" *" if compared["real"] else "")


def table_of(report: FiguresReport) -> tuple[list[str], list[list[str]]]:
    """The table that people read: names of columns, and rows; the first `texts_in` columns are texts.

    Hours without presses are left out: most of a day's are.
    """
    per = report.answer["per"]
    names = [SUBJECTS[report.answer["by"]], *(["Time"] if per else []), "Happy Index"]
    names += [*(["Difference"] if report.is_compared else []), "Answers", *FACES, "Satisfied", "Level", "Filtered"]
    rows = []
    for cell in report.cells:
        if per == "hour" and not (cell["suppressed"] or cell["votes"] or cell["misuse"]):
            continue
        shown = cell["votes"] is not None
        row = [report.labels[cell["key"]], *([time_of(cell, per)] if per else []), happy_index_of(cell)]
        row += [*([difference_of(cell)] if report.is_compared else []), str(cell["votes"]) if shown else ""]
        row += [str(count) for count in cell["faces"] or ("",) * len(FACES)]
        csat = cell["csat"]
        row.append("" if csat is None else f"{csat:.0f} % ({cell['csat_low']:.0f} to {cell['csat_high']:.0f})")
        rows.append([*row, cell["level"] or "", str(sum(cell["misuse"].values())) if shown else ""])
    return names, rows


def texts_in(report: FiguresReport) -> int:
    """How many columns of `table_of` are texts; the others are numbers."""
    return 2 if report.answer["per"] else 1


def columns_of(report: FiguresReport) -> tuple[list[str], list[list[object]]]:
    """Names of columns, and rows, for spreadsheets and programs: what stands in the cells, one value in each column."""
    flat = [_flat(cell) for cell in report.cells]
    names = list(dict.fromkeys(name for row in flat for name in row))
    return names, [[row.get(name) for name in names] for row in flat]


def _flat(cell: Cell) -> dict[str, object]:
    row: dict[str, object] = {}
    for name, value in cell.items():
        if name == "faces":
            row |= {f"n{button}": None if value is None else value[button - 1] for button in range(1, 5)}
        elif name == "compared":
            row |= {f"compared_{key}": one for key, one in (value or {}).items()}
        elif name == "misuse":
            row["misuse"] = None if cell["suppressed"] else sum(value.values())
            row["misuse_by_reason"] = " ".join(f"{verdict}:{presses}" for verdict, presses in value.items())
        else:
            row[name] = value
    return row


def _context(answer: Mapping[str, Any]) -> Iterator[str]:
    yield from (f'Customers were asked: "{question}"' for question in answer["questions"])
    if "compare" in answer:
        yield f"Compared with {answer['compare']['name']}, {days_of(answer['compare'])}"


def _notes(answer: Mapping[str, Any]) -> Iterator[str]:
    yield (
        "The Happy Index is 100 if everybody pressed the very happy face, and 0 if everybody pressed the very unhappy"
        " one. With 95 % certainty the true one lies within the interval (±): the more answers, the smaller it is."
    )
    if "compare" in answer:
        yield (
            "Differences are in points, with their 95 % intervals. A star: more than chance. Of all that have one, one"
            " in twenty is chance nevertheless (Benjamini-Hochberg)."
        )
    if any(cell["suppressed"] for cell in answer["cells"]):
        yield (
            f'"{TOO_FEW.capitalize()}": nobody is to be found out, so small numbers are not shown, nor what would give'
            " them away by subtraction. Whole weeks, months and quarters show the most."
        )


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"
