"""`hymio deploy`: puts the firmware on a board with a stock MicroPython image, and sees it start."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hymio.board.boot_loader import require_esptool, rewrite
from hymio.board.factory_files import OLDEST, Version, compiled, firmware_files
from hymio.board.mpremote_runs import MpRemote, SlowBoard
from hymio.board.partitions import SECTOR, TABLE_OFFSET, Change, PartitionError, add_votes, flash_limit
from hymio.cable.boot_line import Start, listen
from hymio.common.errors import ANSWERED_ERROR, BROKEN_OFF, NO_TERMINAL, WRONG_USE, Failure
from hymio.common.output import error_console, note, print_json, print_line
from hymio.common.words import counted, if_one
from hymio.settings.configuration_rules import checked_config

_BOOT_LOADER_OFFSETS: Final = {"ESP32": 0x1000, "ESP32-S2": 0x1000, "ESP32-S3": 0, "ESP32-C3": 0, "ESP32-C6": 0}
"""Where the boot loader stands on each of the chips whose wiring the firmware knows:
https://docs.espressif.com/projects/esptool/en/latest/esp32/esptool/flashing-firmware.html"""
_MPY: Final = 6
"""The version of compiled files that the firmware is made for:
https://docs.micropython.org/en/latest/reference/mpyfiles.html"""
_REBOOT_S: Final = 80.0
"""How long MicroPython may take to make its file system; a large one is slow."""
_SILENT_S: Final = 120.0
"""How long the copy of one file may take: littlefs looks through all of a large file system for free blocks."""
_MARK: Final = "hymio:"

_ASK: Final = f"""
import json, os, sys
i = sys.implementation
f = {{"name": i.name, "machine": getattr(i, "_machine", ""), "version": i.version[:3]}}
f["mpy"] = getattr(i, "_mpy", 0) & 255
def names(path):
    try:
        return os.listdir(path)
    except OSError:
        return []
f["root"] = names("")
f["slots"] = [s for s in "ab" if "terminal" in names("/" + s)]
try:
    from esp32 import Partition
    f["votes"] = len(Partition.find(Partition.TYPE_DATA, label="votes"))
except ImportError:
    f["votes"] = None
if f["votes"] == 0:
    import binascii, esp
    def flash(at, size):
        b = bytearray(size)
        esp.flash_read(at, b)
        return binascii.hexlify(b).decode()
    f["flash"] = esp.flash_size()
    f["table"] = flash({TABLE_OFFSET}, {SECTOR})
    f["loader"] = [flash(0, 16), flash(0x1000, 16)]
print("{_MARK}" + json.dumps(f))
"""

_PREPARE: Final = """
import os
keep = %r
try:
    os.mkdir("terminal")
except OSError:
    pass
for name in os.listdir("terminal"):
    if name not in keep and os.stat("terminal/" + name)[0] & 0x8000:
        os.remove("terminal/" + name)
"""

_KEEP_OLD_CONFIG: Final = """
import hashlib, os
try:
    with open("config.json", "rb") as f:
        same = hashlib.sha256(f.read()).digest() == %r
    if not same:
        os.rename("config.json", "config.old.json")
        print("hymio:old")
except OSError:
    pass
"""


@dataclass
class ProbedBoard:
    """What a board has said of itself."""

    version: Version
    chip: str
    """esptool's name of the chip; "" where MicroPython runs on something else, such as a simulated board."""
    has_votes: bool
    takes_mpy: bool
    """Whether the board runs what our compiler makes."""
    root: list[str]
    """The names of the files and directories in the board's root directory."""
    slots: list[str]
    """The slot directories ("a", "b") that hold an application."""
    flash_size: int = 0
    table: bytes = b""
    loader: bytes = b""
    """The first bytes of the boot loader. Flash size, table and loader are asked for only if there is no `votes`
    partition."""


@dataclass
class DeployTools:
    """Everything that touches a board during a deployment; tests bring others."""

    port: str
    remote: MpRemote
    rewrite: Callable[..., None] = rewrite
    require_esptool: Callable[[], None] = require_esptool
    listen: Callable[[str], Start] = listen
    confirm: Callable[[], bool] = field(default=lambda: _confirmed())
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic


