"""`hymio replay`: what would have counted with other windows, by the firmware's own rules."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hymio_process import hymio
from schema_check import check

from hymio.common.durations import parse_duration
from hymio.common.errors import NO_SERVICE, WRONG_USE, Failure
from hymio.measures.rejudging import default_windows
from hymio.office.replay import OPTIONS, windows_of
from hymio.store.database import Store, open_store
from hymio.store.ingest import ingest
from hymio.store.replaying import replay
from hymio.wire.batches import Batch
from hymio.wire.records import VERDICTS, Event, Press, Record, Revise, Run

LOG_ID = 7
COUNTED, REPEAT, MASH, CHORD, STUCK, CLOSED, REPLACED, TEST, ANSWER = range(9)
QUIET = 65535


def press(uptime_ms: int, button: int, verdict: int = COUNTED, quiet_ms: int = QUIET, boot: int = 1) -> Press:
    return Press(boot, uptime_ms, button, verdict, 0, 5, quiet_ms)


def log(*records: Record) -> list[tuple[int, Record]]:
    return list(enumerate(records))


# Two seconds apart, so a lock-out of three makes one of two of them: what a terminal with the default windows stores.
EVERY_2_S = log(
    *(press(20_000 * n + 2_100 * k, 1 + k, COUNTED, QUIET if not k else 2000) for n in range(3) for k in (0, 1))
)
# Everything that happens, too.
A_DAY = log(
    press(1_000, 4),
    press(1_700, 1, quiet_ms=600),  # a correction
    Revise(1, 1_700, REPLACED, 0),
    press(20_000, 2),
    press(20_030, 3, CHORD, 0),
    Revise(1, 20_030, CHORD, 3),
    press(40_000, 2),
    Revise(1, 50_000, STUCK, 6),
    press(50_500, 2, STUCK),
    press(60_000, 1, CLOSED),
    press(70_000, 1, TEST),
    press(90_000, 3),
    press(92_000, 3, REPEAT, 1_900),
    Run(1, 93_000, 3, REPEAT, 20, 80),
    press(130_000, 1, quiet_ms=16_900),
    press(133_000, 2, ANSWER, 2_900),
    press(150_000, 1),
    press(150_700, 4, MASH, 600),  # no correction: the terminal is asking
    Event(1, 159_000, 1, 16),
    press(500, 4, boot=2),
)


def stored(store: Store, device_id: str, records: list[tuple[int, Record]]) -> None:
    batch = Batch(LOG_ID, 1, 1, False, 0, len(records), 0, 0, (0, 0, 0, 0), tuple(records))
    with store.writing() as connection:
        ingest(connection, device_id, batch, "mqtt", time.time())


def replayed(store: Store, device_id: str, **windows: int) -> dict[str, object]:
    with store.reading() as connection:
        (figures,) = replay(connection, {**default_windows(), **windows}, device_id)
    return figures.as_json()


def test_with_the_same_windows_nothing_differs(store: Store, device_id: str) -> None:
    stored(store, device_id, A_DAY)
    found = replayed(store, device_id)
    assert found["changed"] == [] and found["differs"] == 0
    assert found["verdicts"] == found["verdicts_then"] == {
        "answer": 1, "chord": 2, "closed": 1, "counted": 5, "mash": 1, "repeat": 81, "replaced": 1, "stuck": 2,
        "test": 1,
    }  # fmt: skip
    assert found["presses"] == 95 and found["votes"] == found["votes_then"] == 5


def test_a_longer_lockout(store: Store, device_id: str) -> None:
    stored(store, device_id, EVERY_2_S)
    assert replayed(store, device_id, lockout_ms=3000) == {
        "device_id": device_id, "presses": 6, "votes": 6, "votes_then": 3, "faces": [3, 3, 0, 0],
        "faces_then": [3, 0, 0, 0], "happy_index": pytest.approx(100 / 6), "happy_index_then": 0.0,
        "verdicts": {"counted": 6}, "verdicts_then": {"counted": 3, "mash": 3},
        "changed": [{"verdict": "counted", "verdict_then": "mash", "presses": 3}], "differs": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("windows", "then"),
    [
        ({"repeat_ms": 1500}, {"counted": 6, "repeat": 80}),
        ({"chord_ms": 20}, {"chord": 0, "mash": 2}),
        ({"replace_from_ms": 800}, {"replaced": 0, "counted": 5}),
        ({"replace_until_ms": 600}, {"replaced": 0, "counted": 5}),
        ({"mash_presses": 2, "mash_ms": 25_000}, {"counted": 2}),
    ],
)
def test_other_windows(store: Store, device_id: str, windows: dict[str, int], then: dict[str, int]) -> None:
    stored(store, device_id, A_DAY)
    found = replayed(store, device_id, **windows)
    verdicts_then = found["verdicts_then"]
    assert isinstance(verdicts_then, dict)
    assert {verdict: verdicts_then.get(verdict, 0) for verdict in then} == then
    assert found["differs"] == 0 and sum(verdicts_then.values()) == found["presses"]


def test_what_the_windows_do_not_decide_stays(store: Store, device_id: str) -> None:
    stored(store, device_id, A_DAY)
    then = replayed(store, device_id, **dict.fromkeys(OPTIONS.values(), 2))["verdicts_then"]
    assert isinstance(then, dict)
    assert (then["closed"], then["test"], then["stuck"]) == (1, 1, 2) and then["repeat"] == 80


def test_a_revision_that_a_power_cut_swallowed_shows(store: Store, device_id: str) -> None:
    stored(store, device_id, [(seq, record) for seq, record in A_DAY if seq != 2])
    found = replayed(store, device_id)
    assert found["differs"] == 1
    assert found["changed"] == [{"verdict": "counted", "verdict_then": "replaced", "presses": 1}]


def test_two_logs_of_a_terminal_and_the_others(store: Store, device_id: str) -> None:
    stored(store, device_id, EVERY_2_S)
    batch = Batch(8, 1, 1, False, 0, 1, 0, 0, (0, 0, 0, 0), ((0, press(5, 4)),))
    with store.writing() as connection:
        ingest(connection, device_id, batch, "mqtt", time.time())
    assert replayed(store, device_id)["faces"] == [3, 3, 0, 1]
    with store.reading() as connection:
        everybody = [one.device_id for one in replay(connection, default_windows())]
    assert everybody == sorted(set(everybody)) and device_id in everybody


def test_durations() -> None:
    for given, duration_ms in (("3s", 3000), ("500ms", 500), ("2m", 120_000), ("1.5s", 1500), (" 3s ", 3000)):
        assert parse_duration("--lockout", given) == duration_ms
    assert parse_duration("--wait", "7h") == 25_200_000 and parse_duration("--expiring", "30d") == 2_592_000_000
    for given in ("3", "s", "-3s", "3 s", "3w", "1.5ms", "", "3s3", "1e3s", "9" * 20 + "s", "36501d"):
        with pytest.raises(Failure) as caught:
            parse_duration("--lockout", given)
        assert caught.value.exit_status == WRONG_USE and "--lockout" in caught.value.message
    assert windows_of({"--lockout": "3s", "--mash-presses": 9, "--chord": None}) == {
        **default_windows(), "lockout_ms": 3000, "mash_presses": 9,
    }  # fmt: skip


def filled(path: Path) -> str:
    store = open_store(str(path), create=True)
    stored(store, "till-1", EVERY_2_S)
    stored(store, "till-2", A_DAY)
    store.close()
    return str(path)


def test_the_command(tmp_path: Path) -> None:
    db = filled(tmp_path / "votes.db")
    before = (tmp_path / "votes.db").read_bytes()
    answer = check("replay", hymio("replay", "--db", db, "--lockout", "3s", "--json").stdout)
    assert answer["windows"] == {
        "lockout_ms": 3000, "repeat_ms": 5000, "chord_ms": 50, "replace_from_ms": 300, "replace_until_ms": 2000,
        "mash_presses": 8, "mash_ms": 10000,
    }  # fmt: skip
    assert [(one["device_id"], one["votes"], one["votes_then"]) for one in answer["terminals"]] == [
        ("till-1", 6, 3), ("till-2", 5, 5),
    ]  # fmt: skip
    (one,) = check("replay", hymio("replay", "--db", db, "--device-id", "till-2", "--json").stdout)["terminals"]
    assert one["device_id"] == "till-2" and one["differs"] == 0
    told = hymio("replay", "--db", db, "--lockout", "3s")
    assert told.returncode == 0 and "till-1: 3 judged counted would be mash" in told.stdout
    assert (tmp_path / "votes.db").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--lockout", "3"), "--lockout"),
        (("--lockout", "61s"), "--lockout 61s: expected 2..60000, came 61000 ms."),
        (("--chord", "0ms"), "--chord 0ms"),
        (("--mash", "1h"), "--mash"),
        (("--mash-presses", "51"), "--mash-presses 51: expected 2..50"),
        (("--mash-presses", "many"), "--mash-presses"),
        (("--replace-until", ""), "--replace-until"),
        (("--device-id", "till-9"), "till-9"),
    ],
)
def test_wrong_use_names_the_option(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = hymio("replay", "--db", filled(tmp_path / "votes.db"), *arguments, "--json")
    error = check("error", done.stderr.splitlines()[-1])["error"]
    assert done.returncode == error["exit"] == WRONG_USE and says in error["message"] and done.stdout == ""


def test_help_and_no_database(tmp_path: Path) -> None:
    told = hymio("replay", "--help")
    assert told.returncode == 0 and "Examples" in told.stdout and "hymio replay --db" in told.stdout
    assert all(option in told.stdout for option in OPTIONS)
    assert hymio("replay", "--db", str(tmp_path / "none.db")).returncode == NO_SERVICE


def test_it_works_from_a_wheel_s_layout(tmp_path: Path) -> None:
    """There the firmware lies in the package, and there is no checkout."""
    import hymio as package
    from hymio.common.firmware_files import firmware_dir

    site = tmp_path / "site"
    shutil.copytree(Path(str(package.__file__)).parent, site / "hymio", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(firmware_dir(), site / "hymio" / "firmware", ignore=shutil.ignore_patterns("__pycache__"))
    db = filled(tmp_path / "votes.db")
    program = (
        "import sys, hymio.cli.app\nsys.argv = ['hymio', 'replay', '--db', sys.argv[1], '--json']; hymio.cli.app.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, db],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert len(check("replay", done.stdout)["terminals"]) == 2


def test_the_verdicts_are_the_terminal_s() -> None:
    from hymio.common.firmware_files import firmware_module

    record = firmware_module("log_record")
    assert [getattr(record, verdict.upper()) for verdict in VERDICTS] == list(range(len(VERDICTS)))
