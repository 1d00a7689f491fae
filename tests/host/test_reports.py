"""`hymio report` in all its forms: charts show the numbers of --json, a page asks nobody, what is hidden is nowhere."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pandas  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pypdfium2
import pytest
from figure_world import GivenPress, given, minute, put
from hymio_process import hymio_here
from schema_check import check

from hymio.common.errors import WRONG_USE
from hymio.locale.language import LOCALES, language_of
from hymio.office import report_charts, report_page, report_parquet
from hymio.office.report_words import FiguresReport, report_of
from hymio.site.diff import plan_import
from hymio.site.model import Level, Node, NodeKind, Organisation, Placement, Question, Site, Survey, SurveyType
from hymio.store.arrivals import Arrival
from hymio.store.database import open_store
from hymio.store.ingest import ingest_many
from hymio.store.sites import save_changes
from hymio.wire.batches import Batch
from hymio.wire.records import Boot, Press, Time

SINCE = minute("2026-01-01T00:00")
FORMULA = '=HYPERLINK("https://example.org")'
MARCH = ("--from", "2026-03-01", "--to", "2026-03-31")


def shop() -> Site:
    points = {"hall": "Hall & Co <1>", "yard": FORMULA, "roof": "Café Ψ", "shed": "Shed"}
    return Site(
        Organisation("shop", "The Shop", time_zone="Europe/Helsinki"),
        tuple(Node(key, name, NodeKind.POINT, level=Level.GOOD) for key, name in points.items()),
        (Question("how", {"en": "How <was> it?"}),),
        (
            Survey("guests", "how", tuple(points), date(2026, 1, 1)),
            Survey("team", "how", ("hall",), date(2026, 1, 1), type=SurveyType.STAFF),
        ),
        (
            *(Placement(f"{key}-1", key, SINCE) for key in points),
            Placement("team-1", "hall", SINCE, asks=SurveyType.STAFF),
        ),
    )


def presses() -> Iterator[GivenPress]:
    for day in range(1, 29):
        for month in (2, 3):
            at = f"2026-{month:02}-{day:02}T12:00"
            yield from given("hall-1", at, 1, 2, 4, 9 + day % 3)
            yield from given("yard-1", at, 6, 2, 4 + day % 2, 1)
            yield from given("roof-1", at, 0, 1, 5, 5)
            yield from given("hall-1", at, 0, 1, verdict="mash")
    yield from given("shed-1", "2026-03-05T12:00", 1, 1, 1)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two months of three places, and a fourth with three answers."""
    path = str(tmp_path_factory.mktemp("report") / "votes.db")
    store = open_store(path, create=True)
    with store.writing() as connection:
        save_changes(connection, None, plan_import(None, shop(), 0).changes)
        put(connection, presses())
    store.close()
    return path


def asked(db: str, *options: str) -> dict[str, Any]:
    done = hymio_here("report", "--db", db, *options, "--json")
    assert done.returncode == 0, done.stderr
    return check("report-by", done.stdout)


QUESTIONS = (
    ("--by", "place", *MARCH),
    ("--by", "place", *MARCH, "--compare", "previous"),
    ("--by", "place", "--per", "day", *MARCH),
    ("--by", "group", "--per", "week", *MARCH, "--compare", "hall"),
    ("--by", "place", "--per", "weekday", *MARCH),
    ("--by", "terminal", "--per", "month", *MARCH),
    ("--by", "survey", "--per", "hour", *MARCH),
    ("--by", "group", "--per", "hour", "--from", "2026-03-03", "--to", "2026-03-03"),
)


