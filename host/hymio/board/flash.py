"""`hymio flash`: from a stock MicroPython image to boards with the application, by their boot loader."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hymio.board.boot_loader import Loader, ResetModes, esptool_fails_as, opened, require_esptool
from hymio.board.factory import Plan, make_plan, size_named, write_image
from hymio.board.factory_files import application, require_littlefs
from hymio.board.own_files import FilesPlace, UnreadableError, own_files
from hymio.board.partitions import SECTOR, TABLE_OFFSET, PartitionError, factory_table, file_systems, find_votes
from hymio.board.stock_image import StockImage, read_stock
from hymio.cable.boot_line import Start, listen
from hymio.cable.ports import find_ports
from hymio.common.errors import ANSWERED_ERROR, BROKEN_OFF, NO_TERMINAL, WRONG_USE, Failure
from hymio.common.output import error_console, note, print_json, print_line
from hymio.settings.configuration_rules import checked_config, checked_wiring
from hymio.settings.provisioning_file import read_terminals

_AGAIN: Final = "Run the same command again: votes, identity and what stands already are not harmed."

Advance = Callable[[str, float], None]
"""Is called with what is being done, and with the share of it that is done, 0..1."""


@dataclass(frozen=True)
class FlashJob:
    """What is wanted of every board."""

    stock: StockImage
    files: Mapping[str, bytes]
    """The application and, if one is given, a configuration; by path."""
    erase_votes: bool = False
    dry_run: bool = False
    resets: ResetModes = field(default_factory=ResetModes)
    listen: Callable[[str], Start] = listen


def run_flash(
    image: Path,
    ports: Sequence[str],
    every: bool,
    config: Path | None,
    out: Path | None,
    flash_size: str | None,
    erase_votes: bool,
    dry_run: bool,
    resets: ResetModes,
    as_json: bool,
) -> None:
    """Runs `hymio flash`; see `flash_board`."""
    require_esptool()
    require_littlefs()
    stock = read_stock(image)
    files = application(stock.micropython)
    if config:
        files |= _configuration(config, stock.chip)
    if out is not None:
        if ports or every:
            raise Failure(WRONG_USE, "--image writes a file and no board.", "Leave out --image, or --port and --all.")
        _make_image(stock, files, out, flash_size, dry_run, as_json)
        return
    if flash_size is not None:
        raise Failure(WRONG_USE, "--flash-size goes with --image: a board says its own.", "Leave it out.")
    chosen = _ports(ports, every)
    if len(chosen) > 1 and config and "device_id" in json.loads(files["config.json"]):
        raise Failure(WRONG_USE, f"{config} names a device_id, and there are {len(chosen)} boards.", "Leave it out.")
    job = FlashJob(stock, files, erase_votes, dry_run, resets)
    results = flash_boards(chosen, job, show=not as_json)
    if as_json:
        print_json({"dry_run": dry_run, "boards": results})
    failed = [result for result in results if "error" in result]
    if failed:
        first = failed[0]["error"]
        count = f"{len(failed)} of {len(results)} boards failed; " if len(results) > 1 else ""
        raise Failure(first["exit"], f"{count}{failed[0]['port']}: {first['message']}", first["hint"])


def _configuration(path: Path, chip: str) -> dict[str, bytes]:
    """What a config.json, or a provisioning file of one terminal, puts into the file system."""
    if path.suffix.lower() != ".toml":
        return {"config.json": checked_config(path, chip).read_bytes()}
    (terminal,) = read_terminals(path)
    checked_wiring(terminal.config, chip, str(path))
    return terminal.files()


def _ports(given: Sequence[str], every: bool) -> list[str]:
    if given:
        return list(dict.fromkeys(given))
    boards = [port.port for port in find_ports() if port.kind == "board"]
    if not boards:
        raise Failure(
            NO_TERMINAL,
            "No board is connected to this computer.",
            "Plug it in with a data cable (some only charge), or name its port: --port.",
        )
    if len(boards) > 1 and not every:
        raise Failure(
            WRONG_USE, f"There are {len(boards)} boards here: {', '.join(boards)}.", "Say --port PORT, or --all."
        )
    return boards


def _make_image(
    stock: StockImage, files: Mapping[str, bytes], out: Path, flash_size: str | None, dry_run: bool, as_json: bool
) -> None:
    plan = make_plan(stock, size_named(flash_size) if flash_size else stock.flash_size, files)
    for line in plan.lines():
        note(line)
    if not dry_run:
        write_image(plan, out)
    if as_json:
        print_json({"dry_run": dry_run, "image": str(out), **plan.as_json()})
    elif not dry_run:
        print_line(f"{out}: write it at 0 of an empty board: esptool write-flash 0 {out}")


def flash_boards(ports: Sequence[str], job: FlashJob, show: bool = True) -> list[dict[str, Any]]:
    """Flashes all boards at once, with a bar each.

    Returns:
        Their answers for `--json`, in the order of `ports`.
    """
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = TextColumn("{task.fields[port]}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.description}")
    with (
        Progress(*columns, console=error_console(), disable=not sys.stderr.isatty()) as progress,
        ThreadPoolExecutor(len(ports)) as pool,
    ):

        def one(port: str) -> dict[str, Any]:
            task = progress.add_task("waking its boot loader", total=1.0, port=port)

            def advance(what: str, share: float) -> None:
                progress.update(task, description=what, completed=share)

            try:
                result = flash_board(port, job, advance, note if len(ports) == 1 else _prefixed(port))
            except Failure as failure:
                advance(failure.message, 0.0)
                error = {"exit": failure.exit_status, "message": failure.message, "hint": failure.hint}
                return {"port": port, "error": error}
            advance("done", 1.0)
            if show and not job.dry_run:
                print_line(f"{port} {'counts votes: ' + result['line'] if result['line'] else 'is written.'}")
            return result

        return list(pool.map(one, ports))


def _prefixed(port: str) -> Callable[[str], None]:
    return lambda line: note(f"{port}: {line}")


def flash_board(
    port: str,
    job: FlashJob,
    advance: Advance = lambda what, share: None,
    tell: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Writes one board and sees it start.

    Args:
        port: a serial port or the address of one.
        job: what is wanted.
        advance: is called with what is being done and the share of it that is done.
        tell: is called with each line of the plan, before anything is written.

    Returns:
        The board's part of the answer of `--json`.

    Raises:
        Failure: 6 if something was written, another status if nothing was.
    """
    with opened(port, job.resets.before) as loader:
        if loader.chip != job.stock.chip:
            raise Failure(
                ANSWERED_ERROR,
                f"The board is an {loader.chip}, the image is for the {job.stock.chip}.",
                "Take the image for this chip. Nothing was changed.",
            )
        with esptool_fails_as(ANSWERED_ERROR, "The flash can't be read", "Nothing was changed. Try again."):
            plan, config = _planned(loader, job, advance)
        for line in [*plan.lines(), _ABOUT_CONFIG[config]]:
            tell(line)
        if job.erase_votes:
            tell("  Every vote on the board is erased.")
        if not job.dry_run:
            with esptool_fails_as(BROKEN_OFF, "Broken off while the board was written", _AGAIN):
                _write(loader, plan, job.erase_votes, advance)
        with esptool_fails_as(BROKEN_OFF, "It is written, but can't be started", "Press its reset button."):
            loader.leave(job.resets.after)
        mac = loader.mac.hex(":")
    start = None
    if not job.dry_run and job.resets.after != "no-reset":
        advance("starting the terminal", 1.0)
        start = job.listen(port)
        start.demand_counting()
    return {
        "port": port,
        "mac": mac,
        **plan.as_json(),
        "config": config,
        "line": start.line if start else None,
        "device_id": start.device_id if start else None,
        "firmware": start.version if start else None,
        "config_problem": (start.config_problem or None) if start else None,
    }


