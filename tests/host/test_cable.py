"""Status and votes by cable, and the sentences for every way in which a cable fails."""

from __future__ import annotations

import io
import json
import os
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_terminal import LOG_ID, FakeTerminal, on_a_cable
from hymio_process import hymio
from rich.console import Console
from schema_check import check

from hymio.cable import smp_session
from hymio.cable import status as status_module
from hymio.cable.smp_session import CableSession
from hymio.common.errors import ANSWERED_ERROR, BROKEN_OFF, NO_TERMINAL, WRONG_USE, Failure
from hymio.wire.records import Boot, Press, Record, Revise, Run, Time

RECORDS: list[Record | None] = [
    Boot(1, 10, 1, 0),
    Press(1, 2000, 4, 0, 0, 5, 65535),
    None,
    Time(1, 5000, 1, 1_800_000_000),
    Press(1, 7000, 1, 0, 1, 3, 4000),
    Press(1, 7600, 4, 0, 1, 3, 500),
    Revise(1, 7600, 6, 4),
    Run(1, 9000, 2, 2, 9, 40),
]


@pytest.fixture
def terminal() -> FakeTerminal:
    return FakeTerminal(list(RECORDS))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time-outs for a terminal that answers in a millisecond or never."""
    monkeypatch.setattr(smp_session, "FIRST_ANSWER_S", (0.15, 0.15))
    monkeypatch.setattr(smp_session, "ANSWER_S", (0.15, 0.15))
    monkeypatch.setattr(smp_session, "_LISTEN_S", 0.1)


def failure_of(terminal: FakeTerminal) -> Failure:
    with on_a_cable(terminal) as port, pytest.raises(Failure) as caught, CableSession(port) as cable:
        cable.status()
    return caught.value


def test_status(terminal: FakeTerminal) -> None:
    with on_a_cable(terminal) as port:
        done = hymio("status", "--port", port, "--json")
        told = hymio("status", "--port", port)
    assert done.returncode == 0, done.stderr
    status = check("status", done.stdout)
    assert status["pressed"] == [1, 40, 0, 2] and status["log"]["acked_seq"] == -1
    assert (status["reset_cause"], status["uptime_s"], status["clock"], status["wifi"]) == (
        "power-on", 61.5, "unset", "off",
    )  # fmt: skip
    assert told.returncode == 0 and "43: 1 on button 1, 40 on 2, 0 on 3, 2 on 4" in told.stdout


def test_a_live_status_marks_what_is_old_and_goes_on_when_the_terminal_is_back(
    terminal: FakeTerminal, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_module, "FOLLOW_S", 0.01)
    terminal.answers_left = 2
    with on_a_cable(terminal) as port:
        answers = status_module._answers(port)
        first, second, silence, still = (next(answers) for _ in range(4))
        terminal.answers_left = 10
        terminal.boot = 8
        back = next(answers)
        answers.close()  # type: ignore[attr-defined]
    assert isinstance(first, dict) and isinstance(second, dict) and first["boot"] == second["boot"] == 7
    assert isinstance(silence, status_module._Silence) and "has stopped answering" in silence.why
    assert isinstance(still, status_module._Silence) and still.since_s == silence.since_s
    assert isinstance(back, dict) and back["boot"] == 8
    screen = Console(file=io.StringIO(), width=120)
    screen.print(status_module._stale(second, silence))
    said = screen.file.getvalue()  # type: ignore[attr-defined]
    assert said.startswith("No answer since ") and "What stands here is older." in said and "fake-1" in said


def test_a_live_status_that_never_began_is_a_failure(
    terminal: FakeTerminal, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.says = b""
    with on_a_cable(terminal) as port, pytest.raises(Failure) as failed:
        next(status_module._answers(port))
    assert failed.value.exit_status == NO_TERMINAL


def test_votes_stream_with_amendments_and_dates(terminal: FakeTerminal) -> None:
    with on_a_cable(terminal) as port:
        done = hymio("votes", "--port", port, "--json")
        told = hymio("votes", "--port", port)
    assert done.returncode == 0, done.stderr
    lines = [check("votes-line", line) for line in done.stdout.splitlines()]
    assert [(one["seq"], one["verdict"], one["clock"], one["pressed_utc"], one["count"]) for one in lines] == [
        (1, "counted", "dated", 1_799_999_997.0, 1),
        (4, "replaced", "set", 1_800_000_002.0, 1),
        (5, "counted", "set", 1_800_000_002.6, 1),
        (7, "mash", "set", 1_800_000_004.0, 40),
    ]
    assert {command for command, _ in terminal.requests} == {0, 1}, "it changes nothing on the terminal"
    assert told.returncode == 0 and "43 presses, 2 of them votes" in told.stderr


def test_votes_into_a_database(terminal: FakeTerminal, tmp_path: Path) -> None:
    db = str(tmp_path / "votes.db")
    with on_a_cable(terminal) as port:
        first = hymio("votes", "--port", port, "--db", db, "--json")
        again = hymio("votes", "--port", port, "--db", db, "--json")
        assert terminal.cursor == 0, "a technician's copy must not free votes for the office"
        acked = hymio("votes", "--port", port, "--db", f"sqlite:///{db}", "--ack", "--json")
    assert check("votes-db", first.stdout) == {"read": 43, "new": 43, "duplicates": 0}, first.stderr
    assert check("votes-db", again.stdout) == {"read": 43, "new": 0, "duplicates": 43}
    assert check("votes-db", acked.stdout)["acked_seq"] == 7 and terminal.cursor == 8
    ledger = hymio("ledger", "--db", db, "--json")
    assert ledger.returncode == 0
    assert check("ledger", ledger.stdout)["terminals"] == [
        {
            "device_id": "fake-1", "log_id": LOG_ID, "pressed": 43, "rows": 43, "folded": 0, "lost": 0,
            "waiting": 0, "duplicates": 86, "open_gaps": [], "balanced": True, "quarantined": 0,
        }
    ]  # fmt: skip
    report = check("report", hymio("report", "--db", db, "--json").stdout)["terminals"][0]
    assert (report["faces"], report["verdicts"]) == ([0, 0, 0, 2], {"counted": 2, "mash": 40, "replaced": 1})


def test_presses_gone_before_anybody_came_are_lost_to_the_press(terminal: FakeTerminal, tmp_path: Path) -> None:
    terminal.oldest_seq = 2
    db = str(tmp_path / "votes.db")
    with on_a_cable(terminal) as port:
        hymio("votes", "--port", port, "--db", db)
    one = check("ledger", hymio("ledger", "--db", db, "--json").stdout)["terminals"][0]
    assert (one["pressed"], one["rows"], one["lost"], one["balanced"]) == (43, 42, 1, True)


def test_lost_lines_are_asked_for_again(terminal: FakeTerminal, impatient: None) -> None:
    terminal.drop_requests = 1
    terminal.chatter = b"I (123) wifi: half a log line, no newline"
    with on_a_cable(terminal) as port, CableSession(port) as cable:
        assert cable.status().device_id == "fake-1"
        assert cable.records(0, "fake-1")[0] == terminal.batch(0)
        terminal.drop_requests = 1
        assert cable.totals().next_seq == 8


def test_no_such_port() -> None:
    done = hymio("status", "--port", "/dev/tty-no-such-thing", "--json")
    error = check("error", done.stderr.splitlines()[-1])["error"]
    assert done.returncode == error["exit"] == NO_TERMINAL and done.stdout == ""
    assert error["message"] == "There is no port /dev/tty-no-such-thing."


def test_port_in_use(terminal: FakeTerminal) -> None:
    with on_a_cable(terminal) as port, CableSession(port), pytest.raises(Failure) as caught, CableSession(port):
        pass
    assert caught.value.exit_status == NO_TERMINAL and "in use" in caught.value.message


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        (b"", "Nothing on"),
        (b"\r\n>>> ", "MicroPython prompt"),
        (b'Traceback (most recent call last):\r\n  File "<stdin>", line 1\r\nSyntaxError: invalid\r\n>>> ', "prompt"),
        (b"ets Jul 29 2019\r\nrst:0x10 (RTCWDT_RTC_RESET)\r\ninvalid header: 0xffffffff\r\n", "over and over"),
        (b"$GPGGA,123519,4807.038,N\r\n", "talks, but not like a hymio terminal"),
    ],
)
def test_what_does_not_answer_is_told_apart(impatient: None, says: bytes, sentence: str) -> None:
    failure = failure_of(FakeTerminal([], says=says))
    assert failure.exit_status == NO_TERMINAL and sentence in failure.message


def test_a_terminal_that_is_short_of_memory_says_so_and_is_not_called_newer(terminal: FakeTerminal) -> None:
    terminal.short_of_memory = 10**6
    failures = [failure_of(terminal)]
    with on_a_cable(terminal) as port, pytest.raises(Failure) as caught, CableSession(port) as cable:
        cable.ask(smp_session.StatusRead())
    for failure in (*failures, caught.value):
        assert failure.exit_status == ANSWERED_ERROR and "short of memory" in failure.message
        assert "Nothing was changed" in failure.hint and "reset button" in failure.hint and "newer" not in failure.hint
    terminal.short_of_memory = 2  # for a moment: nobody is told
    with on_a_cable(terminal) as port, CableSession(port) as cable:
        assert cable.status().device_id == "fake-1"


def test_a_terminal_without_a_log(terminal: FakeTerminal) -> None:
    terminal.problem = "no partition votes"
    with on_a_cable(terminal) as port:
        status = hymio("status", "--port", port, "--json")
        votes = hymio("votes", "--port", port, "--json")
        with pytest.raises(Failure) as caught, CableSession(port) as cable:
            cable.records(0, "fake-1")
    assert json.loads(status.stdout)["problem"] == "no partition votes"
    assert votes.returncode == ANSWERED_ERROR and "no partition votes" in votes.stderr
    assert caught.value.exit_status == ANSWERED_ERROR and "has no log" in caught.value.message


def test_a_mark_beyond_the_log_is_refused(terminal: FakeTerminal) -> None:
    with on_a_cable(terminal) as port, CableSession(port) as cable, pytest.raises(Failure) as caught:
        cable.ack(LOG_ID, 99)
    assert caught.value.exit_status == ANSWERED_ERROR


def test_what_was_committed_stands_when_the_cable_comes_off(
    terminal: FakeTerminal, impatient: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from hymio.cable import pull, votes

    monkeypatch.setattr(pull, "BATCHES_PER_COMMIT", 1)
    terminal.answers_left = 2
    db = str(tmp_path / "votes.db")
    with on_a_cable(terminal) as port, pytest.raises(Failure) as caught:
        votes.run_votes(port, db, ack=False, form="json")
    assert caught.value.exit_status == BROKEN_OFF
    assert check("ledger", hymio("ledger", "--db", db, "--json").stdout)["terminals"][0]["rows"] == 2


def test_ack_needs_a_database() -> None:
    done = hymio("votes", "--port", "/dev/null", "--ack", "--json")
    assert done.returncode == WRONG_USE == check("error", done.stderr.splitlines()[-1])["error"]["exit"]


@pytest.fixture
def simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    from hymio.cable import ports

    monkeypatch.setattr(ports, "simulated_dir", lambda: tmp_path)
    monkeypatch.setattr(ports, "_boards", list)
    yield tmp_path


def test_ports_of_running_simulated_terminals(simulated: Path) -> None:
    from hymio.cable.ports import choose_port, find_ports

    with pytest.raises(Failure) as none:
        choose_port(None)
    assert none.value.exit_status == NO_TERMINAL
    master, slave = os.openpty()
    tty.setraw(slave)
    port = os.ttyname(slave)
    (simulated / "a.json").write_text(json.dumps({"device_id": "sim-a", "port": port, "pid": os.getpid()}))
    (simulated / "dead.json").write_text(json.dumps({"device_id": "sim-b", "port": port, "pid": 2**22 + 1}))
    (simulated / "half.json").write_text('{"device_id": "sim')
    assert [one.device_id for one in find_ports()] == ["sim-a"] and choose_port(None) == port
    assert choose_port("/dev/other") == "/dev/other"
    (simulated / "b.json").write_text(json.dumps({"device_id": "sim-b", "port": port, "pid": os.getpid()}))
    with pytest.raises(Failure) as several:
        choose_port(None)
    assert several.value.exit_status == WRONG_USE and "sim-a" in several.value.message
    os.close(master)
    os.close(slave)


def test_a_simulated_terminal_of_another_directory_is_only_taken_by_name(
    simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hymio.cable.ports import choose_port

    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    port = "/dev/null"
    said = {"device_id": "sim-a", "port": port, "pid": os.getpid(), "directory": str(elsewhere)}
    (simulated / "a.json").write_text(json.dumps(said))
    monkeypatch.chdir(here)
    with pytest.raises(Failure, match="No terminal is connected") as failed:
        choose_port(None)
    assert failed.value.exit_status == NO_TERMINAL and "--sim" in failed.value.hint
    assert choose_port(None, simulated=True) == choose_port(port) == port
    with pytest.raises(Failure, match="--sim and --port"):
        choose_port(port, simulated=True)
    monkeypatch.chdir(elsewhere)
    assert choose_port(None) == port
    (simulated / "a.json").unlink()
    with pytest.raises(Failure, match="No simulated terminal is running"):
        choose_port(None, simulated=True)
