"""The demo: broker, collector and three terminals live through a scripted minute, and the books must balance.

Everything runs as a process of its own, just as a person would start it; the script only presses, cuts and kills.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from hymio.common.errors import Failure
from hymio.common.words import counted
from hymio_sim.rigs.fingers import Verdict, compare
from hymio_sim.rigs.stage import Stage, hymio, stage_set

DOOR: Final = "door-1"
CANTEEN: Final = "canteen-2"
CELLAR: Final = "cellar-3"
TERMINALS: Final = (DOOR, CANTEEN, CELLAR)
LENGTH_S: Final = 60.0
_SETTLE_S: Final = 60.0
"""How long the last votes may take after the script; as long as a terminal waits at most after the failures in it."""


SITE: Final = """\
[organisation]
key = "demo"
name = "The demo"
time_zone = "UTC"

[point.door]
name = "Door"

[point.canteen]
name = "Canteen"

[point.cellar]
name = "Cellar"

[question.service]
text.en = "How was our service today?"

[survey.service]
question = "service"
at = ["door", "canteen", "cellar"]
first_day = 2026-01-01
""" + "".join(
    f"""
[[placement]]
device_id = "{device_id}"
at = "{device_id.partition("-")[0]}"
from = 2026-01-01T00:00:00Z
"""
    for device_id in TERMINALS
)
"""Where the terminals stand, as a person would write it."""


Step = tuple[float, str, Callable[[Stage], None]]


def script() -> list[Step]:
    """The steps of the minute, in order: (seconds, what a person would say of it, what to do).

    Where the text is empty there is nothing worth a line.
    """
    steps: list[Step] = []

    def press(at_s: float, device_id: str, *commands: str, every_s: float = 1.2, said: str = "") -> None:
        for i, command in enumerate(commands):
            steps.append((at_s + i * every_s, said if i == 0 else "", _telling(device_id, command)))

    press(0.0, DOOR, "press 4", "press 3 150 profile xb2", "press 1 90 profile kpb22", every_s=2.3,
          said="door-1: three visitors, on switches that bounce")  # fmt: skip
    press(0.5, CANTEEN, "press 4", "press 4 120 profile worn", "press 2 200 profile tactile", every_s=2.6)
    press(1.0, CELLAR, "press 3", "press 1 130 profile tc1103", "press 4", every_s=2.9,
          said="cellar-3: never on the network, counts all the same")  # fmt: skip
    press(9.0, CANTEEN, *["press 2 80"] * 12, *["press 1 80", "press 3 80"] * 4, every_s=0.2,
          said="canteen-2: a child mashes the buttons, five times a second")  # fmt: skip
    press(9.5, DOOR, "press 3", "press 1 60", "press 4 100", every_s=0.7, said="door-1: somebody corrects a vote")
    press(14.0, DOOR, *["press 4 80", "press 1 80", "press 2 80"] * 2, every_s=0.31,
          said="door-1: a burst, and a power cut in the middle of it")  # fmt: skip
    steps.append((14.935, "", _telling(DOOR, "power off")))  # 5 ms after first contact of the fourth press
    press(16.0, CELLAR, "chord 1 4", "press 2", every_s=2.5)
    steps.append((17.5, "door-1: power is back", _telling(DOOR, "power on")))
    press(20.5, DOOR, "press 4", "press 4 100 profile mps22", "press 2", every_s=2.2)
    steps.append((20.0, "canteen-2: 15 s without Wi-Fi", _telling(CANTEEN, "wifi off")))
    press(21.0, CANTEEN, "press 4", "press 1", "press 3 140 profile typical18", "press 4", every_s=3.0)
    steps.append((22.0, "the collector is killed", lambda stage: stage.children["collector"].stop(signal.SIGKILL)))
    press(26.0, CELLAR, "press 4 60", "press 4 60", "press 3", every_s=2.0)
    steps.append((29.0, "the collector is back", lambda stage: stage.start_collector()))
    press(30.0, DOOR, "press 1", "press 4", every_s=2.4)
    steps.append((35.0, "canteen-2: Wi-Fi is back", _telling(CANTEEN, "wifi on")))
    steps.append((37.0, "the broker is killed, and its queue with it",
                  lambda stage: stage.children["broker"].stop(signal.SIGKILL)))  # fmt: skip
    press(37.5, DOOR, "press 3", "press 4", every_s=1.9)
    press(38.0, CANTEEN, "press 4", "press 2", every_s=2.1)
    steps.append((41.0, "the broker is back, empty", lambda stage: stage.start_broker()))
    press(44.0, DOOR, "press 4", "press 2", "press 4 110 profile worn", every_s=2.6)
    press(45.0, CANTEEN, "press 3", "press 4", every_s=3.1)
    steps.append((48.0, "cellar-3: a technician comes with a cable", _pull))
    press(50.0, CELLAR, "press 4", said="cellar-3: one more visitor, after the technician has left")
    return sorted(steps, key=lambda step: step[0])


def _telling(device_id: str, command: str) -> Callable[[Stage], None]:
    return lambda stage: stage.tell(device_id, command)


def _pull(stage: Stage) -> None:
    subprocess.run(
        hymio("votes", "--port", str(stage.link(CELLAR)), "--db", str(stage.database), "--json"),
        check=False, stdout=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip


def _facts(command: str, database: Path) -> dict[str, Any]:
    done = subprocess.run(
        hymio(command, "--db", str(database), "--json"),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 1):
        raise Failure(done.returncode, f"`hymio {command}` failed: {done.stderr.strip()}", "See the lines above.")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _rows(database: Path) -> list[dict[str, Any]]:
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM presses_v1")]


def judge(stage: Stage) -> list[Verdict]:
    """Compares what the fingers did with the database, terminal by terminal."""
    rows = _rows(stage.database)
    lost = {t["device_id"]: t["lost"] for t in _facts("ledger", stage.database)["terminals"]}
    return [
        compare(
            device_id,
            list(stage.children[device_id].events),
            [row for row in rows if row["device_id"] == device_id],
            lost.get(device_id, 0),
        )
        for device_id in TERMINALS
    ]


def play(
    stage: Stage, say: Callable[[float, str], None], prepare: Callable[[Stage], None] = lambda stage: None
) -> list[Verdict]:
    """Runs the script and waits until every vote that has a way to the office is there, for 60 s at most.

    say(seconds, text) is called for each step that is worth a line; prepare before the first one, when the collector
    and its database are there.
    """
    stage.start_broker()
    stage.start_collector()
    for device_id in TERMINALS:
        stage.start_terminal(device_id, with_mqtt=device_id != CELLAR)
    stage.children["collector"].wait_for("ready", stage.patience_s)
    prepare(stage)
    for device_id in TERMINALS:
        stage.children[device_id].wait_for("ready", stage.patience_s)
    begin = time.monotonic()
    for at_s, text, action in script():
        time.sleep(max(0.0, begin + at_s - time.monotonic()))
        if text:
            say(at_s, text)
        action(stage)
    time.sleep(max(0.0, begin + 52.0 - time.monotonic()))
    say(time.monotonic() - begin, "the last votes are on their way")
    while True:
        verdicts = judge(stage)
        on_the_way = sum(v.waiting for v in verdicts if v.device_id != CELLAR)
        if not on_the_way or time.monotonic() - begin > 52.0 + _SETTLE_S:
            return verdicts
        time.sleep(1)


def _show(console: Console, stage: Stage, verdicts: list[Verdict]) -> bool:
    """Prints report, ledger and comparison; gives whether all of them agree."""
    for command in ("report", "ledger"):
        subprocess.run(hymio(command, "--db", str(stage.database)), check=False, timeout=60)
    table = Table(title="What the fingers did, held against the database", box=None, header_style="bold")
    for column in ("terminal", "pushes", "in flash", "cut off", "in database", "waiting", "lost"):
        table.add_column(column, justify="left" if column == "terminal" else "right")
    for v in verdicts:
        numbers = (v.pushes, v.stored, v.unthanked, v.in_database, v.waiting, v.known_lost)
        table.add_row(v.device_id, *map(str, numbers))
    console.print(table)
    console.print("[dim]cut off: power failed before the press was in flash; no light had said thank you[/dim]")
    for v in verdicts:
        kinds = ", ".join(f"{n} {verdict}" for verdict, n in v.by_verdict.most_common())
        console.print(f"  {v.device_id}: {kinds}", highlight=False)
    agree = True
    for v in verdicts:
        for problem in v.problems:
            agree = False
            console.print(f"[red]{v.device_id}: {problem}[/red]")
        if v.waiting > 0:
            since = ""
            if v.waiting_since_utc is not None:
                since = time.strftime(" since %H:%M:%S", time.localtime(v.waiting_since_utc))
            if v.device_id == CELLAR:
                console.print(f"{v.device_id}: {v.waiting} waiting in the terminal{since}, for the next cable")
            else:
                agree = False
                console.print(f"[red]{v.device_id}: {v.waiting} still waiting{since}[/red]")
    ledger = _facts("ledger", stage.database)
    for row in ledger["terminals"]:
        mine = next(v for v in verdicts if v.device_id == row["device_id"])
        if row["rows"] != mine.in_database or (row["device_id"] != CELLAR and not row["balanced"]):
            agree = False
            console.print(f"[red]{row['device_id']}: the ledger does not balance[/red]")
    if agree:
        console.print("[green]Every press is counted, filtered with its reason, or known to wait; none twice.[/green]")
    return agree


def _show_alert(console: Console, stage: Stage) -> None:
    """Says who takes care of the alert."""
    if said := _acknowledge(stage):
        console.print(f"  {said}", highlight=False)
    if "ack" in stage.children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            stage.children["ack"].process.wait(60)
        alert = _alert(stage.database)
        if alert is not None and alert["acknowledged_by"]:
            after_s = alert["acknowledged_utc"] - alert["raised_utc"]
            who, comment = alert["acknowledged_by"], alert["comment"]
            console.print(
                f"Alert {alert['id']}: taken care of by {who} after {after_s:.0f} s ({comment}).", highlight=False
            )


def _write_report(stage: Stage) -> Path | None:
    """The figures by place, as a page that is still there when all else is gone; None without the extra `report`."""
    page = Path(tempfile.gettempdir()) / "hymio-demo-report.html"
    command = hymio("report", "--db", str(stage.database), "--by", "place", "--html", str(page))
    done = subprocess.run(command, check=False, timeout=120, capture_output=True)
    return page if done.returncode == 0 else None


UNHAPPY: Final = 5
"""So many unhappy votes within the minute raise an alert."""


def make_rule(stage: Stage) -> None:
    """Tells the database where the terminals stand, and what is to be told."""
    site, db = stage.folder / "places.toml", str(stage.database)
    site.write_text(SITE, encoding="utf-8")
    rule = ("unhappy-count", "--count", str(UNHAPPY), "--window", "10m", "--name", "Unhappy visitors")
    for arguments in (("site", "import", str(site)), ("alert", "add", *rule)):
        subprocess.run(hymio(*arguments, "--db", db, "--json"), check=False, timeout=60, capture_output=True)


def _alert(database: Path) -> dict[str, Any] | None:
    """The alert, if there is one."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        row = connection.execute("SELECT * FROM alerts ORDER BY id LIMIT 1").fetchone()
        return None if row is None else {**dict(row), "evidence": json.loads(row["evidence"])}


