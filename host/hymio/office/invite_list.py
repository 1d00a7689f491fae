"""A list of whom to invite, as a CSV from a spreadsheet or a CRM; all that is wrong in it is told at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hymio.common.spreadsheets import SAVE_AS_CSV, NoCsv, csv_rows, plain_cell
from hymio.locale.language import LOCALES
from hymio.site.read import FaultyFiles, FileFault, read_bounded
from hymio.site.rules import is_line, shown
from hymio.store.persons import OTHER_WAY

EMAIL_COLUMN: Final = "email"
"""Has nothing but e-mail addresses: a CRM has there what customers have typed, and a URL would have us speak to
whatever they wish, within our own network, too. Whoever lists URLs calls the column by the other name."""
ADDRESS_COLUMNS: Final = (EMAIL_COLUMN, "address")
OTHER_COLUMNS: Final = ("name", "language", "place")
"""In any case. Columns of any other name are the CRM's, and come back with the answer as they are."""
EXTERNAL_MAX: Final = 20
LABEL_MAX: Final = 64
VALUE_MAX: Final = 250
NAME_MAX: Final = 100
ADDRESS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """A row. place: key of an experience point; language: a code; None: as the command says."""

    address: str
    name: str | None
    language: str | None
    place: str | None
    external: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ListRules:
    """What a row may say. places: keys; is_address: whether somebody can be reached there; needs_place: in each row."""

    places: Collection[str]
    is_address: Callable[[str], bool]
    needs_place: bool


def read_list(path: Path, rules: ListRules) -> list[ListedPerson]:
    """Whoever stands in a file.

    Raises:
        Failure: 2, it can't be read or is not UTF-8. Its subclass FaultyFiles: all that is wrong in it.
    """
    return parse_list(read_bounded(path, SAVE_AS_CSV), rules, str(path))


def parse_list(text: str, rules: ListRules, source: str = "customers.csv") -> list[ListedPerson]:
    """The same of a text."""
    reader = _ListReader(rules, source)
    try:
        people = list(reader.people(csv_rows(text)))
    except NoCsv as error:
        reader.wrong(error.line, "the row", "CSV", str(error))
    if reader.faults:
        raise FaultyFiles(reader.faults)
    return people


class _ListReader:
    """Reads rows and collects what is wrong with them."""

    def __init__(self, rules: ListRules, source: str) -> None:
        self._rules, self._source = rules, source
        self.faults: list[FileFault] = []

    def wrong(self, line: int, column: str, expected: str, came: object = None) -> None:
        """Puts a fault on the list."""
        self.faults.append(FileFault(self._source, line, column, expected, shown(came)))

    def people(self, rows: Iterator[tuple[int, list[str]]]) -> Iterator[ListedPerson]:
        """All rows that are good."""
        line, head = next(rows, (1, []))
        names = [_known(plain_cell(cell)) for cell in head]
        self._check_head(line, names)
        if self.faults:
            return  # every row would have the same fault
        address_column = next(name for name in names if name in ADDRESS_COLUMNS)
        for line, row in rows:
            cells = {name: plain_cell(cell) for name, cell in zip(names, row, strict=False) if name}
            beyond = [cell for name, cell in zip(names, row, strict=False) if not name] + row[len(names) :]
            if any(cell.strip() for cell in beyond):
                self.wrong(line, "the row", f"{len(names)} cells, one for each column", len(row))
            elif person := self._person(line, address_column, {name: cell for name, cell in cells.items() if cell}):
                yield person

    def _check_head(self, line: int, names: list[str]) -> None:
        found = [name for name in names if name in ADDRESS_COLUMNS]
        if len(found) != 1:
            came = ", ".join(filter(None, names)) or None
            self.wrong(line, "email", "one column named email or address in the first row", came)
        for index, name in enumerate(names):
            if name and name in names[:index]:
                self.wrong(line, name, "one column of this name", f"{name} once more")
            elif name and not is_line(name, LABEL_MAX):
                self.wrong(line, name[:LABEL_MAX], f"a name of at most {LABEL_MAX} characters in one line", name)
        external = [name for name in names if name and name not in (*ADDRESS_COLUMNS, *OTHER_COLUMNS)]
        if len(external) > EXTERNAL_MAX:
            self.wrong(line, external[EXTERNAL_MAX], f"at most {EXTERNAL_MAX} columns of your own", len(external))

    def _person(self, line: int, address_column: str, cells: dict[str, str]) -> ListedPerson | None:
        before = len(self.faults)
        address, name = cells.pop(address_column, None), cells.pop("name", None)
        language, place = cells.pop("language", None), cells.pop("place", None)
        is_refused = address_column == EMAIL_COLUMN and OTHER_WAY in (address or "")
        if address is None or len(address) > ADDRESS_MAX or is_refused or not self._rules.is_address(address):
            # What stands in the wrong column may be anything, a password too: it is not shown.
            came = None if address is None else address if OTHER_WAY not in address else "another URL"
            more = "; URLs in a column named address" if is_refused else ", or a URL that Apprise knows"
            self.wrong(line, address_column, f"an e-mail address{more}", came)
        if name is not None and not is_line(name, NAME_MAX):
            self.wrong(line, "name", f"at most {NAME_MAX} characters in one line", name)
        if language is not None:
            code = language.replace("-", "_").partition("_")[0].lower()
            if code not in LOCALES:
                self.wrong(line, "language", f"one of {', '.join(LOCALES)}", language)
            language = code
        if place is None and self._rules.needs_place:
            self.wrong(line, "place", "an experience point at which the survey runs, here or by --place")
        elif place is not None and place not in self._rules.places:
            self.wrong(line, "place", "the key of an experience point at which the survey runs", place)
        for label, value in cells.items():
            if not is_line(value, VALUE_MAX):
                self.wrong(line, label, f"at most {VALUE_MAX} characters in one line", value)
        if len(self.faults) > before:
            return None
        assert address is not None
        return ListedPerson(address, name, language, place, cells)


def _known(name: str) -> str:
    """Our columns in small letters, others as they are."""
    folded = name.casefold().replace("e-mail", "email")
    return folded if folded in (*ADDRESS_COLUMNS, *OTHER_COLUMNS) else name
