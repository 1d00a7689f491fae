"""Fills a database that has places, or asks it what people ask: for bench_reading, in a process of its own.

reading_work.py fill DB PRESSES      terminals at places, which have pressed so often altogether
reading_work.py ask DB RUNS          the CPU seconds of each question, the best of so many runs, and what it read
reading_work.py sql DB               those of plain SQL over `presses_v1` for the same, once each
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hymio.figures.cells import FigureQuery, figure_cells
from hymio.figures.reading import FigureReader
from hymio.figures.wall_time import whole_days
from hymio.office.report import terminal_figures
from hymio.office.site import run_import
from hymio.store.database import Store, open_store
from hymio_sim.rigs import office_work

DAYS: Final = ("2026-09-21", "2026-09-22")
"""On which all presses are."""
_REGIONS: Final = 5
_NOW_UTC: Final = office_work.BEGAN_UTC + 30 * 86_400.0
_PAGE: Final = "/v2/results/button-feedbacks.json?startDate={}&endDate={}&limit=100".format(*DAYS)
_HOURS_AHEAD: Final = 3
"""By which the places' clock was ahead of UTC on those days."""

_SQL: Final = {
    "report": "SELECT device_id, button, verdict, sum(count) FROM presses_v1 GROUP BY 1, 2, 3",
    "place": (
        f"SELECT node_id, CAST((pressed_utc + {3600 * _HOURS_AHEAD}) / 86400 AS INTEGER), button, sum(count)"
        " FROM presses_v1 JOIN placements USING (device_id)"
        " WHERE is_vote AND pressed_utc >= 60.0 * from_utc_minute GROUP BY 1, 2, 3"
    ),
    # The newest hundred, as the API gives them.
    "v2_page": (
        "SELECT device_id, log_id, seq, button, verdict, pressed_utc, node_id FROM presses_v1"
        " JOIN placements USING (device_id) WHERE pressed_utc >= 60.0 * from_utc_minute"
        " ORDER BY pressed_utc DESC, device_id, log_id, seq LIMIT 100"
    ),
}
"""What one would ask the views, without roll-ups."""


def site_of(terminals: int) -> str:
    """A site with a place for each terminal, the same number of them in each region."""
    lines = [
        "[organisation]", 'key = "bench"', 'name = "Bench"', 'locale = "en"', 'time_zone = "Europe/Helsinki"',
        "[question.q]", 'text.en = "How was our service today?"',
        "[survey.s]", 'question = "q"',
        f"at = {[f'r{number}' for number in range(_REGIONS)]}", "first_day = 2026-01-01",
    ]  # fmt: skip
    for number in range(_REGIONS):
        lines += [f"[group.r{number}]", f'name = "Region {number}"']
    for number in range(terminals):
        lines += [f"[point.p{number:03}]", f'name = "Place {number:03}"', f'parent = "r{number % _REGIONS}"']
    for number in range(terminals):
        lines += ["[[placement]]", f'device_id = "till-{number:03}"', f'at = "p{number:03}"']
        lines += ["from = 2026-01-01T00:00:00+02:00"]
    return "\n".join(lines)


def fill(db: str, presses: int) -> dict[str, Any]:
    """A database with places, whose terminals have pressed so often altogether, all within the same hours."""
    with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stdout(io.StringIO()):
        site = Path(directory) / "site.toml"
        site.write_text(site_of(office_work.TERMINALS), encoding="utf-8")
        run_import(db, [site], None, False, True)
    return office_work.fill(db, presses)


def _report(store: Store) -> Callable[[], int]:
    def ask() -> int:
        with store.reading() as connection:
            return sum(sum(one["verdicts"].values()) for one in terminal_figures(connection))

    return ask


def _place(store: Store) -> Callable[[], int]:
    def ask() -> int:
        with store.reading() as connection:
            query = FigureQuery("place", "day", whole_days(*DAYS))
            answer = figure_cells(FigureReader(connection, _NOW_UTC), query)
            return sum(cell.figures.votes for cell in answer.cells if cell.figures is not None)

    return ask


def _v2_page(store: Store) -> Callable[[], int]:
    from starlette.testclient import TestClient

    from hymio.common.rate_limits import RateLimit
    from hymio.serve.app import create_app
    from hymio.serve.serving import Serving

    app = create_app(Serving(store, lambda: _NOW_UTC), RateLimit(1e6, 1e6))
    client = TestClient(app, base_url="http://127.0.0.1:8080", client=("127.0.0.1", 50_000))

    def ask() -> int:
        answer = client.get(_PAGE)
        answer.raise_for_status()
        return len(answer.json())

    return ask


QUESTIONS: Final = {"report": _report, "place": _place, "v2_page": _v2_page}


def ask(db: str, runs: int) -> dict[str, Any]:
    """What each question costs, in CPU seconds, and what it found."""
    store = open_store(db)
    found: dict[str, Any] = {}
    for name, question in QUESTIONS.items():
        asked = question(store)
        asked()  # what is made once for many questions is made now
        seconds = []
        for _ in range(runs):
            begin = time.process_time()
            answer = asked()
            seconds.append(time.process_time() - begin)
        found[name] = {"cpu_s": min(seconds), "found": answer}
    store.close()
    return found


def ask_by_sql(db: str, _: int) -> dict[str, Any]:
    """The same of the view, and how many votes, presses or rows it found."""
    store = open_store(db)
    found = {}
    for name, statement in _SQL.items():
        with store.reading() as connection:
            begin = time.process_time()
            rows = connection.exec_driver_sql(statement).all()
            found[name] = {
                "cpu_s": time.process_time() - begin,
                "found": len(rows) if name == "v2_page" else sum(row[3] for row in rows),
            }
    store.close()
    return found


def main() -> None:
    """Prints the answer to the command line as JSON."""
    what, db, number = sys.argv[1], sys.argv[2], int((*sys.argv, "1")[3])
    print(json.dumps({"fill": fill, "ask": ask, "sql": ask_by_sql}[what](db, number)))


if __name__ == "__main__":
    main()