def _acknowledge(stage: Stage) -> str | None:
    """Has somebody take care of an alert as soon as there is one; gives what is to be said of it."""
    alert = _alert(stage.database)
    if alert is None or "ack" in stage.children:
        return None
    words = ("--name", "Anna", "--comment", "A second till is open")
    stage.start("ack", hymio("alert", "ack", str(alert["id"]), *words, "--db", str(stage.database), "--json"))
    found = alert["evidence"]
    return (
        f"alert {alert['id']}: {found['unhappy']} of {found['votes']} visitors were unhappy; Anna opens a second till"
    )


def _start_pages(stage: Stage) -> str | None:
    """The address of the pages, which show what arrives; None without the extra `serve`."""
    pages = stage.start("pages", hymio("serve", "--db", str(stage.database), "--listen", "127.0.0.1:0", "--json"))
    try:
        pages.wait_for("ready", stage.patience_s)
    except Failure:
        return None
    return str(next(event["url"] for event in pages.events if event["event"] == "ready"))


def _show_how_to_go_on(console: Console, stage: Stage, pages: str | None) -> None:
    door = stage.link(DOOR)
    lines = (
        *([("see it live, in a browser", pages)] if pages else []),
        ("press a button", f"echo 'press 4' > {stage.folder / DOOR}.in"),
        ("see its votes arrive", f"hymio report --db {stage.database}"),
        ("which terminals are here", "hymio ports"),
        ("ask a terminal how it is", f"hymio status --port {door}"),
        ("pull its votes", f"hymio votes --port {door}"),
        ("talk SMP to it", f"smpmgr --port {door} os echo hello"),
        ("stop it and look around", f"mpremote connect {door} fs ls"),
        ("start it again", f"mpremote connect {door} reset"),
    )
    console.print("\nEverything goes on running. In another window:\n")
    for what, command in lines:
        console.print(f"  {what + ':':28}{command}", highlight=False, soft_wrap=True)
    console.print("\nCtrl-C here stops it all.")


