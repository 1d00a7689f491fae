"""Which cells of one table are hidden, so that its small cells don't come out by subtraction.

The sums of all rows and columns of the table can be known, and all cells that are not hidden. The hidden cells are full
rectangles in which every row and every column has no votes or the threshold. What adding and subtracting then tells of
the hidden cells are sets {(i, j) : a_i + b_j = 1}, where a_i + b_j is 0 or 1 on all of them. On a full rectangle one of
the two can't change, so that the set has whole rows or whole columns of it: it has the threshold of votes, or none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

Table = Mapping[str, Mapping[str, int]]
"""Row -> column -> votes; every row has every column. Columns in order of time."""
Order = Mapping[str, Sequence[str]]
"""Row -> columns."""

_LOOKED_AT: Final = 24
"""Of a place's thousand siblings as many are looked at for one to hide with it: those with the fewest votes."""


def hidden_cells(table: Table, at_least: int) -> dict[tuple[str, str], int]:
    """The cells, (row, column), of rectangles around all cells with 1 to at_least - 1 votes.

    Args:
        table: each whole row and each whole column has no votes or `at_least`. So a rectangle can always grow until it
            is one that protects.
        at_least: the threshold: fewer votes are too few.

    Returns:
        For each hidden cell a number, the same for all cells of rectangles that overlap. Of these cells the sum of each
        row and of each column may be told: it tells no more than that of the whole table's, for each rectangle protects
        by itself.

    Each small cell that is not hidden yet gets a rectangle.
    """
    turned: dict[str, dict[str, int]] = {}
    for row, cells in table.items():
        for column, votes in cells.items():
            turned.setdefault(column, {})[row] = votes
    places = {column: place for place, column in enumerate(turned)}
    by_row, by_column = _fewest_first(table), _fewest_first(turned)
    hidden: dict[tuple[str, str], int] = {}
    # The same cells, column first.
    hidden_turned: set[tuple[str, str]] = set()
    for number, (row, column) in enumerate((row, column) for row in sorted(table) for column in turned):
        if not 0 < table[row][column] < at_least or (row, column) in hidden:
            continue
        rows, columns = {row}, {column}
        while _add(rows, columns, table, by_row, hidden, at_least, places) or _add(
            columns, rows, turned, by_column, hidden_turned, at_least, {}
        ):
            pass
        cells_of = [(inside, across) for inside in rows for across in columns]
        overlapped = {hidden[cell] for cell in cells_of if cell in hidden}
        hidden.update({cell: number for cell, other in hidden.items() if other in overlapped})
        hidden.update(dict.fromkeys(cells_of, number))
        hidden_turned.update((across, inside) for inside, across in cells_of)
    return hidden


def _fewest_first(table: Table) -> Order:
    """Of each row the columns in which it has votes."""
    return {
        row: sorted((column for column, votes in cells.items() if votes), key=lambda column: (cells[column], column))
        for row, cells in table.items()
    }


def _add(
    rows: Collection[str],
    columns: set[str],
    table: Table,
    fewest_first: Order,
    hidden: Collection[tuple[str, str]],
    at_least: int,
    places: Mapping[str, int],
) -> bool:
    """Adds one column for the first row that has too few votes in the columns; False if there is no such row.

    places: of the columns in time; none if they are no times.
    """
    at = [places[column] for column in columns if column in places]

    def cost(column: str) -> tuple[int, int, int, str]:
        """How much is lost with the column.

        Empty cells, if known, protect nobody. Then times are to lie close together, for a range of time can be shown
        if it takes all of a rectangle's or none; then as few votes are to be lost as possible that could be shown; and
        by name, so that the same table always hides the same.
        """
        votes = [(row, table[row][column]) for row in rows]
        lost = sum(number for row, number in votes if number >= at_least and (row, column) not in hidden)
        return sum(not number for _, number in votes), _distance(column), lost, column

    def _distance(column: str) -> int:
        return min((abs(places[column] - place) for place in at), default=0)

    for row in sorted(rows):
        if 0 < sum(table[row][column] for column in columns) < at_least:
            others = [column for column in fewest_first[row] if column not in columns]
            if at:
                others.sort(key=_distance)
            columns.add(min(others[:_LOOKED_AT], key=cost))
            return True
    return False