def run_deploy(port: str, config: Path | None, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Runs `hymio deploy`; see `deploy`."""
    bench = DeployTools(port, MpRemote(port))
    if yes:
        bench.confirm = lambda: True
    elif as_json or not sys.stdin.isatty():
        bench.confirm = _cannot_ask
    result = deploy(bench, config, dry_run)
    if as_json:
        print_json(result)
    elif not dry_run:
        print_line(f"{port} counts votes: {result['line']}")
    if result.get("config_problem"):
        note(f"But its configuration is not used: {result['config_problem']}.")


def deploy(bench: DeployTools, config: Path | None, dry_run: bool = False) -> dict[str, Any]:
    """Puts the firmware on the board and sees it start.

    Args:
        bench: what touches the board.
        config: a configuration, which is checked by the firmware's own rules and becomes the board's config.json.
        dry_run: the board is asked and nothing is changed; it starts anew afterwards.

    Returns:
        The answer of `--json`.

    Raises:
        Failure: with a sentence for each way in which it can go wrong.
    """
    configuration = checked_config(config) if config else None
    modules, others = firmware_files()
    count = len(modules) + len(others)
    note(f"[1/4] asking the board on {bench.port} ...")
    board = ask(bench.remote)
    change = None if board.has_votes else plan(board)
    if change and not dry_run:
        bench.require_esptool()
    for line in _explanation(board, change, count, configuration):
        note(line)
    result: dict[str, Any] = {
        "port": bench.port,
        "chip": board.chip or None,
        "micropython": ".".join(map(str, board.version)),
        "partition": "there" if board.has_votes else "made",
        "files": count,
        "config": "installed" if configuration else "kept" if "config.json" in board.root else "none",
    }
    if dry_run:
        bench.remote.run(["reset"], 30)
        return {**result, "dry_run": True}
    if change:
        if not bench.confirm():
            bench.remote.run(["reset"], 30)
            raise Failure(WRONG_USE, "Nothing was changed.", "Run it again when the files are safe.")
        bench.rewrite(bench.port, board.chip, board.table, change, tell=lambda text: note(f"[2/4] {text}"))
        board = _ask_until_up(bench)
        if not board.has_votes:
            raise Failure(
                ANSWERED_ERROR,
                "The partition table is written, but MicroPython finds no partition `votes`.",
                "Write the board's MicroPython image again, then run this command again.",
            )
    with tempfile.TemporaryDirectory() as scratch:
        modules = compiled(modules, Path(scratch), board.version) if board.takes_mpy else modules
        _copy(bench.remote, modules, others, configuration)
    note("[4/4] starting the terminal ...")
    start = bench.listen(bench.port)
    start.demand_counting()
    return {
        **result,
        "line": start.line,
        "device_id": start.device_id,
        "firmware": start.version,
        "boot": start.boot,
        "log_id": start.log_id,
        "config_problem": start.config_problem or None,
    }


def ask(remote: MpRemote) -> ProbedBoard:
    """Stops the program on the board and asks the board what it is.

    Raises:
        Failure: 3 nothing answers, or 5 it is no board for this firmware.
    """
    said = remote.execute(_ASK)
    answer = next((line for line in said.splitlines() if line.startswith(_MARK)), None)
    if answer is None:
        raise Failure(NO_TERMINAL, f"{remote.port} answers, but not as expected.", "Unplug the board and try again.")
    facts = json.loads(answer[len(_MARK) :])
    if facts.get("name", "micropython") != "micropython":
        raise Failure(
            ANSWERED_ERROR,
            f"What runs on {remote.port} is {facts['name']}, not MicroPython.",
            "Write a MicroPython image to it first (micropython.org/download): `hymio flash` does both.",
        )
    major, minor, patch = facts["version"]
    version: Version = (major, minor, patch)
    if facts["votes"] is None:
        raise Failure(
            ANSWERED_ERROR,
            f"MicroPython on {remote.port} runs on {facts['machine'] or 'another board'}, not on an ESP32.",
            f"The firmware needs one of {', '.join(_BOOT_LOADER_OFFSETS)}.",
        )
    if version < OLDEST:
        raise Failure(
            ANSWERED_ERROR,
            f"The board has MicroPython {'.'.join(map(str, version))}, the firmware needs 1.23 or newer.",
            "Write a newer MicroPython image to it first (micropython.org/download), then run this command again.",
        )
    chip = chip_of(facts["machine"])
    if chip and chip not in _BOOT_LOADER_OFFSETS:
        raise Failure(
            ANSWERED_ERROR, f"The board is an {chip}.", f"The firmware knows the {', '.join(_BOOT_LOADER_OFFSETS)}."
        )
    board = ProbedBoard(version, chip, bool(facts["votes"]), facts["mpy"] == _MPY, facts["root"], facts["slots"])
    if "table" in facts:
        board.flash_size = facts["flash"]
        board.table = bytes.fromhex(facts["table"])
        board.loader = bytes.fromhex(facts["loader"][1 if _BOOT_LOADER_OFFSETS.get(chip) else 0])
    return board


def chip_of(machine: str) -> str:
    """The name that esptool has for the chip in `sys.implementation._machine`; "" if it is none of Espressif's."""
    # For example "Generic ESP32S3 module with ESP32S3", "LILYGO T-Display with ESP32-S3FN8", "M5Stack with
    # ESP32-PICO-D4".
    found = re.search(r"ESP32-?([SCHP]\d+)?", machine.rpartition(" with ")[2])
    return "" if found is None else f"ESP32-{found[1]}" if found[1] else "ESP32"


def plan(board: ProbedBoard) -> Change:
    """How a `votes` partition is added to a board that has none.

    Raises:
        Failure: it can't be added.
    """
    try:
        return add_votes(board.table, flash_limit(board.flash_size, board.loader))
    except PartitionError as error:
        raise Failure(
            ANSWERED_ERROR,
            f"There is no partition `votes`, and it can't be added: {error}",
            "Write a stock MicroPython image to the board and run this command again. Nothing was changed.",
        ) from error


def _explanation(board: ProbedBoard, change: Change | None, files: int, config: Path | None) -> list[str]:
    lines = []
    if change:
        lines.append(
            f"The board has no partition `votes` for its log yet. To add it ({change.votes_size // 1024} kB at "
            f"{change.votes_offset:#x}) the partition table is rewritten."
        )
        if change.erase:
            lines.append(
                f"The file system is made anew ({change.vfs_size // 1024} kB): config.json and files on it will be "
                f"lost; copy them first. On it now: {', '.join(board.root) or 'nothing'}."
            )
    if board.slots:
        lines.append(
            f"The board starts slot {board.slots[0]}, not this copy. Remove the slot first if that is not meant: "
            f"mpremote rm -r :/{board.slots[0]}"
        )
    lines.append(f"{counted(files, 'file')} of the firmware for the board{', and ' + str(config) if config else ''}.")
    return lines


def _confirmed() -> bool:
    print("Add the partition now? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _cannot_ask() -> bool:
    raise Failure(
        WRONG_USE,
        "The board needs a partition `votes`, and adding it has to be agreed to. Nothing was changed.",
        "Copy what you need off the board, then run the same command with --yes.",
    )


def _ask_until_up(bench: DeployTools) -> ProbedBoard:
    """Asks a board that has just been reset, until it answers."""
    note("[2/4] waiting for MicroPython to make its file system ...")
    begin_s = bench.now()
    while True:
        bench.sleep(2)
        try:
            return ask(bench.remote)
        except Failure as failure:
            waited_s = bench.now() - begin_s
            if waited_s <= _REBOOT_S:
                note(f"[2/4] not ready yet ({waited_s:.0f} s); a large file system takes its time ...")
            else:
                raise Failure(
                    BROKEN_OFF,
                    f"The partition table is written, but the board does not come back: {failure.message}",
                    "Press its reset button and run the same command again.",
                ) from failure


def _copy(remote: MpRemote, modules: Sequence[Path], others: Sequence[Path], config: Path | None) -> None:
    """Copies the files.

    A copy that is too slow for mpremote goes on as long as each turn brings more files to the board.
    """
    count = len(modules) + len(others) + (1 if config else 0)
    note(f"[3/4] copying {counted(count, 'file')} ...")
    # One connection for everything, because entering the raw REPL takes a second. What is up to date is not sent again.
    arguments = ["exec", _PREPARE % [path.name for path in modules], "+", "cp", *map(str, modules), ":terminal/"]
    if config:
        digest = hashlib.sha256(config.read_bytes()).digest()
        arguments += ["+", "exec", _KEEP_OLD_CONFIG % digest, "+", "cp", str(config), ":config.json"]
    arguments += ["+", "cp", *map(str, others), ":"]
    old_config = False
    reached = -1
    while True:
        copying = _Copying(count)
        try:
            with copying:
                remote.run(arguments, _SILENT_S, copying.line)
            old_config |= copying.has_old_config
            break
        except Failure as failure:
            old_config |= copying.has_old_config
            there = max(0, copying.begun - 1)
            if isinstance(failure, SlowBoard) and there > reached:
                what = f"{there} of {counted(count, 'file')} {if_one(count, 'is', 'are')} there"
                note(f"[3/4] the board is slow; going on ({what}) ...")
                reached = there
                # Without the soft reset, which would mount the file system once more.
                arguments = arguments if arguments[0] == "resume" else ["resume", *arguments]
                continue
            if copying.begun or reached >= 0:
                raise Failure(
                    BROKEN_OFF,
                    f"Broken off with {max(there, reached)} of {counted(count, 'file')} on the board."
                    f" {failure.message}",
                    "Run the same command again: files that are there already are not copied twice.",
                ) from failure
            raise
    if old_config:
        note("The configuration that was on the board is config.old.json there now.")


class _Copying:
    """How far a copy has come, shown as a bar."""

    def __init__(self, count: int) -> None:
        from rich.progress import Progress

        self.begun = 0
        """How many files mpremote has begun to copy."""
        self.has_old_config = False
        self._bar = Progress(console=error_console(), transient=True, disable=not sys.stderr.isatty())
        self._task = self._bar.add_task("copying", total=count)

    def __enter__(self) -> None:
        self._bar.start()

    def __exit__(self, *_error: object) -> None:
        self._bar.stop()

    def line(self, line: str) -> None:
        """Takes a line that mpremote or the board has printed."""
        if line.startswith("cp "):
            self.begun += 1
            self._bar.advance(self._task)
        self.has_old_config |= line.startswith(f"{_MARK}old")
