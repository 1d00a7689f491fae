"""A site as files: TOML that may live in git (one change is few lines), and two CSV files for a spreadsheet.

No library writes TOML in a form that stands still: tomli-w chooses between one line and many by length, so that one
more word would move a whole table. Every value here is a line of its own, in the order of the keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final

from hymio.common.spreadsheets import csv_text
from hymio.site import moments
from hymio.site.model import Site, SurveyType, places_of
from hymio.site.read_csv import CUSTOM, PLACE_COLUMNS, PLACEMENT_COLUMNS
from hymio.site.values import Values, site_values

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_IN_ONE_LINE: Final = ("levels", "too_few")
"""Small tables of numbers that are read together."""


def site_toml(site: Site) -> str:
    """The text of site.toml; `parse_site` makes the same site of it."""
    values = site_values(site)
    parts = [_lines(("organisation",), values["organisation"])]
    for kind in ("group", "point", "question"):
        parts += [_lines((kind, key), table) for key, table in values[kind].items()]
    for key, survey in values["survey"].items():
        parts += _survey(("survey", key), survey)
    parts += [["[[placement]]", *_pairs((), placement)] for placement in values["placement"]]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _survey(path: tuple[str, ...], survey: Values) -> Iterator[list[str]]:
    yield _lines(path, {key: value for key, value in survey.items() if not isinstance(value, dict)})
    for name in ("unhappy", "happy"):
        if name in survey:
            yield _lines((*path, name), {"text": survey[name]["text"]})
            for option in survey[name]["option"]:
                yield [f"[[{_key((*path, name, 'option'))}]]", *_pairs((), option)]


def _lines(path: tuple[str, ...], table: Values) -> list[str]:
    return [f"[{_key(path)}]", *_pairs((), table)]


def _pairs(path: tuple[str, ...], table: Values) -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, dict) and name in _IN_ONE_LINE:
            inside = ", ".join(f"{_key((one,))} = {_value(number)}" for one, number in value.items())
            yield f"{_key((*path, name))} = {{ {inside} }}"
        elif isinstance(value, dict):
            yield from _pairs((*path, name), value)
        elif isinstance(value, list):
            yield f"{_key((*path, name))} = ["
            yield from (f"    {_value(one)}," for one in value)
            yield "]"
        else:
            yield f"{_key((*path, name))} = {_value(value)}"


def _key(path: Iterable[str]) -> str:
    return ".".join(part if _BARE.fullmatch(part) else _value(part) for part in path)


def _value(value: Any) -> str:
    if isinstance(value, str):
        # The escapes of JSON are those of TOML, but for DEL, which JSON leaves as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return repr(value)


def places_csv(site: Site) -> str:
    """The tree, a place a row; UTF-8 with a byte order mark is what Excel wants of it (`csv_bytes`)."""
    places = places_of(site)
    labels = sorted({label for node in site.nodes for label in node.custom})
    rows: list[list[str]] = [[*PLACE_COLUMNS, *(f"{CUSTOM}{label}" for label in labels)]]
    for node in site.nodes:
        until = node.until_utc_minute
        rows.append(
            [
                node.key,
                node.name,
                node.kind.value,
                node.parent or "",
                node.time_zone or "",
                "" if node.hours is None else str(node.hours),
                "" if node.level is None else node.level.value,
                "" if until is None else moments.text_of(until, places.zone(node.key)),
                *(node.custom.get(label, "") for label in labels),
            ]
        )
    return _csv(rows)


def placements_csv(site: Site) -> str:
    """The placements, one a row."""
    places = places_of(site)
    rows = [list(PLACEMENT_COLUMNS)]
    for one in site.placements:
        zone = places.zone(one.point)
        until = "" if one.until_utc_minute is None else moments.text_of(one.until_utc_minute, zone)
        asks = "" if one.asks is SurveyType.CUSTOMER else one.asks.value
        rows.append([one.device_id, one.point, moments.text_of(one.from_utc_minute, zone), until, asks])
    return _csv(rows)


def csv_bytes(text: str) -> bytes:
    """As a file for spreadsheets: without the mark Excel reads another encoding into it."""
    return text.encode("utf-8-sig")


def _csv(rows: Sequence[Sequence[str]]) -> str:
    # One apostrophe is taken off when it is read, whoever put it there.
    marked = ([f"'{cell}" if cell.startswith("'") else cell for cell in row] for row in rows[1:])
    return csv_text(rows[0], marked)
