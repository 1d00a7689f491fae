"""`hymio votes`: every press still in a terminal's log, read by cable or from a dump of its flash."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hymio.addresses import is_device_id
from hymio.batches import Batch
from hymio.errors import ANSWER_NO, ANSWERED_ERROR, BROKEN_OFF, WRONG_USE, Failure
from hymio.log_reading import LoggedPress, read_presses
from hymio.output import console, error_console, note, print_json
from hymio.records import Record

if TYPE_CHECKING:
    from hymio.image import ImageLog
    from hymio.smp import Cable, StatusAnswer
    from hymio.store import Store

BATCHES_PER_COMMIT: Final = 50
"""What has been committed stands if the cable comes off."""

UNNAMED: Final = "image"
"""The terminal of an image, if nobody says which one it is."""

_FACES: Final = ("", "1 very unhappy", "2 unhappy", "3 happy", "4 very happy")

Progress = Callable[[int], None]
"""Called with the number of slots read so far."""


def pull(cable: Cable, status: StatusAnswer, progress: Progress) -> Iterator[tuple[Batch, bytes]]:
    """The whole log in batches, from the oldest seq held to the newest at the time when it is reached."""
    seq = status.oldest_seq
    while True:
        batch, payload = cable.records(seq)
        if batch.log_id != status.log_id:
            raise Failure(
                BROKEN_OFF, "The terminal has begun another log meanwhile.", "Run the command again to read that one."
            )
        if batch.slots and batch.first_seq < seq:
            raise Failure(
                ANSWERED_ERROR,
                f"The terminal was asked for seq {seq} and answered with seq {batch.first_seq}.",
                "Perhaps its firmware is newer than this hymio: pip install --upgrade hymio.",
            )
        yield batch, payload
        if batch.slots == 0:
            return
        seq = batch.last_seq + 1
        progress(seq - status.oldest_seq)


def _counting(status: StatusAnswer) -> None:
    if not is_device_id(status.device_id):
        raise Failure(
            ANSWERED_ERROR,
            f"The terminal calls itself {status.device_id!r}, which is no name for a terminal.",
            "Give it one of 3 to 32 letters a-z, digits and hyphens in its configuration.",
        )
    if status.log_id == 0:
        raise Failure(
            ANSWERED_ERROR,
            f"The terminal has no log: {status.problem or 'it does not say why'}.",
            "It does not count until this is mended; `hymio status` shows more.",
        )


@contextmanager
def _progress(slots: int) -> Iterator[Progress]:
    """A bar on stderr, if anybody looks at it and there is something to wait for."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = error_console()
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as bar:
        task = bar.add_task("reading", total=max(slots, 1))
        yield lambda done: bar.update(task, completed=done)


def run_votes(port: str | None, db: str | None, ack: bool, as_json: bool) -> None:
    """Prints every press in the log of the terminal on `port`, or commits them to the database `db`.

    Raises:
        Failure: 2 wrong use, 3 no terminal, 4 no database, 5 the terminal answers oddly, 6 broken off.
    """
    from hymio.ports import choose_port

    if ack and db is None:
        raise Failure(
            WRONG_USE,
            "--ack without --db would free votes that are nowhere else.",
            "Give the database that keeps them: --db votes.db --ack.",
        )
    chosen = choose_port(port)
    if db is not None:
        _into_database(chosen, db, ack, as_json)
        return
    _print(_read_whole(chosen), as_json)


def run_image(path: Path, device_id: str | None, mac: str | None, db: str | None, as_json: bool) -> None:
    """Prints every press in the log of the image `path`, or commits them to the database `db` as those of `device_id`.

    Raises:
        Failure: 1 no log in it, or part of it can't be read, 2 wrong use, 4 no database, 5 a newer format.
    """
    from hymio.image import parse_mac, read_image

    if db is not None and device_id is None:
        raise Failure(
            WRONG_USE,
            "An image does not say which terminal it is from, and the database has to know.",
            "Name it as the office knows it: --device-id till-1.",
        )
    if device_id is not None and not is_device_id(device_id):
        raise Failure(
            WRONG_USE,
            f"{device_id!r} is no name for a terminal.",
            "A terminal's name has 3 to 32 letters a-z, digits and hyphens.",
        )
    log = read_image(_image(path), None if mac is None else parse_mac(mac))
    _tell_of_damage(log)
    if device_id is None or db is None:
        _print(read_presses(device_id or UNNAMED, log.log_id, log.records), as_json)
    else:
        _image_into_database(log, device_id, db, as_json)
    _, gone = log.unreadable()
    if gone:
        raise Failure(
            ANSWER_NO,
            f"The image is damaged: {gone} presses of the log are in sectors of which nothing can be read.",
            "All others have been taken. Dump the partition once more: perhaps only the dump is bad.",
        )


def _image(path: Path) -> bytes:
    from hymio.image import SECTOR_BYTES

    try:
        image = path.read_bytes()
    except OSError as error:
        raise Failure(
            WRONG_USE, f"{path} can't be read: {error.strerror}.", "Give a dump of the partition `votes`."
        ) from error
    if not image or len(image) % SECTOR_BYTES:
        raise Failure(
            WRONG_USE,
            f"{path} has {len(image)} bytes: a dump of the partition `votes` has a multiple of {SECTOR_BYTES}.",
            "Dump the whole partition, from its first byte to its last.",
        )
    return image


