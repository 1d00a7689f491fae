"""Ever new frames for the cable: `make soak WHAT=smp`; on_vm/cable_frames.py makes them."""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hymio.common.firmware_files import firmware_module
from hymio_sim.rigs.broken import Broken


def _on_vm(name: str) -> Any:
    return importlib.import_module(f"hymio_sim.rigs.on_vm.{name}")


def _console(home: str) -> tuple[Any, Any]:
    board = _on_vm("hand_board").HandBoard(_on_vm("ram_flash").RamFlash(4))
    app = firmware_module("app").App(firmware_module("config").build({}), board, "0", "", home)
    app.start(0)

    def blame(error: Exception) -> None:
        raise error

    app.text.error = blame  # the console catches unexpected exceptions and tells the text log, which must not happen
    return firmware_module("console").Console(app), board


def fuzz(numbers: range, home: str, tell: Callable[[int], None] = lambda done: None) -> int:
    """Runs the cases of these numbers on a terminal whose files are in `home`; gives how many lines it answered.

    Raises:
        Broken: the console raises or answers with too long a line; names the case.
    """
    console, board = _console(home)
    cbor, smp, case = firmware_module("cbor"), firmware_module("smp_frames"), _on_vm("cable_frames").case
    lines = 0
    for number in numbers:
        data, is_whole = case(number, cbor, smp)
        try:
            for line in console.received(data if is_whole else data + b"\n"):
                lines += 1
                if len(line) > 127:
                    raise Broken(f"case {number}: a line of {len(line)} bytes")
        except Broken:
            raise
        except Exception as error:
            raise Broken(f"case {number}: {type(error).__name__}: {error}") from error
        if board.resets or len(console.staged) > 60:
            raise Broken(f"case {number}: {board.resets} resets, {len(console.staged)} settings staged")
        if number % 1000 == 0:
            tell(number)
    console.close()
    return lines


def main() -> None:
    """Fuzzes until the time is over, with ever new frames."""
    parser = argparse.ArgumentParser(prog="make soak WHAT=smp", description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--first", type=int, help="the number of the first case (else from the time of day)")
    parser.add_argument("--case", type=int, help="only the case of this number")
    options = parser.parse_args()
    first = number = int(time.time()) << 20 if options.first is None else options.first
    end = time.monotonic() + 60 * options.minutes
    with TemporaryDirectory() as scratch:
        home = Path(scratch) / "board"
        home.mkdir()
        if options.case is not None:
            print(fuzz(range(options.case, options.case + 1), f"{home}/"), "lines of answer")
            return
        while time.monotonic() < end:
            fuzz(range(number, number + 20_000), f"{home}/")
            number += 20_000
            print(f"{number - first} frames, 0 failures", flush=True)


if __name__ == "__main__":
    main()
