"""The command from outside: help, exit statuses, error objects, databases that are not there or too new."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer
from hymio_process import hymio
from schema_check import check
from sqlalchemy import URL, Engine

from hymio.common import errors
from hymio.common.errors import ANSWERED_ERROR, BROKEN_OFF, BUG, INTERRUPTED, NO_SERVICE, WRONG_USE, Failure, run_cli
from hymio.common.output import print_json
from hymio.store import database as store_module
from hymio.store.database import open_store
from hymio.store.ingest import ingest
from hymio.store.quarantine import put_in_quarantine
from hymio.store.schema import SCHEMA_VERSION
from hymio.wire.batches import Batch
from hymio.wire.records import Press

COMMANDS = ("broker", "collect", "ledger", "ports", "quarantine", "replay", "report", "status", "votes")


def error_of(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """The error object of a command that failed; its status has to be the process's."""
    assert done.stdout == "" and "Traceback" not in done.stderr
    error: dict[str, object] = check("error", done.stderr.splitlines()[-1])["error"]
    assert error["exit"] == done.returncode
    return error


def filled(path: Path, presses: int = 3, lost_before: int = 0) -> str:
    """A database with a few presses of button 4; `lost_before` more were overwritten before they could be sent."""
    store = open_store(str(path), create=True)
    kept = tuple((500 + n, Press(1, 1000 * n, 4, 0, 0, 5, 65535)) for n in range(presses))
    batch = Batch(7, 1, 1, False, 500, presses, 0 if lost_before else 500, 0, (0, 0, 0, lost_before), kept)
    with store.writing() as connection:
        ingest(connection, "till-1", batch, "mqtt", time.time())
    store.close()
    return str(path)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_examples_and_takes_json(command: str) -> None:
    done = hymio(command, "--help")
    assert done.returncode == 0 and "--json" in done.stdout and f"hymio {command}" in done.stdout
    assert "Examples" in done.stdout


def cpu_s_of(*arguments: str) -> float:
    """What Python has cost, its children included: the least of three runs, as a busy machine makes each dearer."""
    costs_s = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(costs_s)


def test_help_is_instant() -> None:
    """It costs some 0.13 s more than Python alone; esptool, mpremote and rich made it 0.5 s."""
    assert cpu_s_of("-m", "hymio", "--help") - cpu_s_of("-c", "pass") < 0.35