def _tell_of_damage(log: ImageLog) -> None:
    rotten, _ = log.unreadable()
    counts = ((log.burned, "burned slots"), (log.damaged_headers, "damaged headers"), (rotten, "unreadable presses"))
    if any(count for count, _ in counts):
        note("In the image: " + ", ".join(f"{count} {what}" for count, what in counts) + ".")
    for (chip, log_id), sectors in log.others.items():
        whose = "the same chip" if chip == log.chip else "another chip (--mac tells which one is read)"
        note(f"The image holds {sectors} sectors of log {log_id} of {whose}, too; log {log.log_id} is read.")


def _print(presses: list[LoggedPress], as_json: bool) -> None:
    if as_json:
        for press in presses:
            print_json(press.as_json())
        return
    _show(presses)


def _read_whole(port: str) -> list[LoggedPress]:
    from hymio.smp import Cable

    records: dict[int, Record] = {}
    with Cable(port) as cable:
        status = cable.status()
        _counting(status)
        with _progress(status.next_seq - status.oldest_seq) as progress:
            for batch, _ in pull(cable, status, progress):
                records.update(batch.records)
    return read_presses(status.device_id, status.log_id, records)


def _show(presses: list[LoggedPress]) -> None:
    from rich.table import Table

    if not presses:
        note("There is no press in the log.")
        return
    table = Table("seq", "when", "button", "verdict", "presses", box=None)
    for press in presses:
        when = f"start {press.boot}, {press.uptime_ms / 1000:.1f} s after it"
        if press.pressed_utc is not None:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(press.pressed_utc))
            when += " (worked out later)" if press.clock == "dated" else ""
        style = None if press.is_vote else "dim"
        table.add_row(str(press.seq), when, _FACES[press.button], press.verdict, str(press.count), style=style)
    console().print(table)
    votes = sum(press.count for press in presses if press.is_vote)
    note(f"{sum(press.count for press in presses)} presses, {votes} of them votes.")


@dataclass(slots=True)
class _Imported:
    read: int = 0
    new: int = 0
    duplicates: int = 0
    conflicts: int = 0


def _into_database(port: str, db: str, ack: bool, as_json: bool) -> None:
    from hymio.ingest import Arrival, Told, ingest_many, log_state
    from hymio.smp import Cable
    from hymio.store import open_store

    done = _Imported()
    answer: dict[str, Any] = {}
    store = open_store(db, create=True)
    try:
        with Cable(port) as cable:
            status = cable.status()
            _counting(status)
            arrivals: list[Arrival] = []
            with _progress(status.next_seq - status.oldest_seq) as progress:
                for batch, payload in pull(cable, status, progress):
                    arrivals.append(Arrival(status.device_id, batch, "serial", time.time(), "serial", payload))
                    if len(arrivals) == BATCHES_PER_COMMIT:
                        _commit(store, arrivals, done)
                        arrivals = []
                _commit(store, arrivals, done)
            totals = cable.totals()
            if totals.log_id == status.log_id:
                told = Told(
                    status.device_id,
                    status.log_id,
                    totals.next_seq,
                    totals.oldest_seq,
                    status.acked_seq + 1,
                    totals.totals,
                    time.time(),
                )
                with store.writing() as connection:
                    ingest_many(connection, [], [told])
            if ack:
                with store.reading() as connection:
                    state = log_state(connection, status.device_id, status.log_id)
                if state is not None:
                    cursor = cable.ack(status.log_id, min(state.coverage.mark, totals.next_seq))
                    answer["acked_seq"] = cursor - 1
    finally:
        store.close()
    _tell_imported(status.device_id, done, answer, as_json)
    if ack and not as_json:
        console().print(f"The terminal holds everything up to seq {answer['acked_seq']} for settled.")


def _image_into_database(log: ImageLog, device_id: str, db: str, as_json: bool) -> None:
    from hymio.batches import encode_batch
    from hymio.ingest import Arrival, Told, ingest_many
    from hymio.store import open_store

    done = _Imported()
    now = time.time()
    arrivals = [Arrival(device_id, batch, "import", now, "import", encode_batch(batch)) for batch in log.batches()]
    store = open_store(db, create=True)
    try:
        for at in range(0, len(arrivals), BATCHES_PER_COMMIT):
            _commit(store, arrivals[at : at + BATCHES_PER_COMMIT], done)
        with store.writing() as connection:
            told = Told(device_id, log.log_id, log.next_seq, log.oldest_seq, log.cursor, None, now)
            ingest_many(connection, [], [told])
    finally:
        store.close()
    _tell_imported(device_id, done, {}, as_json)


def _tell_imported(device_id: str, done: _Imported, more: dict[str, Any], as_json: bool) -> None:
    if done.conflicts:
        note(f"{done.conflicts} records contradict what the database holds; they are in quarantine.")
    if as_json:
        print_json({"read": done.read, "new": done.new, "duplicates": done.duplicates, **more})
        return
    console().print(
        f"{device_id}: {done.read} presses read, {done.new} of them new, {done.duplicates} had come before."
    )


def _commit(store: Store, arrivals: list[Any], done: _Imported) -> None:
    from hymio.ingest import ingest_many

    with store.writing() as connection:
        outcomes = ingest_many(connection, arrivals)
    for outcome in outcomes:
        done.new += outcome.rows
        done.duplicates += outcome.duplicates
        done.conflicts += len(outcome.conflicts)
        done.read += outcome.rows + outcome.duplicates + len(outcome.conflicts)
