"""The tree and the placements as two CSV files, the way spreadsheets write them."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from sites import HOSPITAL, lines, sites

from hymio.common.errors import Failure
from hymio.site.model import Site
from hymio.site.read import FaultyFiles, parse_site
from hymio.site.read_csv import parse_csv_site, read_csv_site
from hymio.site.write import csv_bytes, placements_csv, places_csv

BASE = parse_site(HOSPITAL)

PLACES = """\
key,name,kind,parent,time_zone,hours,level,until,custom.floor
wards,Wards,group,,,mon-fri 08:00-18:00; sat 10:00-14:00,EXCELLENT,,
ward-3,Ward 3,point,wards,,,,,3
bar,Night bar,point,,Europe/Stockholm,fri-sat 20:00-02:00,,,
"""
PLACEMENTS = """\
device_id,at,from,until,asks
till-1,ward-3,2026-03-01 08:00,,
till-2,bar,2026-03-01 09:00,2026-06-01 10:00,
"""


def read(places: str = PLACES, placements: str = PLACEMENTS) -> Site:
    return parse_csv_site(places, placements, BASE)


def faults(places: str = PLACES, placements: str = PLACEMENTS) -> list[tuple[str, int, str, str, str]]:
    with pytest.raises(FaultyFiles) as caught:
        read(places, placements)
    return [(fault.file, fault.line, fault.key, fault.expected, fault.came) for fault in caught.value.faults]


def with_semicolons(text: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerows(csv.reader(io.StringIO(text)))
    return out.getvalue()


def test_two_files_are_the_tree_and_the_placements_of_a_site() -> None:
    assert read() == BASE


@pytest.mark.parametrize(
    "as_saved",
    [
        lambda text: text.replace("\n", "\r\n"),
        with_semicolons,
        lambda text: "sep=;\r\n" + with_semicolons(text),
        lambda text: text.replace(",", "\t"),
        lambda text: ",,,,,,,,\n" + text.replace("\n", "\n,,,,\n\n"),
        lambda text: "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()),
        lambda text: "\n".join(f"{line},," for line in text.splitlines()),
        lambda text: text.replace("point", "Point").replace("EXCELLENT", "Excellent"),
    ],
    ids=["crlf", "semicolons", "sep=;", "tabs", "empty rows", "quoted", "columns without a name", "capitals"],
)
def test_it_is_the_same_however_a_spreadsheet_saves_it(as_saved) -> None:  # type: ignore[no-untyped-def]
    assert read(as_saved(PLACES), as_saved(PLACEMENTS)) == BASE


def test_columns_may_stand_in_any_order_and_be_left_out() -> None:
    site = parse_csv_site("kind,key,name\npoint,a,A\n", "from,at,device_id\n2026-03-01 08:00,a,till-1\n",
                          replace(BASE, surveys=()))  # fmt: skip
    assert [node.key for node in site.nodes] == ["a"]
    assert site.placements[0].until_utc_minute is None


def test_a_byte_order_mark_and_other_encodings(tmp_path: Path) -> None:
    places, placements = tmp_path / "places.csv", tmp_path / "placements.csv"
    text = PLACES.replace("Night bar", "Yöbaari")
    placements.write_bytes(csv_bytes(PLACEMENTS))
    places.write_bytes(csv_bytes(text))
    assert places.read_bytes().startswith(b"\xef\xbb\xbf")
    site = read_csv_site(places, placements, BASE).site
    assert site.nodes[0].name == "Yöbaari"
    assert site.placements == BASE.placements
    places.write_bytes(text.encode("cp1252"))
    with pytest.raises(Failure, match="line 4: expected UTF-8, came the byte 0xf6") as caught:
        read_csv_site(places, placements, BASE)
    assert "CSV UTF-8" in caught.value.hint
    places.write_bytes(text.encode("utf-16"))
    with pytest.raises(Failure, match="is UTF-16"):
        read_csv_site(places, placements, BASE)


def test_all_faults_of_both_files_at_once_by_line_and_column() -> None:
    places = (
        PLACES.replace("fri-sat", "fr-sat").replace("3,point,wards", '3,"spot\n",ward').replace("Wards,group", ",group")
    )
    placements = PLACEMENTS.replace("bar,2026-03-01", "baar,01.03.2026") + ",ward-3,2026-03-01 08:00,,\n"
    placements += "till-1,bar,2026-04-01 08:00,,\ntill-3,bar,2026-04-01 08:00,,,x\n"
    assert [found[:3] for found in faults(places, placements)] == [
        ("placements.csv", 3, "from"),
        ("placements.csv", 4, "device_id"),
        ("placements.csv", 5, "from"),
        ("placements.csv", 6, "the row"),
        ("places.csv", 2, "name"),
        ("places.csv", 3, "kind"),
        ("places.csv", 3, "parent"),
        ("places.csv", 5, "hours"),
    ]


@pytest.mark.parametrize(
    ("places", "line", "column", "expected"),
    [
        ("", 1, "key", "a column of this name in the first row"),
        (PLACES.replace("key,name,kind", "id,name,kind"), 1, "key", "a column of this name in the first row"),
        (PLACES.replace("level", "colour"), 1, "colour", "one of key, name, kind"),
        (PLACES.replace("level", "hours"), 1, "hours", "one column of this name"),
        (PLACES.replace("ward-3,", "bar,"), 4, "key", "point.bar has it too"),
        (PLACES.replace('ward-3,Ward 3', 'ward-3,"Ward" 3'), 3, "the row", "CSV"),
        (PLACES.replace('ward-3,Ward 3', 'ward-3,"Ward 3'), 3, "the row", "CSV"),
        (PLACES.replace("ward-3,Ward 3", ",Ward 3"), 3, "key", "a key for each place"),
        (PLACES.replace("bar,Night bar", "club,Night bar"), 1, "survey.service-2026.at.bar", "the key of a place"),
    ],
)  # fmt: skip
def test_faults_of_the_places(places: str, line: int, column: str, expected: str) -> None:
    found = [(at, key) for file, at, key, said, _ in faults(places) if file == "places.csv" and expected in said]
    assert (line, column) in found


@given(sites())
def test_it_comes_back_as_it_went_out(site: Site) -> None:
    assert parse_csv_site(places_csv(site), placements_csv(site), site) == site


@given(lines(20))
def test_no_cell_is_taken_for_a_formula(name: str) -> None:
    site = replace(BASE, nodes=tuple(replace(node, name=name) for node in BASE.nodes))
    rows = list(csv.reader(io.StringIO(places_csv(site))))
    assert len(rows) == 4
    assert not any(cell[:1] in set("=+-@\t\r") and cell for row in rows for cell in row)
    assert read(places_csv(site)).nodes == site.nodes


def test_an_apostrophe_that_belongs_to_a_name_stays() -> None:
    for name in ("'s-Hertogenbosch", "'", "''", "'=", "'-'"):
        site = replace(BASE, nodes=tuple(replace(node, name=name) for node in BASE.nodes))
        assert read(places_csv(site)).nodes == site.nodes
    assert read(PLACES.replace("Ward 3", "'s-Hertogenbosch")).nodes[1].name == "'s-Hertogenbosch"