@pytest.mark.parametrize("options", QUESTIONS, ids=" ".join)
def test_charts_show_the_numbers_of_json_and_nothing_that_is_hidden(db: str, options: tuple[str, ...]) -> None:
    answer = asked(db, *options)
    report = report_of(answer, language_of("en"))
    known = {(report.labels[cell["key"]], _bucket(cell)): cell for cell in answer["cells"] if cell["votes"]}
    hidden = {(report.labels[cell["key"]], _bucket(cell)) for cell in answer["cells"] if cell["suppressed"]}
    charts = report_charts.charts_of(report)
    assert charts
    drawn = set()
    for chart in charts:
        for row in values_in(chart.drawing.to_dict()):
            bucket = row.get("at") or (f"{row['day']}T{row['hour']}" if "day" in row else "")
            where = (row.get("name") or chart.caption, bucket)
            assert where in known and where not in hidden
            cell = known[where]
            drawn.add(where)
            for name in ("happy_index", "happy_index_margin", "votes"):
                assert name not in row or row[name] == cell[name]
            if "count" in row:
                assert row["count"] == cell["faces"][row["order"]]
            if row.get("other") is not None:
                assert row["other"] == cell["compared"]["happy_index"]
    assert drawn == known.keys()


def _bucket(cell: dict[str, Any]) -> str:
    return str(cell["bucket"][:16] if "T" in cell["bucket"] else cell["bucket"])


def values_in(spec: Any) -> Iterator[dict[str, Any]]:
    """All rows of data of a chart, wherever they stand."""
    if isinstance(spec, dict):
        yield from (
            spec.get("values", ()) if isinstance(spec.get("values"), list) and spec.keys() <= {"values", "name"} else ()
        )
        for name, rows in spec.get("datasets", {}).items():
            assert name
            yield from rows
        for key, part in spec.items():
            if key not in ("values", "datasets"):
                yield from values_in(part)
    elif isinstance(spec, list):
        for part in spec:
            yield from values_in(part)


