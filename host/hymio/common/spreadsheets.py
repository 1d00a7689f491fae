"""CSV that a spreadsheet may open, in which no text is taken for a formula, and CSV that one has written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from hymio.common.text_files import separator_told

FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet begins to compute at (https://owasp.org/www-community/attacks/CSV_Injection)."""
SAVE_AS_CSV: Final = 'Save it as "CSV UTF-8" (Excel has it among its file types) and run the same command again.'
_SEPARATORS: Final = ",;\t"


class NoCsv(ValueError):
    """A text is no CSV; says why, and in which line."""

    def __init__(self, line: int, said: str) -> None:
        """Takes the line in which the row begins that is none, 1 is the first."""
        super().__init__(said)
        self.line = line


def in_cell(value: object) -> str:
    """How a value stands in a cell of a CSV.

    Args:
        value: None is an empty cell, true and false are written like that, a number stays one. Before a text that a
            spreadsheet would take for a formula stands an apostrophe.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA_SIGNS) else text


def csv_text(names: Sequence[str], rows: Iterable[Sequence[object]], separator: str = ",") -> str:
    r"""A whole CSV: a line of names, then the rows; lines end with CR LF (RFC 4180).

    Args:
        names: of the columns.
        rows: a value for each column.
        separator: one character, neither a quote nor the end of a line.
    """
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    writer.writerow(names)
    writer.writerows([in_cell(value) for value in row] for row in rows)
    return out.getvalue()


def csv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line in which it begins, cells) of every row that has something in it, less the one that names a separator.

    Raises:
        NoCsv: it ends in the middle of a quoted cell, or the like.
    """
    separator, skipped = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for row in reader:
            if skipped:
                skipped = False
            elif any(cell.strip() for cell in row):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise NoCsv(line, str(error)) from error


def _separator(text: str) -> tuple[str, bool]:
    """What stands between the cells, and whether the first row says nothing else (`sep=;` is how Excel is told)."""
    if told := separator_told(text):
        return told, True
    head = next((line for line in text.splitlines() if line.strip(_SEPARATORS + " ")), "")
    return max(_SEPARATORS, key=head.count), False


def plain_cell(cell: str) -> str:
    """The text of a cell, without the apostrophe that says it is no formula (`in_cell` puts it there)."""
    cell = cell.strip(" \r\n")
    if len(cell) > 1 and cell[0] == "'" and cell[1] in (*FORMULA_SIGNS, "'"):
        cell = cell[1:]
    return cell.strip()
