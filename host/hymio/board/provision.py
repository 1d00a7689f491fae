"""`hymio provision`: gives boards their identity and configuration, prints their labels, keeps the register.

Secrets go to the board and nowhere else: no output, no register and no command line holds one.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hymio.board.device_register import DeviceEntry, put, read_register
from hymio.board.mpremote_runs import MpRemote
from hymio.cable.boot_line import Start, listen
from hymio.cable.ports import choose_port
from hymio.common.errors import ANSWER_NO, ANSWERED_ERROR, BROKEN_OFF, WRONG_USE, Failure
from hymio.common.output import error_console, note, print_json, print_line
from hymio.settings.configuration_rules import checked_wiring
from hymio.settings.provisioning_file import ProvisionedTerminal, read_terminals

_MARK: Final = "hymio:"

_ASK: Final = f"""
import json, os, sys, machine, binascii
def there(path):
    try:
        return bool(os.stat(path))
    except OSError:
        return False
m = getattr(sys.implementation, "_machine", "")
mac = binascii.hexlify(machine.unique_id()).decode()
has = there("main.py") or there("main.mpy")
print("{_MARK}" + json.dumps({{"machine": m, "mac": mac, "application": has}}))
"""

_DIRECTORIES: Final = """
import os
for name in %r:
    try:
        os.mkdir(name)
    except OSError:
        pass
"""

_FINISH: Final = f"""
import binascii, hashlib, json, os
from esp32 import NVS
nvs = NVS("hymio")
nvs.set_blob("device_id", %r)
nvs.commit()
back = bytearray(32)
f = {{"device_id": back[: nvs.get_blob("device_id", back)].decode()}}
for path in %r:
    h = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            data = file.read(512)
            if not data:
                break
            h.update(data)
    f[path] = binascii.hexlify(h.digest()).decode()
try:
    os.remove("config.old.json")
except OSError:
    pass
print("{_MARK}" + json.dumps(f))
"""


@dataclass
class ProvisionTools:
    """What touches a board; tests bring others."""

    remote: Callable[[str], MpRemote] = MpRemote
    listen: Callable[[str], Start] = listen
    utc: Callable[[], float] = time.time


def run_provision(
    path: Path,
    table: Path | None,
    only: str | None,
    port: str | None,
    labels: Path | None,
    register: Path,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Runs `hymio provision`; see `provision`."""
    terminals = read_terminals(path, table, only)
    read_register(register)  # a register that is damaged is found before a board is changed
    if port is not None and len(terminals) > 1:
        raise Failure(
            WRONG_USE, f"--port names one board, {table} has {len(terminals)}.", "Add --only ID, or a column port."
        )
    if labels is not None:
        from hymio.board.labels import write_labels

        write_labels(labels, terminals)
        note(f"Labels: {labels} ({len(terminals)})")
    results = [] if dry_run else _all(terminals, port, register, as_json)
    if as_json:
        devices = [{"device_id": terminal.device_id, "page": terminal.page or None} for terminal in terminals]
        print_json({"dry_run": dry_run, "labels": str(labels) if labels else None, "devices": results or devices})
    elif dry_run:
        names = ", ".join(terminal.device_id for terminal in terminals)
        print_line(f"In order: {names}. Nothing was changed.")


def _all(
    terminals: Sequence[ProvisionedTerminal], port: str | None, register: Path, as_json: bool
) -> list[dict[str, Any]]:
    """Provisions one board after the other; each is in the register as soon as it is done."""
    from rich.progress import Progress

    missing = [terminal.device_id for terminal in terminals if not terminal.port]
    if len(terminals) > 1 and missing:
        raise Failure(
            WRONG_USE,
            f"port: expected one for each terminal, {', '.join(missing)} has none.",
            "Add a column port, or do them one by one with --only ID --port PORT.",
        )
    results: list[dict[str, Any]] = []
    bench = ProvisionTools()
    shown = error_console()
    with Progress(console=shown, transient=True, disable=not shown.is_terminal) as progress:
        task = progress.add_task("provisioning", total=len(terminals))
        for terminal in terminals:
            progress.update(task, description=terminal.device_id)
            entry = provision(bench, port or terminal.port or choose_port(None), terminal)
            put(register, entry)
            results.append(
                {"device_id": entry.device_id, "mac": entry.mac, "page": entry.page or None, "log_id": entry.log_id}
            )
            progress.advance(task)
            if not as_json:
                print_line(f"{entry.device_id} ({entry.mac}) counts votes; it is in {register}.")
    return results


