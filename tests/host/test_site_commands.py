"""`hymio site`: from files into the database and out again, all faults at once, nothing half-done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hymio_process import hymio_here as hymio
from schema_check import check
from sites import HOSPITAL
from test_limits import batch, commit, votes

from hymio.common.errors import ANSWER_NO, DONE, NO_SERVICE, WRONG_USE
from hymio.site.read import parse_site
from hymio.site.write import csv_bytes, placements_csv, places_csv
from hymio.store.audit import entries
from hymio.store.database import open_store
from hymio.store.sites import load_sites

BASE = parse_site(HOSPITAL)
EXAMPLE = Path(__file__).parents[2] / "host" / "examples" / "places.toml"


@pytest.fixture
def db(tmp_path: Path) -> str:
    return str(tmp_path / "votes.db")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """The hospital as TOML, and as a spreadsheet saves it."""
    texts = {
        "site.toml": HOSPITAL.encode(),
        "a.csv": csv_bytes(placements_csv(BASE)),
        "b.CSV": csv_bytes(places_csv(BASE)),
    }
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text)
    return {name: str(tmp_path / name) for name in texts}


def ask(name: str, *arguments: str) -> Any:
    done = hymio("site", *arguments, "--json")
    assert done.returncode == DONE, done.stderr
    return check(name, done.stdout)


def refused(*arguments: str, status: int = WRONG_USE) -> Any:
    done = hymio("site", *arguments, "--json")
    assert done.returncode == status, (done.stdout, done.stderr)
    assert done.stdout == "" or status == ANSWER_NO
    return check("error", done.stderr.splitlines()[-1])["error"]


def sites(db: str) -> list[Any]:
    store = open_store(db)
    with store.reading() as connection:
        found = [stored.site for stored in load_sites(connection)]
    store.close()
    return found


def actions(db: str) -> list[Any]:
    store = open_store(db)
    with store.reading() as connection:
        found = list(entries(connection, 100))
    store.close()
    return found


def test_import_and_once_more(db: str, files: dict[str, str]) -> None:
    done = ask("site-import", "import", files["site.toml"], "--db", db)
    assert (done["added"], done["changed"], done["ended"]) == (8, 0, 0)
    assert [one["of"] for one in done["changes"]].count("placement") == 2
    assert sites(db) == [BASE]
    again = ask("site-import", "import", files["site.toml"], "--db", db)
    assert again["changes"] == []
    assert [(one.action, one.details["organisation"]) for one in actions(db)] == [("site.import", "city-hospital")]
    said = hymio("site", "import", files["site.toml"], "--db", db)
    assert (said.returncode, said.stdout) == (DONE, "") and "nothing to change" in said.stderr


def test_diff_says_what_an_import_does(db: str, files: dict[str, str]) -> None:
    ask("site-import", "import", files["site.toml"], "--db", db)
    changed = Path(files["site.toml"])
    first = HOSPITAL.index('[[placement]]\ndevice_id = "till-1"')
    second = HOSPITAL.index('[[placement]]\ndevice_id = "till-2"')
    changed.write_text(HOSPITAL[:first].replace("Night bar", "Bar") + HOSPITAL[second:])
    done = hymio("site", "diff", str(changed), "--db", db, "--json")
    assert done.returncode == ANSWER_NO
    would = check("site-import", done.stdout)
    assert would["dry_run"] and sites(db) == [BASE]
    assert {(one["change"], one["of"], one["key"]) for one in would["changes"]} == {
        ("changed", "point", "bar"), ("ended", "placement", "till-1"),
    }  # fmt: skip
    dry = ask("site-import", "import", str(changed), "--db", db, "--dry-run")
    assert dry == would and sites(db) == [BASE]
    did = ask("site-import", "import", str(changed), "--db", db)
    assert did == would | {"dry_run": False}
    assert ask("site-import", "diff", str(changed), "--db", db)["changes"] == []
    newest = actions(db)[0].details
    assert newest["changed"][0]["keys"] == [{"key": "name", "before": "Night bar", "after": "Bar"}]
    text = hymio("site", "diff", files["site.toml"], "--db", db)
    assert text.returncode == DONE and text.stdout == ""


def test_tables_change_the_tree_and_leave_the_rest(db: str, files: dict[str, str]) -> None:
    tables = (files["a.csv"], files["b.CSV"])
    assert refused("import", *tables, "--db", db, status=NO_SERVICE)
    assert not Path(db).exists()
    ask("site-import", "import", files["site.toml"], "--db", db)
    for order in (tables, tables[::-1]):
        assert ask("site-import", "import", *order, "--db", db)["changes"] == []
    places = Path(files["b.CSV"])
    places.write_bytes(places.read_bytes().replace(b"Night bar", "Yöbaari".encode()))
    done = ask("site-import", "import", *tables, "--db", db)
    assert [(one["key"], one["keys"]) for one in done["changes"]] == [
        ("bar", [{"key": "name", "before": "Night bar", "after": "Yöbaari"}])
    ]
    assert sites(db)[0].surveys == BASE.surveys


def test_what_is_exported_is_what_there_is(db: str, files: dict[str, str], tmp_path: Path) -> None:
    ask("site-import", "import", files["site.toml"], "--db", db)
    assert hymio("site", "export", "--db", db).stdout == HOSPITAL
    assert ask("site-export", "export", "--db", db)["site"]["point"]["ward-3"]["custom"] == {"floor": "3"}
    paths = ask("site-export-csv", "export", "--db", db, "--csv", str(tmp_path / "new"))["files"]
    assert Path(paths["places"]).read_bytes() == Path(files["b.CSV"]).read_bytes()
    assert ask("site-import", "diff", paths["placements"], paths["places"], "--db", db)["changes"] == []


def test_all_faults_at_once_and_nothing_touched(db: str, files: dict[str, str]) -> None:
    wrong = Path(files["site.toml"])
    wrong.write_text(HOSPITAL.replace("Europe/Stockholm", "Europe/Stokholm").replace('at = "ward-3"', 'at = "ward-4"'))
    error = refused("import", str(wrong), "--db", db)
    assert [(fault["line"], fault["key"]) for fault in error["faults"]] == [
        (16, "point.bar.time_zone"), (49, "placement[0].at"),
    ]  # fmt: skip
    assert error["message"].count("\n") == 1 and "perhaps Europe/Stockholm" in error["message"]
    assert not Path(db).exists()


def test_what_the_database_forbids_is_told_by_line_too(db: str, files: dict[str, str], tmp_path: Path) -> None:
    ask("site-import", "import", files["site.toml"], "--db", db)
    other = tmp_path / "other.toml"
    other.write_text(HOSPITAL.replace("city-hospital", "clinic").replace('"till-2"', '"till-9"'))
    error = refused("import", str(other), "--db", db)
    assert [(fault["line"], fault["key"]) for fault in error["faults"]] == [(50, "placement[0].from")]
    assert "till-1 stands at ward-3 of city-hospital from 2026-03-01T06:00:00+00:00 on" in error["message"]
    assert sites(db) == [BASE] and len(actions(db)) == 1
    kind = Path(files["site.toml"])
    kind.write_text(HOSPITAL.replace("[point.bar]", "[group.bar]").replace('at = "bar"', 'at = "ward-3"'))
    assert [fault["line"] for fault in refused("import", str(kind), "--db", db)["faults"]] == [14]


def test_one_of_several_organisations(db: str, files: dict[str, str], tmp_path: Path) -> None:
    ask("site-import", "import", files["site.toml"], "--db", db)
    other = tmp_path / "other.toml"
    other.write_text(HOSPITAL.replace("city-hospital", "clinic").replace("till-", "desk-"))
    ask("site-import", "import", str(other), "--db", db, "--organisation", "clinic")
    assert len(sites(db)) == 2
    tables = (files["a.csv"], files["b.CSV"])
    assert "city-hospital, clinic" in refused("import", *tables, "--db", db)["message"]
    assert "Give one of clinic." in refused("export", "--db", db, "--organisation", "clinik")["hint"]
    assert ask("site-import", "diff", *tables, "--db", db, "--organisation", "city-hospital")["changes"] == []
    assert refused("diff", str(other), "--db", db, "--organisation", "city-hospital")["exit"] == WRONG_USE
    assert [one["key"] for one in ask("site-show", "show", "--db", db)["organisations"]] == ["city-hospital", "clinic"]
    assert len(ask("site-show", "show", "--db", db, "--organisation", "clinic")["organisations"]) == 1


def test_wrong_files_are_told_before_anything_is_made(db: str, files: dict[str, str], tmp_path: Path) -> None:
    for given in ([files["a.csv"]], [files["site.toml"], files["a.csv"]], [files["a.csv"]] * 3):
        assert "one TOML file or two CSV files" in refused("import", *given, "--db", db)["message"]
    assert refused("import", str(tmp_path / "none.toml"), "--db", db)
    assert not Path(db).exists()


def test_a_terminal_without_a_placement_is_shown_by_its_id(db: str, files: dict[str, str]) -> None:
    store = open_store(db, create=True)
    for device_id in ("till-1", "till-2", "till-7", "till-8"):
        commit(store, votes(device_id, batch(0, 5)))
    store.close()
    empty = ask("site-show", "show", "--db", db)
    assert (empty["organisations"], empty["unplaced"]) == ([], ["till-1", "till-2", "till-7", "till-8"])
    ask("site-import", "import", files["site.toml"], "--db", db)
    hymio("cmd", "till-8", "forget", "--db", db)  # no broker is there: it is marked all the same
    found = ask("site-show", "show", "--db", db)
    # till-2 has left the bar, and stands nowhere since.
    assert found["unplaced"] == ["till-2", "till-7"]
    places = {one["key"]: one for one in found["organisations"][0]["places"]}
    assert list(places) == ["bar", "wards", "ward-3"]
    assert places["ward-3"] == {
        "key": "ward-3", "name": "Ward 3", "kind": "point", "parent": "wards", "time_zone": "Europe/Helsinki",
        "hours": "mon-fri 08:00-18:00; sat 10:00-14:00", "level": "EXCELLENT", "until": None,
        "surveys": ["service-2026"],
        "terminals": [{"device_id": "till-1", "from": "2026-03-01T08:00:00+02:00", "asks": "customer"}],
    }  # fmt: skip
    said = hymio("site", "show", "--db", db)
    assert said.returncode == DONE
    assert said.stdout.splitlines()[-1] == "Without a placement: till-2, till-7"
    assert "terminal till-1" in said.stdout and "till-2  2026" not in said.stdout
    assert "till-2  2026" in hymio("site", "show", "--db", db, "--past").stdout


def test_nothing_there_is_told(db: str) -> None:
    assert refused("export", "--db", db, status=NO_SERVICE)
    open_store(db, create=True).close()
    assert "no organisation" in refused("export", "--db", db)["message"]
    assert json.loads(hymio("site", "show", "--db", db, "--json").stdout)["organisations"] == []


def test_the_example_is_a_whole_site(db: str) -> None:
    done = ask("site-import", "import", str(EXAMPLE), "--db", db)
    assert (done["added"], done["changed"], done["ended"]) == (12, 0, 0)
    assert ask("site-import", "diff", str(EXAMPLE), "--db", db)["changes"] == []
    places = {one["key"]: one for one in ask("site-show", "show", "--db", db)["organisations"][0]["places"]}
    assert [one["device_id"] for one in places["ward-4"]["terminals"]] == ["till-1"]
    assert places["canteen"]["surveys"] == ["service-2026", "shift-2026"]


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("three-questions", {"came-for": "four", "come-again": "five", "recommend": "nps"}),
        ("peak-end", {"end": "four", "peak": "five"}),
        ("staff", {"work-day": "four"}),
    ],
)
def test_a_template_is_a_whole_site(tmp_path: Path, name: str, asked: dict[str, str]) -> None:
    text = hymio("site", "template", name).stdout
    assert check("site-template", hymio("site", "template", name, "--json").stdout)["toml"].strip() == text.strip()
    site = parse_site(text)
    assert {one.key: one.scale.value for one in site.surveys} == asked
    assert all(set(one.texts) == {"en", "fi", "sv"} for one in site.questions)
    assert (name == "staff") == (site.surveys[0].type.value == "staff")
    file = tmp_path / "site.toml"
    file.write_text(text, encoding="utf-8")
    done = hymio("site", "import", str(file), "--db", str(tmp_path / "votes.db"))
    assert done.returncode == DONE, done.stderr