def run_demo(runtime: str, keep: bool) -> int:
    """Runs the whole demo; gives the exit status."""
    console = Console()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    with stage_set(runtime) as stage:
        console.print(
            f"Three terminals run the firmware on {'the MicroPython VM' if runtime == 'micropython' else 'CPython'}, "
            f"with a broker on 127.0.0.1:{stage.port} and a collector. A minute of their lives:\n"
        )
        with console.status("starting") as status:
            pages: list[str | None] = []

            def say(at_s: float, text: str) -> None:
                if not pages:
                    pages.append(_start_pages(stage))
                    if pages[0] is not None:
                        console.print(f"           see it live: {pages[0]}", highlight=False)
                console.print(f"  {at_s:5.1f} s  {text}", highlight=False)
                if pages[0] is not None and (alert := _acknowledge(stage)):
                    console.print(f"  {at_s:5.1f} s  [bold]{alert}[/bold]", highlight=False)
                status.update(f"{_count(stage)}")

            verdicts = play(stage, say, make_rule)
        if pages[0] is not None:
            _show_alert(console, stage)
        console.print()
        agree = _show(console, stage, verdicts)
        with console.status("the report"):
            page = _write_report(stage)
        if page is not None:
            console.print(f"The figures by place, for a browser: {page}", highlight=False, soft_wrap=True)
        else:
            console.print("With the extra `report` there is a page, too: hymio report --by place --html report.html")
        if keep:
            with contextlib.suppress(KeyboardInterrupt):
                _show_how_to_go_on(console, stage, pages[0] if pages else None)
                signal.pause()
        return 0 if agree else 1


def _count(stage: Stage) -> str:
    pressed = sum(e["event"] == "press" for name in TERMINALS for e in stage.children[name].events)
    stored = sum(e["event"] == "record" for name in TERMINALS for e in stage.children[name].events)
    return f"{counted(pressed, 'push')}, {stored} in flash"