def provision(bench: ProvisionTools, port: str, terminal: ProvisionedTerminal) -> DeviceEntry:
    """Writes one board, compares what it holds then, and sees it start under its new name.

    Raises:
        Failure: 6 or 1 if something was written, another status if nothing was.
    """
    remote = bench.remote(port)
    facts = _answer(remote, _ASK)
    mac = ":".join(facts["mac"][at : at + 2] for at in range(0, 12, 2))
    _check_board(port, terminal, facts, mac)
    files = terminal.files()
    said = _copy(remote, files, _FINISH % (terminal.device_id.encode(), list(files)))
    written = _facts(said, remote.port)
    expected = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    if written != {"device_id": terminal.device_id, **expected}:
        raise Failure(BROKEN_OFF, f"The board on {port} does not hold what was written.", "Run the same command again.")
    start = bench.listen(port)
    if start.problem or start.config_problem or start.device_id != terminal.device_id:
        said = start.problem or start.config_problem or f"it calls itself {start.device_id}"
        raise Failure(
            ANSWER_NO,
            f"The board on {port} is provisioned, but {said}.",
            "Update its firmware (`hymio deploy`) if that is older than this tool, and run the same command again.",
        )
    return DeviceEntry(
        terminal.device_id,
        mac,
        terminal.chip,
        terminal.board,
        terminal.experience_point,
        terminal.question,
        terminal.page,
        terminal.note,
        start.version,
        start.log_id,
        bench.utc(),
    )


def _check_board(port: str, terminal: ProvisionedTerminal, facts: Mapping[str, Any], mac: str) -> None:
    from hymio.board.deploy import chip_of

    if terminal.mac and terminal.mac != mac:
        raise Failure(
            WRONG_USE,
            f"The board on {port} is {mac}, {terminal.device_id} is to be {terminal.mac}.",
            "Take the right board, or correct the file. Nothing was changed.",
        )
    chip = chip_of(facts["machine"])
    if chip and terminal.chip and chip != terminal.chip:
        raise Failure(
            WRONG_USE,
            f"The board on {port} is an {chip}, {terminal.board} is an {terminal.chip}.",
            "Take the right board, or correct the file. Nothing was changed.",
        )
    if chip:
        checked_wiring(terminal.config, chip, terminal.device_id)
    if not facts["application"]:
        raise Failure(
            ANSWERED_ERROR,
            f"The board on {port} runs MicroPython, but has no firmware.",
            "Put it there first: `hymio flash` or `hymio deploy`. Nothing was changed.",
        )


def _copy(remote: MpRemote, files: Mapping[str, bytes], finish: str) -> str:
    """Copies the files over one connection.

    They go there from a private directory, because everybody on the computer can read a command line.
    """
    with tempfile.TemporaryDirectory() as private:
        directories = sorted({path.rpartition("/")[0] for path in files} - {""})
        arguments = ["exec", _DIRECTORIES % (directories,)]
        for path, data in files.items():
            source = Path(private) / path
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_bytes(data)
            arguments += ["+", "cp", str(source), f":{path}"]
        return remote.run([*arguments, "+", "exec", finish], 120)


def _answer(remote: MpRemote, code: str) -> dict[str, Any]:
    return _facts(remote.execute(code), remote.port)


def _facts(said: str, port: str) -> dict[str, Any]:
    answer = next((line for line in said.splitlines() if line.startswith(_MARK)), None)
    if answer is None:
        raise Failure(ANSWERED_ERROR, f"{port} answers, but not as expected.", "Unplug the board and try again.")
    facts: dict[str, Any] = json.loads(answer[len(_MARK) :])
    return facts
