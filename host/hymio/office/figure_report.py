"""`hymio report --by`: figures by place and time for a terminal window, for programs, and as files for everybody."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.extras import missing_extra
from hymio.common.output import console, note, print_json, print_line
from hymio.common.spreadsheets import csv_text
from hymio.figures.cells import FigureQuery, figure_cells
from hymio.figures.comparing import compare
from hymio.figures.reading import FigureReader
from hymio.figures.subjects import By, FigureScope
from hymio.figures.wall_time import stretch_of
from hymio.measures.buckets import Per
from hymio.office.report_columns import columns_of
from hymio.store.database import open_store

if TYPE_CHECKING:
    from hymio.office.report_words import FiguresReport


@dataclass(frozen=True, slots=True)
class ReportAsked:
    """What is asked: the options of `hymio report`. by: None is by place, or by terminal where there are no places."""

    by: By | None = None
    per: Per | None = None
    start: str | None = None
    end: str | None = None
    organisation: str | None = None
    scope: str | None = None
    compare: str | None = None


@dataclass(frozen=True, slots=True)
class ReportForms:
    """How it is to be told: on stdout as JSON, CSV or, without files, as a table; and as files, by their kind.

    language: the code of one of `LOCALES`, for what people read.
    """

    as_json: bool = False
    as_csv: bool = False
    language: str = "en"
    files: Mapping[str, Path] = field(default_factory=dict)


def run_figures(db: str, asked: ReportAsked, forms: ReportForms) -> None:
    """Reads the figures and tells them.

    Raises:
        Failure: 2, 4 or 5; 2 also for places and times that there are not, and for files that can't be written.
    """
    opened = open_store(db)
    try:
        with opened.reading() as connection:
            answer = _answer(FigureReader(connection, time.time()), asked)
    except ValueError as error:
        raise Failure(
            WRONG_USE, str(error), "`hymio report --help` shows examples, `hymio site show` the keys."
        ) from error
    finally:
        opened.close()
    for kind, path in forms.files.items():
        _write(answer, forms.language, kind, path)
    if forms.as_json:
        print_json(answer)
    elif forms.as_csv:
        names, rows = columns_of(answer["cells"])
        print_line(csv_text(names, rows).replace("\r\n", "\n").rstrip("\n"))
    elif not forms.files:
        _show(_words(answer, forms.language))
    for path in forms.files.values():
        note(f"Wrote {path}.")


def _answer(reader: FigureReader, asked: ReportAsked) -> dict[str, Any]:
    by: By = asked.by or ("place" if reader.sites else "terminal")
    scope = FigureScope(reader, asked.organisation, asked.scope, by == "terminal")
    stretch = stretch_of(asked.start, asked.end, scope.zone, scope.first_day, reader.now_utc)
    query = FigureQuery(by, asked.per, stretch, asked.organisation, asked.scope)
    if asked.compare is None:
        return figure_cells(reader, query).as_json()
    return compare(reader, query, asked.compare).as_json()


def _words(answer: Mapping[str, Any], language: str) -> FiguresReport:
    # Programs need no catalogue.
    from hymio.locale.language import language_of
    from hymio.office.report_words import report_of

    return report_of(answer, language_of(language))


def _write(answer: Mapping[str, Any], language: str, kind: str, path: Path) -> None:
    try:
        made = _made(answer, language, kind)
        path.write_bytes(made)
    except ImportError as error:
        raise missing_extra("report", error) from error
    except OSError as error:
        raise Failure(WRONG_USE, f"{path}: {error.strerror}.", "Give another path and run it again.") from error


def _made(answer: Mapping[str, Any], language: str, kind: str) -> bytes:
    # Each needs libraries that the others do without, and that take a second to import.
    if kind == "parquet":
        from hymio.office.report_parquet import parquet

        return parquet(answer["cells"])
    report = _words(answer, language)
    if kind == "html":
        from hymio.office.report_page import page

        return page(report).encode()
    if kind == "pdf":
        from hymio.office.report_pdf import pdf

        return pdf(report)
    from hymio.office import report_charts

    svg = report_charts.picture(report)
    return svg.encode() if kind == "svg" else report_charts.png_of(svg, 2)


def _show(report: FiguresReport) -> None:
    from rich.markup import escape
    from rich.table import Table

    from hymio.office.report_words import table_of, texts_in

    screen = console()
    screen.print(f"[bold]{escape(report.title)}[/]\n{report.subtitle}", soft_wrap=True)
    for sentence in report.context:
        screen.print(sentence, markup=False, soft_wrap=True)
    names, rows = table_of(report)
    table = Table(box=None)
    for number, (column, name) in enumerate(zip(report.columns, names, strict=True)):
        table.add_column(
            column.removeprefix("face-") if column.startswith("face-") else name,
            justify="left" if number < texts_in(report) else "right",
            no_wrap=column in ("time", "happy_index", "difference"),
        )
    for row in rows:
        table.add_row(*(escape(_narrow(column, text)) for column, text in zip(report.columns, row, strict=True)))
    screen.print(table)
    screen.print(f"1 {report.faces[0]} ... 4 {report.faces[-1]}", style="dim")
    for sentence in report.notes:
        screen.print(sentence, markup=False, style="dim", soft_wrap=True)


def _narrow(column: str, text: str) -> str:
    """Without its interval, for which a window is too narrow, where it is not the figure itself."""
    if column not in ("satisfied", "difference"):
        return text
    figure, _, interval = text.partition(" (")
    return figure + (" *" if interval.endswith("*") else "")
