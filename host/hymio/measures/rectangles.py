"""Which cells of one table are hidden, so that its small cells don't come out by subtraction.

The sums of all rows and columns of the table can be known, and all cells that are not hidden. The hidden cells are full
rectangles that don't overlap, in which every row and every column has no votes or the threshold. Even if each
rectangle's own sums of rows and columns were known, adding and subtracting those would tell only whole rows and whole
columns of it: if a_i + b_j is 0 or 1 for all rows i and columns j of a rectangle, one of the two doesn't change.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

Table = Mapping[str, Mapping[str, int]]
"""Row -> column -> votes; every row has every column."""


@dataclass(slots=True, eq=False)
class _Rectangle:
    rows: set[str]
    columns: set[str]

    def overlaps(self, other: _Rectangle) -> bool:
        return not (self.rows.isdisjoint(other.rows) or self.columns.isdisjoint(other.columns))


def hidden_cells(table: Table, at_least: int) -> frozenset[tuple[str, str]]:
    """The cells, (row, column), of rectangles around all cells with 1 to at_least - 1 votes.

    Args:
        table: each whole row and each whole column has no votes or `at_least`. So a rectangle can always grow until it
            is one that protects.

    Each small cell that is not hidden yet gets a rectangle of its own; where it meets others they become one.
    """
    turned: dict[str, dict[str, int]] = {}
    for row, cells in table.items():
        for column, votes in cells.items():
            turned.setdefault(column, {})[row] = votes
    rectangles: list[_Rectangle] = []
    hidden: set[tuple[str, str]] = set()
    for row in sorted(table):
        for column in sorted(turned):
            if not 0 < table[row][column] < at_least or (row, column) in hidden:
                continue
            one, met = _Rectangle({row}, {column}), [_Rectangle(set(), set())]
            while met:
                _grow(one, table, turned, at_least, hidden)
                met = [other for other in rectangles if other.overlaps(one)]
                for other in met:
                    one.rows |= other.rows
                    one.columns |= other.columns
                    rectangles.remove(other)
            rectangles.append(one)
            hidden.update((inside, across) for inside in one.rows for across in one.columns)
    return frozenset(hidden)


def _grow(one: _Rectangle, table: Table, turned: Table, at_least: int, hidden: Collection[tuple[str, str]]) -> None:
    """Adds rows and columns until each of them has no votes or enough within the rectangle."""
    while _add(one.rows, one.columns, table, turned, at_least, lambda row, column: (row, column) in hidden) or _add(
        one.columns, one.rows, turned, table, at_least, lambda column, row: (row, column) in hidden
    ):
        pass


def _add(
    rows: Collection[str],
    columns: set[str],
    table: Table,
    turned: Table,
    at_least: int,
    is_hidden: Callable[[str, str], bool],
) -> bool:
    """Adds one column for the first row that has too few votes in the columns; False if there is no such row."""

    def cost(column: str) -> tuple[int, int, int, str]:
        """Empty cells, if known, protect nobody; cells of another rectangle make one of the two, which is larger; then
        as few votes as possible are to be lost; and by name, so that the same table always hides the same."""
        votes = [turned[column][row] for row in rows]
        met = sum(is_hidden(row, column) for row in rows)
        return votes.count(0), met, sum(number for number in votes if number >= at_least), column

    for row in sorted(rows):
        if 0 < sum(table[row][column] for column in columns) < at_least:
            columns.add(
                min((column for column in table[row] if table[row][column] and column not in columns), key=cost)
            )
            return True
    return False
