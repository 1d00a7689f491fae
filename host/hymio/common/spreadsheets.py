"""CSV that a spreadsheet may open: no text in it is taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet begins to compute at (https://owasp.org/www-community/attacks/CSV_Injection)."""


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