def test_help_lists_every_command_and_imports_nothing_heavy() -> None:
    done = hymio("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in (*COMMANDS, "sim", "Bench", "Field", "Office"))
    heavy = (
        "import sys, hymio.cli.app\n"
        "print([m for m in ('sqlalchemy', 'aiomqtt', 'smpclient', 'rich') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True).stdout == "[]\n"


def test_nothing_and_nonsense_are_wrong_use() -> None:
    assert hymio().returncode == WRONG_USE
    assert error_of(hymio("fly", "--json"))["exit"] == WRONG_USE
    assert error_of(hymio("ledger", "--json"))["message"] == "Missing option '--db'."
    assert error_of(hymio("ledger", "--db", "x", "--nonsense", "--json"))["exit"] == WRONG_USE
    told = hymio("ledger", "--nonsense")
    assert told.returncode == WRONG_USE and len(told.stderr.splitlines()) == 2


def test_the_ledger_says_yes_or_no(tmp_path: Path) -> None:
    db = filled(tmp_path / "votes.db")
    yes, told_yes = hymio("ledger", "--db", db, "--json"), hymio("ledger", "--db", db)
    assert yes.returncode == told_yes.returncode == 1, "0..499 are in the terminal's log still"
    ledger = check("ledger", yes.stdout)
    assert ledger["balanced"] is False and ledger["terminals"][0]["open_gaps"] == [[0, 499]]
    assert "seqs 0..499 are still in its log" in told_yes.stdout
    settled = filled(tmp_path / "other.db", lost_before=5)
    yes, told = hymio("ledger", "--db", f"sqlite:///{settled}", "--json"), hymio("ledger", "--db", settled)
    assert yes.returncode == told.returncode == 0
    (line,) = check("ledger", yes.stdout)["terminals"]
    assert (line["pressed"], line["rows"], line["lost"], line["waiting"]) == (8, 3, 5, 0)


def test_the_ledger_tells_people_of_the_first_gaps_and_terminals_and_how_many_more_there_are(tmp_path: Path) -> None:
    db = tmp_path / "votes.db"
    store = open_store(str(db), create=True)
    with store.writing() as connection:
        for number, gaps in ((0, 8), *((number, 1) for number in range(1, 61))):
            for gap in range(gaps):
                seq = 10 * (gap + 1)
                kept = ((seq, Press(1, 1000 * seq, 4, 0, 0, 5, 65535)),)
                batch = Batch(7, 1, 1, False, seq, 1, seq, 0, (0, 0, 0, seq), kept)
                ingest(connection, f"till-{number:02}", batch, "mqtt", time.time())
        for number in range(60):
            put_in_quarantine(connection, f"bad-{number:02}", "mqtt", "no batch", b"nonsense", time.time())
    store.close()
    told = hymio("ledger", "--db", str(db), environment={"COLUMNS": "400"})
    _, *sentences = told.stdout[told.stdout.index("till-60 ") :].splitlines()
    first = [sentence for sentence in sentences if sentence.startswith("till-00: ")]
    assert ["seqs 0..9 are" in first[1], "seqs 41..49 are" in first[5]] == [True, True], first
    assert first[6:] == ["till-00: and 3 more gaps (--json lists them)."]
    assert len({sentence.partition(":")[0] for sentence in sentences if sentence.startswith("till-")}) == 50
    assert "And 11 more logs of 11 terminals are not told of here (--json lists them)." in sentences
    assert sum(sentence.startswith("bad-") for sentence in sentences) == 50
    assert sentences[-1] == "And messages of 10 more terminals are in quarantine (--json counts them)."
    ledger = check("ledger", hymio("ledger", "--db", str(db), "--json").stdout)
    assert len(ledger["terminals"]) == 61 and len(ledger["terminals"][0]["open_gaps"]) == 8 and told.returncode == 1


def test_an_empty_database_balances(tmp_path: Path) -> None:
    db = str(tmp_path / "votes.db")
    open_store(db, create=True).close()
    assert check("ledger", hymio("ledger", "--db", db, "--json").stdout) == {
        "balanced": True, "quarantined": 0, "terminals": [],
    }  # fmt: skip
    assert check("report", hymio("report", "--db", db, "--json").stdout) == {"terminals": []}


def test_report(tmp_path: Path) -> None:
    db = filled(tmp_path / "votes.db")
    done, told = hymio("report", "--db", db, "--json"), hymio("report", "--db", db)
    assert check("report", done.stdout)["terminals"] == [
        {
            "device_id": "till-1", "faces": [0, 0, 0, 3], "votes": 3, "happy_index": 100.0, "happy_index_margin": 0.0,
            "verdicts": {"counted": 3},
        }
    ]  # fmt: skip
    assert told.returncode == 0 and "100.0 ± 0.0" in told.stdout


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes there")
def test_a_name_that_is_no_utf_8_is_told_in_json_that_every_reader_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = os.fsdecode(b"votes-\xff.db")
    error = error_of(hymio("ledger", "--db", str(tmp_path / name), "--json"))
    assert r"votes-\udcff.db" in str(error["message"]) and str(error["message"]).encode()
    print_json({"db": name})
    assert json.loads(capsys.readouterr().out) == {"db": r"votes-\udcff.db"}


def test_ports_prints_one_object() -> None:
    check("ports", hymio("ports", "--json").stdout)


@pytest.mark.parametrize("command", ["ledger", "report"])
def test_databases_that_cannot_be_read(command: str, tmp_path: Path) -> None:
    assert error_of(hymio(command, "--db", str(tmp_path / "none.db"), "--json"))["exit"] == NO_SERVICE
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("this is no database, it is only a long enough line of text" * 20)
    assert error_of(hymio(command, "--db", str(tmp_path / "text.db"), "--json"))["exit"] == NO_SERVICE
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (x)").connection.close()
    assert "no hymio tables" in str(error_of(hymio(command, "--db", str(tmp_path / "other.db"), "--json"))["message"])
    gone = error_of(hymio(command, "--db", "postgresql://u:secret@127.0.0.1:1/x", "--json"))
    assert gone["exit"] == NO_SERVICE and "secret" not in str(gone)
    assert error_of(hymio(command, "--db", "oracle://x", "--json"))["exit"] == WRONG_USE


def test_options_of_an_sqlite_file_are_refused(tmp_path: Path) -> None:
    refused = error_of(hymio("report", "--db", f"sqlite:///{filled(tmp_path / 'votes.db')}?mode=ro", "--json"))
    assert refused["exit"] == WRONG_USE and "takes no options, came mode" in str(refused["message"])


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    db = filled(tmp_path / "votes.db")
    with sqlite3.connect(db) as writer:
        writer.execute("UPDATE hymio_schema SET version = ?", (SCHEMA_VERSION + 1,))
    assert error_of(hymio("ledger", "--db", db, "--json"))["exit"] == ANSWERED_ERROR
    with pytest.raises(Failure) as caught:
        open_store(db, create=True)
    assert caught.value.exit_status == ANSWERED_ERROR


def test_a_database_that_cannot_be_written_to_is_told_before_anything_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = filled(tmp_path / "votes.db")
    as_file = store_module.create_engine

    def as_read_only_file(url: URL, **options: Any) -> Engine:
        return as_file(url, creator=lambda: sqlite3.connect(f"file:{db}?mode=ro", uri=True), **options)

    # Not by the rights of the file: tests may run as root, to whom they mean nothing.
    monkeypatch.setattr(store_module, "create_engine", as_read_only_file)
    open_store(db).close()
    with pytest.raises(Failure, match="readonly") as caught:
        open_store(db, create=True)
    assert caught.value.exit_status == NO_SERVICE


@pytest.mark.skipif(sys.platform == "win32", reason="Windows moves no file that is open")
def test_nothing_is_written_to_a_database_that_was_moved_away(tmp_path: Path) -> None:
    path, aside = tmp_path / "votes.db", tmp_path / "aside.db"
    backup = filled(tmp_path / "backup.db", presses=5)
    store = open_store(filled(path), create=True)

    def rows() -> int:
        with store.writing() as connection:
            return len(connection.exec_driver_sql("SELECT 1 FROM presses_v1").fetchall())

    assert rows() == 3
    path.rename(aside)
    for _ in range(2):
        with pytest.raises(Failure, match="moved, deleted or replaced") as caught:
            rows()
        assert caught.value.exit_status == NO_SERVICE and not path.exists()
    aside.rename(path)
    assert rows() == 3
    for part in tmp_path.glob("votes.db*"):
        part.unlink()
    Path(backup).rename(path)
    with pytest.raises(Failure, match="moved, deleted or replaced"):
        rows()
    assert rows() == 5, "the next try is with the backup"
    store.close()


def test_what_a_library_leaves_behind_is_no_traceback() -> None:
    dropped = (
        "import asyncio, hymio.cli.app as c, sys\nasync def f(): asyncio.Future().set_exception(OSError('gone'))\n"
    )
    ran = "c._run = lambda **_: asyncio.run(f())\nc.main()"
    command = [sys.executable, "-c", dropped + ran]
    quiet = {name: value for name, value in os.environ.items() if name != "HYMIO_DEBUG"}
    for environment, said in ((quiet, False), (quiet | {"HYMIO_DEBUG": "1"}, True)):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
        assert done.returncode == 0 and ("never retrieved" in done.stderr) is said, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", [["report"], ["report", "--json"], ["audit", "--help"], ["--version"]], ids=str)
def test_output_for_which_there_is_no_room_is_broken_off(tmp_path: Path, command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        given = [*command, "--db", filled(tmp_path / "votes.db")] if command[0] == "report" else command
        whole = [sys.executable, "-m", "hymio", *given]
        done = subprocess.run(whole, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == BROKEN_OFF and "The output cannot be written: No space left" in done.stderr
    assert len(done.stderr.splitlines()) == (1 if "--json" in command else 2)


def test_output_cut_short_is_broken_off(tmp_path: Path) -> None:
    db = filled(tmp_path / "votes.db")
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "hymio", "report", "--db", db, "--json"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(write)
    assert done.returncode == BROKEN_OFF and "Traceback" not in done.stderr and "Exception" not in done.stderr


def _ends_with(error: BaseException) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    def only(as_json: bool = typer.Option(False, "--json")) -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (Failure(6, "It broke.", "Mend it."), BROKEN_OFF, "It broke."),
        (ZeroDivisionError("oh\nno"), BUG, "a bug in hymio (ZeroDivisionError: oh no)"),
        (KeyboardInterrupt(), INTERRUPTED, "Interrupted"),
        (typer.BadParameter("not so"), WRONG_USE, "not so"),
        (typer.Exit(1), 1, ""),
        (SystemExit(3), 3, ""),
    ],
)
def test_every_way_to_end(
    error: BaseException, status: int, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HYMIO_DEBUG", raising=False)
    assert run_cli(_ends_with(error), []) == status
    told = capsys.readouterr()
    assert told.out == "" and says in told.err and len(told.err.splitlines()) in (0, 2)
    assert run_cli(_ends_with(error), ["--json"]) == status
    told = capsys.readouterr()
    if says:
        assert check("error", told.err.splitlines()[-1])["error"]["exit"] == status
        assert says in json.loads(told.err)["error"]["message"]


def test_a_bug_shows_its_traceback_only_when_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYMIO_DEBUG", "1")
    assert run_cli(_ends_with(ZeroDivisionError()), ["--json"]) == BUG
    told = capsys.readouterr().err
    assert "Traceback" in told and check("error", told.splitlines()[-1])


def test_the_statuses_are_those_of_the_contract() -> None:
    named = {name: getattr(errors, name) for name in dir(errors) if name.isupper() and name[0] != "_"}
    assert named == {
        "DONE": 0, "ANSWER_NO": 1, "WRONG_USE": 2, "NO_TERMINAL": 3, "NO_SERVICE": 4, "ANSWERED_ERROR": 5,
        "BROKEN_OFF": 6, "BUG": 70, "INTERRUPTED": 130,
    }  # fmt: skip


def test_nothing_here_needs_posix() -> None:
    """Technicians' laptops run Windows: only the simulator may need these modules."""
    import ast

    import hymio as package

    for path in Path(str(package.__file__)).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"pty", "tty", "fcntl", "termios", "resource", "pwd"} & set(names), path
