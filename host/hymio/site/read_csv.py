"""The tree and the placements of a site from two CSV files, as a spreadsheet writes them.

Surveys, questions and the organisation are no tables; they stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path as FilePath
from typing import Final

from hymio.common.spreadsheets import SAVE_AS_CSV, NoCsv, csv_rows, plain_cell
from hymio.site.build import Builder, FaultyValue, Path
from hymio.site.model import NodeKind, Site
from hymio.site.read import FaultyFiles, FileFault, SiteFile, read_bounded
from hymio.site.rules import shown

PLACE_COLUMNS: Final = ("key", "name", "kind", "parent", "time_zone", "hours", "level", "until")
"""And any number of `custom.LABEL`."""
PLACEMENT_COLUMNS: Final = ("device_id", "at", "from", "until", "asks")
CUSTOM: Final = "custom."
_NEEDED: Final = {"places": ("key", "name", "kind"), "placements": ("device_id", "at", "from")}
_TakeRow = Callable[[int, dict[str, str]], None]


def read_csv_site(one: FilePath, other: FilePath, base: Site) -> SiteFile:
    """The site of two files.

    Args:
        one: the file of the tree, or that of the placements, which alone tells of terminals (`device_id`).
        other: the other one.
        base: whose organisation, questions and surveys it has.

    Raises:
        Failure: 2, a file can't be read or is not UTF-8. Its subclass FaultyFiles: all that is wrong in them.
    """
    files = [(str(path), read_bounded(path, SAVE_AS_CSV)) for path in (one, other)]
    (places_source, places), (placements_source, placements) = sorted(files, key=lambda file: _tells_terminals(file[1]))
    return _parsed(places, placements, base, places_source, placements_source)


def _tells_terminals(text: str) -> bool:
    """Whether it is the file of the placements; its columns stand in the first row, or in the second after `sep=;`."""
    return any("device_id" in row for row in text.split("\n", 2)[:2])


def parse_csv_site(
    places: str,
    placements: str,
    base: Site,
    places_source: str = "places.csv",
    placements_source: str = "placements.csv",
) -> Site:
    """The same of two texts."""
    return _parsed(places, placements, base, places_source, placements_source).site


def _parsed(places: str, placements: str, base: Site, places_source: str, placements_source: str) -> SiteFile:
    builder = Builder()
    builder.organisation = base.organisation
    builder.questions, builder.surveys = list(base.questions), list(base.surveys)

    rows: list[tuple[int, dict[str, str]]] = []

    def take_placement(line: int, cells: dict[str, str]) -> None:
        builder.take_placement(("placements", line), cells)

    _take_rows("places", places, PLACE_COLUMNS, builder, lambda line, cells: rows.append((line, cells)))
    groups = {cells.get("parent") for _, cells in rows}
    for line, cells in rows:
        _take_place(builder, line, cells, groups)
    _take_rows("placements", placements, PLACEMENT_COLUMNS, builder, take_placement)
    site = builder.site()
    sources = {"places": places_source, "placements": placements_source}
    if builder.faults:
        found = [_file_fault(fault, sources) for fault in builder.faults]
        raise FaultyFiles(sorted(found, key=lambda fault: (fault.file, fault.line)))
    return SiteFile(site, lambda problem: _file_fault(builder.fault_of(problem), sources))


def _take_place(builder: Builder, line: int, cells: dict[str, str], groups: set[str | None]) -> None:
    """One row of the places. Of what kind a place is that does not say so, is seen from what lies in it (`groups`)."""
    path: Path = ("places", line)
    kind, key = cells.pop("kind", "").casefold(), cells.pop("key", "")
    custom = {name.removeprefix(CUSTOM): cells.pop(name) for name in list(cells) if name.startswith(CUSTOM)}
    if not key:
        builder.wrong((*path, "key"), "a key for each place")
    if kind not in tuple(NodeKind):
        builder.wrong((*path, "kind"), "group or point", kind or None)
        kind = NodeKind.GROUP if key in groups else NodeKind.POINT
    builder.take_node(path, NodeKind(kind), key, {**cells, **({"custom": custom} if custom else {})})


def _file_fault(fault: FaultyValue, sources: dict[str, str]) -> FileFault:
    path: Path = fault.path
    if len(path) >= 2 and path[0] in sources:
        line = path[1]
        column = ".".join(str(part) for part in path[2:]) or "the row"
        return FileFault(sources[str(path[0])], int(line), column, fault.expected, shown(fault.came))
    # Of what is not in these files: a survey that asks at a place that they no longer have.
    key = ".".join(str(part) for part in path)
    return FileFault(sources["places"], 1, key, fault.expected, shown(fault.came))


def _take_rows(name: str, text: str, columns: tuple[str, ...], builder: Builder, take: _TakeRow) -> None:
    rows = _rows(name, text, builder)
    line, head = next(rows, (1, []))
    names = [cell.strip() for cell in head]
    for column in _NEEDED[name]:
        if column not in names:
            came = ", ".join(filter(None, names)) or None
            builder.wrong((name, line, column), "a column of this name in the first row", came)
    for index, column in enumerate(names):
        if column in names[:index] and column:
            builder.wrong((name, line, column), "one column of this name", f"{column} once more")
        elif column not in columns and column and not (column.startswith(CUSTOM) and name == "places"):
            others = f" or {CUSTOM}LABEL" if name == "places" else ""
            builder.wrong((name, line, column), f"one of {', '.join(columns)}{others}", column)
    if builder.faults and any(fault.path[:2] == (name, line) for fault in builder.faults):
        return  # every row would have the same fault
    for line, row in rows:
        beyond = [cell for column, cell in zip(names, row, strict=False) if not column] + row[len(names) :]
        if any(cell.strip() for cell in beyond):
            builder.wrong((name, line), f"{len(names)} cells, one for each column", len(row))
            continue
        cells = {column: plain_cell(cell) for column, cell in zip(names, row, strict=False) if column}
        take(line, {column: cell for column, cell in cells.items() if cell})


def _rows(name: str, text: str, builder: Builder) -> Iterator[tuple[int, list[str]]]:
    """As `csv_rows`; what is no CSV is put on the list."""
    try:
        yield from csv_rows(text)
    except NoCsv as error:
        builder.wrong((name, error.line), "CSV", str(error))
