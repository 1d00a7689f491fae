"""From a press to a person, in real time: terminals, mosquitto, collector, `hymio serve`, and whoever is told."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from hymio_sim.board.board_files import find_tool
from hymio_sim.rigs.figure import Figure
from hymio_sim.rigs.stage import Stage, hymio, open_mosquitto, stage_set

PLACES: Final = ("one", "two", "three")
"""Each with a terminal and a rule: an alert that is open is not raised again."""
_PATIENCE_S: Final = 120.0

SITE: Final = """\
[organisation]
key = "bench"
name = "Bench"
too_few = { customer = 1 }

[question.q]
text.en = "How was it?"

[survey.s]
question = "q"
at = ["one", "two", "three"]
first_day = 2026-01-01
""" + "".join(
    f"""
[point.{place}]
name = "{place}"

[[placement]]
device_id = "alert-{place}"
at = "{place}"
from = 2026-01-01T00:00:00Z
"""
    for place in PLACES
)


def set_up(stage: Stage, channels: Sequence[Sequence[str]], serve: Sequence[str] = ()) -> None:
    """Starts all of it, with a rule for each place that one unhappy vote raises.

    channels: the options of `hymio channel add` of each; serve: further options of `hymio serve`.
    """
    stage.start_broker()
    stage.start_collector()
    for place in PLACES:
        stage.start_terminal(f"alert-{place}")
    stage.children["collector"].wait_for("ready", stage.patience_s)
    site, db = stage.folder / "site.toml", str(stage.database)
    site.write_text(SITE, encoding="utf-8")
    made = [("site", "import", str(site)), *(("channel", "add", "--name", one[1], *one) for one in channels)]
    made += [("alert", "add", "unhappy-count", "--count", "1", "--place", place, "--name", place) for place in PLACES]
    for arguments in made:
        subprocess.run(hymio(*arguments, "--db", db), check=True, capture_output=True, timeout=_PATIENCE_S)
    stage.start("serve", hymio("serve", "--db", db, "--listen", "127.0.0.1:0", *serve, "--json"))
    stage.children["serve"].wait_for("ready", stage.patience_s)
    for place in PLACES:
        stage.children[f"alert-{place}"].wait_for("ready", stage.patience_s)
    time.sleep(2)  # until they are at the broker


def press_to_told(stage: Stage, place: str, told_utc: Callable[[], float | None]) -> float:
    """Presses the red button of a place; gives the seconds from first contact until somebody was told.

    told_utc: when that was; None: not yet.
    """
    child = stage.children[f"alert-{place}"]
    stage.tell(f"alert-{place}", "press 1")
    end = time.monotonic() + _PATIENCE_S
    while (utc := told_utc()) is None:
        if time.monotonic() > end:
            raise RuntimeError(f"nobody was told within {_PATIENCE_S:.0f} s")
        time.sleep(0.01)
    return utc - float(next(event["utc"] for event in list(child.events) if event["event"] == "press"))


class Hook:
    """A webhook's other side: what came, by the place of the alert, and when."""

    def __init__(self) -> None:
        self.came: dict[str, float] = {}
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body: Mapping[str, Any] = json.loads(self.rfile.read(int(self.headers["content-length"])))
                hook.came.setdefault(body["data"]["alert"]["place"], time.time())
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@contextmanager
def hooked() -> Iterator[Hook]:
    """One that is gone afterwards."""
    hook = Hook()
    thread = threading.Thread(target=hook.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        hook.server.shutdown()
        hook.server.server_close()


def alert_figures() -> Iterator[Figure]:
    """The milliseconds from a press to a webhook that has it; none where mosquitto or the VM is missing."""
    if find_tool("mosquitto") is None or find_tool("micropython") is None:
        return
    with (
        tempfile.TemporaryDirectory(prefix="hymio-bench-") as directory,
        stage_set("micropython", open_mosquitto(Path(directory))) as stage,
        hooked() as hook,
    ):
        set_up(stage, [("--webhook", hook.url)])
        found = [1000 * press_to_told(stage, place, lambda: hook.came.get(place)) for place in PLACES]  # noqa: B023
    yield Figure("alert.press_to_webhook_ms_median", statistics.median(found), "ms", "<= 5000")
    yield Figure("alert.press_to_webhook_ms_worst", max(found), "ms", "<= 5000")