class Page(HTMLParser):
    """What a browser would fetch or run, the texts, and what stands where the picture can't be seen."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""
        self.style = ""
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag = self.tags[-1][0] if self.tags else ""
        if tag == "script":
            self.data += data
        elif tag == "style":
            self.style += data
        else:
            self.text.append(data)


@pytest.mark.parametrize("options", QUESTIONS[:4], ids=" ".join)
def test_a_page_is_one_file_that_asks_nobody(db: str, options: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    done = hymio_here("report", "--db", db, *options, "--html", str(file))
    assert done.returncode == 0 and not done.stdout, done.stderr
    page = Page(file.read_text(encoding="utf-8"))
    for tag, attributes in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form", "a", "image", "use"), tag
        assert not {"src", "href", "xlink:href", "srcset", "action", "data"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")], "no program"
        assert tag != "script" or attributes["type"] == "application/json"
    assert "url(" not in page.style and "@import" not in page.style
    answer = asked(db, *options)
    assert json.loads(page.data) == answer
    charts = [attributes for _, attributes in page.tags if attributes.get("role") == "img"]
    assert len(charts) == sum(tag == "svg" for tag, _ in page.tags) > 0 and all(one["aria-label"] for one in charts)
    text = " ".join(" ".join(page.text).split())
    assert 'Customers were asked: "How <was> it?"' in text and ("Café Ψ" in text) == ("place" in options)
    assert text.count("too few answers") >= sum(cell["suppressed"] for cell in answer["cells"])


WORDS = {
    "en": ("Happy Index by place, day by day", "too few answers", "1\u2009–\u200931 Mar 2026", "78.4 ± 14.8"),
    "fi": ("Happy Index paikoittain, päivittäin", "liian vähän vastauksia", "1.–31. maaliskuuta 2026", "78,4 ± 14,8"),
    "sv": ("Happy Index per plats, dag för dag", "för få svar", "1–31 mars 2026", "78,4 ± 14,8"),
}


@pytest.mark.parametrize("code", LOCALES)
def test_every_form_speaks_the_readers_language(db: str, code: str, tmp_path: Path) -> None:
    options = ("--by", "place", "--per", "day", *MARCH, "--compare", "previous", "--language", code)
    files = {kind: tmp_path / f"report.{kind}" for kind in ("html", "pdf", "svg")}
    given_files = [one for kind, path in files.items() for one in (f"--{kind}", str(path))]
    assert hymio_here("report", "--db", db, *options, *given_files).returncode == 0
    page = files["html"].read_text(encoding="utf-8")
    assert f'<html lang="{code}">' in page and all(words in page for words in WORDS[code])
    with pypdfium2.PdfDocument(str(files["pdf"])) as document:
        text = " ".join(" ".join(page.get_textpage().get_text_bounded() for page in document).split())
    assert all(words.replace("\u2009", " ") in text for words in WORDS[code])
    assert "?" not in text.replace("was> it?", ""), "the letters are all there"
    assert WORDS[code][0] in files["svg"].read_text(encoding="utf-8")
    shown = hymio_here("report", "--db", db, *options).stdout
    assert WORDS[code][0] in shown and WORDS[code][3] in shown
    english = "Answers|Customers|Difference|Filtered|Satisfied|Share|intervals|unhappy|comparison|enough|Mon|Apr"
    assert code == "en" or not re.search(rf"\b({english})\b", page.partition("<script")[0])


def test_a_pdf_has_heading_table_and_charts(db: str, tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    done = hymio_here("report", "--db", db, "--by", "place", "--per", "day", *MARCH, "--pdf", str(file))
    assert done.returncode == 0, done.stderr
    with pypdfium2.PdfDocument(str(file)) as document:
        assert document.get_metadata_dict()["Title"] == "The Shop: Happy Index by place, day by day"
        pages = [page.get_textpage().get_text_bounded() for page in document]
        pictures = [
            one for page in document for one in page.get_objects() if one.type == pypdfium2.raw.FPDF_PAGEOBJ_IMAGE
        ]
        width, height = document[0].get_size()
    assert (round(width), round(height)) == (595, 842)
    text = " ".join(" ".join(pages).split())
    assert "1 – 31 Mar 2026" in text and "too few answers" in text and "Café Ψ" in text
    assert len(pages) > 2 and all("Happy Index" in page for page in pages[1:-1]), "the head of the table comes again"
    assert len(pictures) == 2, "two of three places show days"


def test_pictures(db: str, tmp_path: Path) -> None:
    png, svg = tmp_path / "report.png", tmp_path / "report.svg"
    assert hymio_here("report", "--db", db, *MARCH, "--png", str(png), "--svg", str(svg)).returncode == 0
    assert png.read_bytes().startswith(b"\x89PNG") and "The Shop: Happy Index by place" in svg.read_text()
    nothing = hymio_here("report", "--db", db, "--from", "2026-06-01", "--to", "2026-06-02", "--svg", str(svg))
    assert nothing.returncode == 0 and "0 answers" in svg.read_text()


def test_a_csv_is_safe_to_open(db: str) -> None:
    done = hymio_here("report", "--db", db, "--by", "place", *MARCH, "--compare", "hall", "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    answer = asked(db, "--by", "place", *MARCH, "--compare", "hall")
    assert [row["name"] for row in rows] == ["Hall & Co <1>", "Café Ψ", "Shed", "'" + FORMULA]
    for row, cell in zip(rows, answer["cells"], strict=True):
        assert row["votes"] == ("" if cell["suppressed"] else str(cell["votes"]))
        assert row["suppressed"] == str(cell["suppressed"]).lower()
    negative = next(row for row in rows if row["compared_happy_index_difference"].startswith("-"))
    assert float(negative["compared_happy_index_difference"]) < 0, "a number is no formula"


def test_cells_in_parquet(db: str, tmp_path: Path) -> None:
    file = str(tmp_path / "cells.parquet")
    assert hymio_here("report", "--db", db, "--by", "place", "--per", "week", *MARCH, "--parquet", file).returncode == 0
    answer = asked(db, "--by", "place", "--per", "week", *MARCH)
    total = sum(cell["votes"] or 0 for cell in answer["cells"])
    hidden = sum(cell["suppressed"] for cell in answer["cells"])
    assert duckdb.sql(f"SELECT sum(votes), count(*) FILTER (suppressed) FROM '{file}'").fetchall() == [(total, hidden)]
    frame = pandas.read_parquet(file)
    assert list(frame.key) == [cell["key"] for cell in answer["cells"]] and frame.happy_index.dtype == float


def batch(log_id: int, presses: int) -> Batch:
    slots: list[Any] = [(0, Boot(1, 0, 1, 0)), (1, Time(1, 0, 1, 60 * minute("2026-03-05T12:00")))]
    slots += [(2 + n, Press(1, 60_000 * n, 1 + n % 4, 0 if n % 5 else 1, 0, 5, 65535)) for n in range(presses)]
    return Batch(log_id, 1, 1, True, 0, 2 + presses, 0, 0, (0, 0, 0, 0), tuple(slots))


def test_all_presses_but_those_of_staff_in_parquet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    db, file = str(tmp_path / "votes.db"), tmp_path / "presses.parquet"
    store = open_store(db, create=True)
    with store.writing() as connection:
        save_changes(connection, None, plan_import(None, shop(), 0).changes)
        for number, device_id in enumerate(("hall-1", "lone-1", "team-1", "yard-1")):
            ingest_many(connection, [Arrival(device_id, batch(1 + number, 25), "mqtt", 1_790_000_000.0, "", b"")])
        monkeypatch.setattr(report_parquet, "ROWS_AT_ONCE", 10)
        rows = report_parquet.write_presses(connection, file)
    store.close()
    assert rows == 75 and pq.ParquetFile(file).num_row_groups == 8, "ten at a time"
    told = duckdb.sql(
        f"SELECT device_id, place, survey, count(*), sum(is_vote::int) FROM '{file}' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    assert told == [
        ("hall-1", "hall", "guests", 25, 20), ("lone-1", None, None, 25, 20), ("yard-1", "yard", "guests", 25, 20),
    ]  # fmt: skip
    monkeypatch.chdir(tmp_path)
    shown: dict[str, Any] = {}
    exec(readme_program(), shown)
    assert list(shown["presses"].columns) == [*report_parquet.COLUMNS, "place", "survey"]
    assert "yard" in capsys.readouterr().out


def readme_program() -> str:
    """What host/README.md shows of DuckDB and pandas."""
    readme = (Path(__file__).parents[2] / "host" / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("All presses in Parquet have")[2].partition("\n## ")[0]
    return "\n".join(line[4:] for line in shown.splitlines() if line.startswith("    "))


def test_the_command_writes_all_presses(db: str, tmp_path: Path) -> None:
    file = tmp_path / "presses.parquet"
    done = hymio_here("report", "--db", db, "--parquet", str(file), "--json")
    answer = check("report-parquet", done.stdout)
    assert answer == {"parquet": str(file), "rows": 0}, "these have roll-ups alone"
    assert list(tmp_path.iterdir()) == [file]


WRONG = (
    (("--by", "place", "--scope", "attic"), "There is no place 'attic' in shop"),
    (("--by", "place", "--organisation", "store"), "There is no organisation 'store'; expected one of shop"),
    (("--from", "yesterday"), "'yesterday' is no time here; expected a day as 2026-03-29"),
    (("--from", "2026-13-01"), "'2026-13-01' is no time here"),
    (("--to", "1999-01-01"), "expected a day of the years 2000 to 2099"),
    (("--from", "2026-03-29T03:30"), "expected a time that there was"),
    (("--from", "2026-03-05", "--to", "2026-03-04"), "A range ends after its start"),
    (("--per", "hour", "--from", "2020-01-01"), "cells; expected 100000 at most"),
    (("--compare", "attic"), "There is no place 'attic'"),
    (("--by", "terminal", "--compare", "till-9"), "There is no terminal 'till-9' to compare with"),
    (("--per", "year"), "'year' is not one of 'hour'"),
    (("--html", "/nowhere/report.html"), "/nowhere/report.html: No such file or directory."),
    (("--parquet", "/nowhere/presses.parquet"), "/nowhere/presses.parquet: No such file or directory."),
)


@pytest.mark.parametrize(("options", "said"), WRONG, ids=[" ".join(one[0]) for one in WRONG])
def test_what_can_t_be_is_said_in_two_sentences(db: str, options: tuple[str, ...], said: str) -> None:
    done = hymio_here("report", "--db", db, *options)
    assert done.returncode == WRONG_USE and said in done.stderr and not done.stdout
    assert len(done.stderr.strip().splitlines()) == 2


def test_without_options_it_is_what_it_was(db: str) -> None:
    done = hymio_here("report", "--db", db, "--json")
    answer = check("report", done.stdout)
    assert [one["votes"] for one in answer["terminals"] if one["device_id"] == "shed-1"] == [3], (
        "nothing is hidden here"
    )


def test_a_table_for_people(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    done = hymio_here("report", "--db", db, "--by", "place", *MARCH, "--compare", "hall")
    assert "The Shop: Happy Index by place" in done.stdout and "1\u2009–\u200931 Mar 2026" in done.stdout
    assert "too few answers" in done.stdout and FORMULA[:10] in done.stdout
    assert re.search(r"-\d+\.\d \*", done.stdout), "a difference that is more than chance"


def test_a_database_without_places_is_told_by_terminal(tmp_path: Path) -> None:
    path = str(tmp_path / "votes.db")
    store = open_store(path, create=True)
    with store.writing() as connection:
        put(connection, given("till-1", "2026-03-05T12:00", 1, 2, 3, 4))
    store.close()
    answer = asked(path, "--per", "day", "--from", "2026-03-05", "--to", "2026-03-05")
    assert [(cell["key"], cell["votes"]) for cell in answer["cells"]] == [("till-1", 10)]
    done = hymio_here("report", "--db", path, "--by", "place")
    assert done.returncode == WRONG_USE and "There are no places in this database" in done.stderr


HEAVY = {
    "altair",
    "vl_convert",
    "pyarrow",
    "fpdf",
    "pandas",
    "numpy",
    "duckdb",
    "fastapi",
    "alembic",
    "pydantic",
    "PIL",
    "babel",
}


@pytest.mark.parametrize("options", [(), ("--by", "place", *MARCH)])
def test_a_report_imports_no_library_that_it_does_not_use(db: str, options: tuple[str, ...]) -> None:
    program = (
        "import sys; from hymio.cli.app import app; from hymio.common.errors import run_cli;"
        f" status = run_cli(app, ['report', '--db', {db!r}, '--json', *{options!r}]);"
        f" print(status, sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.strip() == "0 []"


def test_a_missing_library_is_named_with_the_command_that_brings_it(
    db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("altair", "hymio.office.report_page", "hymio.office.report_charts"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "altair", None)
    done = hymio_here("report", "--db", db, "--html", str(tmp_path / "report.html"))
    assert done.returncode == WRONG_USE and "A report as page, picture, PDF or Parquet needs" in done.stderr
    assert "-m pip install" in done.stderr and not list(tmp_path.iterdir())


def test_a_text_can_t_end_the_element_that_holds_the_data() -> None:
    answer = {
        "by": "place", "per": None, "name": "</script><b>", "from_local": "2026-03-01T00:00:00+02:00",
        "to_local": "2026-03-02T00:00:00+02:00", "questions": ["</script>"], "cells": [],
    }  # fmt: skip
    report: FiguresReport = report_of(answer, language_of("en"))
    page = Page(report_page.page(report))
    assert json.loads(page.data) == answer and not any(tag == "b" for tag, _ in page.tags)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--html", "a.html", "--pdf", "a.html"], "one and the same"),
        (["--svg", "a.svg", "--png", "./a.svg"], "one and the same"),
        *(([one, ""], f"{one} is empty") for one in ("--compare", "--from", "--to", "--scope", "--organisation")),
    ],
)
def test_options_that_say_nothing_or_the_same_twice_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = hymio_here("report", "--db", "votes.db", *options)
    assert done.returncode == WRONG_USE and said in done.stderr and not list(tmp_path.iterdir())