_ABOUT_CONFIG: Final = {
    "installed": "  The configuration given is installed.",
    "kept": "  The configuration on the board is kept.",
    "none": "  No configuration: the terminal takes its defaults, and its identity from the chip.",
}


def _planned(loader: Loader, job: FlashJob, advance: Advance) -> tuple[Plan, str]:
    advance("asking the board", 0.0)
    sector = loader.read(TABLE_OFFSET, SECTOR)
    flash_size = loader.flash_size()
    found = find_votes(sector, loader.read, flash_size, _votes_of(job.stock, flash_size))
    votes = None if job.erase_votes else found
    files = dict(job.files)
    config = "installed"
    if "config.json" not in files:
        kept = _own_files(loader, sector, flash_size, advance, make_plan(job.stock, flash_size, files, votes))
        config = "kept" if "config.json" in kept else "none"
        files |= kept
    if "config.json" in files:
        # a configuration that is damaged on the board is for the board to complain of
        with contextlib.suppress(ValueError):
            checked_wiring(json.loads(files["config.json"]), loader.chip, "config.json")
    return make_plan(job.stock, flash_size, files, votes), config


def _votes_of(stock: StockImage, flash_size: int) -> list[tuple[int, int]]:
    """Where a board that was flashed with this image has its votes; needed if its table is lost."""
    try:
        table = factory_table(stock.table, flash_size)
    except PartitionError:
        return []
    return [(table.votes_offset, table.votes_size)]


