"""What stands in the cells of an answer, one value in each column: for spreadsheets and programs, in no language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Cell = Mapping[str, Any]
"""A cell as the contract has it in JSON. Charts and tables are made of nothing else."""


def columns_of(cells: Iterable[Cell]) -> tuple[list[str], list[list[object]]]:
    """Names of columns, and rows, for spreadsheets and programs: what stands in the cells, one value in each column."""
    flat = [_flat(cell) for cell in cells]
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