def _own_files(
    loader: Loader, sector: bytes, flash_size: int, advance: Advance, plan: Plan | None = None
) -> dict[str, bytes]:
    """Reads what the board's file system holds that no other has.

    Args:
        loader: the board.
        sector: its partition table.
        flash_size: in bytes.
        advance: is called with the share that is done.
        plan: what would be written if the board held nothing of its own. A run that was cut off may have written these
            files already, and the old table does not lead to them.

    Raises:
        Failure: there is a file system that can't be read, and what is in it would be lost in silence.
    """
    advance("reading its configuration", 0.0)
    named = file_systems(sector, flash_size)
    problem = None
    planned = [(plan.table.vfs_offset, plan.table.vfs_size)] if plan else []
    for offset, size in dict.fromkeys([*named, *planned]):
        try:
            kept = own_files(FilesPlace(loader.read, offset, size))
        except UnreadableError as error:
            if (offset, size) in named and not _is_cut_off(loader, plan, offset):
                problem = problem or f"{offset:#x}: {error.args[0]}"
            continue
        if kept:
            return kept
    if problem:
        raise Failure(
            ANSWERED_ERROR,
            f"The file system of the board can't be read, and its configuration would be lost (at {problem}).",
            "Give its configuration with --config; a file that holds {} makes it begin anew. Nothing was changed.",
        )
    return {}


def _is_cut_off(loader: Loader, plan: Plan | None, offset: int) -> bool:
    """Whether a file system begins like the one of `plan`, which an earlier run then did not write to its end."""
    files = next((piece for piece in plan.pieces if piece.offset == offset), None) if plan else None
    return files is not None and loader.read(offset, 2 * SECTOR) == files.data[: 2 * SECTOR]


def _write(loader: Loader, plan: Plan, erase_votes: bool, advance: Advance) -> None:
    if erase_votes:
        advance("erasing votes", 0.0)
        loader.erase(plan.table.votes_offset, plan.table.votes_size)
    done = 0
    for piece in plan.pieces:
        if piece.offset == TABLE_OFFSET and loader.read(TABLE_OFFSET, SECTOR) == piece.data:
            continue  # a needless erase of the table would leave the board without one for a moment

        def show(share: float, what: str = piece.what, before: int = done, size: int = len(piece.data)) -> None:
            advance(what, (before + share * size) / plan.total)

        loader.write(piece.offset, piece.data, plan.size_name, show)
        done += len(piece.data)
