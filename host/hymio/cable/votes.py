"""`hymio votes`: every press still in a terminal's log, read by cable or from a dump of its flash."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from hymio.common.errors import ANSWER_NO, WRONG_USE, Failure
from hymio.common.output import console, note, print_json, print_line
from hymio.common.words import counted, if_one
from hymio.measures.happy_index import FACES
from hymio.store.log_reading import LoggedPress, read_presses
from hymio.wire.device_ids import is_device_id
from hymio.wire.records import SECTOR_BYTES, Record

if TYPE_CHECKING:
    from hymio.cable.log_image import ImageLog

UNNAMED: Final = "image"
"""The name of an image's terminal, if nobody says which one it is."""

_BATCHES_PER_COMMIT: Final = 50

Form = Literal["table", "csv", "json"]
"""How presses are printed."""


def run_votes(port: str | None, db: str | None, ack: bool, form: Form) -> None:
    """Prints every press in the log of the terminal on `port`, or commits them to the database `db`.

    Args:
        port: a serial port or the address of one; None: the only one there is.
        db: the database; None: the presses are printed.
        ack: whether the terminal's cursor is moved.
        form: how presses are printed.

    Raises:
        Failure: 2 wrong use, 3 no terminal, 4 no database, 5 the terminal answers oddly, 6 broken off.
    """
    from hymio.cable.ports import choose_port
    from hymio.cable.pull import pull_into_database

    if ack and db is None:
        raise Failure(
            WRONG_USE,
            "--ack without --db would free votes that are nowhere else.",
            "Give the database that keeps them: --db votes.db --ack.",
        )
    chosen = choose_port(port)
    if db is not None:
        pull_into_database(chosen, db, ack, form == "json")
        return
    _print(_read_whole(chosen), form)


def run_image(path: Path, device_id: str | None, mac: str | None, db: str | None, form: Form) -> None:
    """Prints every press in the log of the image `path`, or commits them to the database `db` as those of `device_id`.

    Raises:
        Failure: 1 there is no log in it, or a part of it can't be read; 2 wrong use, 4 no database, 5 a newer format.
    """
    from hymio.cable.log_image import parse_mac, read_image

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
        _print(read_presses(device_id or UNNAMED, log.log_id, log.records), form)
    else:
        _image_into_database(log, device_id, db, form == "json")
    _, gone = log.unreadable()
    if gone:
        raise Failure(
            ANSWER_NO,
            f"The image is damaged: {counted(gone, 'press')} of the log {if_one(gone, 'is', 'are')} in sectors of which"
            " nothing can be read.",
            "All others have been taken. Dump the partition once more: perhaps only the dump is bad.",
        )


def _image(path: Path) -> bytes:
    try:
        image = path.read_bytes()
    except OSError as error:
        raise Failure(
            WRONG_USE, f"{path} can't be read: {error.strerror}.", "Give a dump of the partition `votes`."
        ) from error
    if not image or len(image) % SECTOR_BYTES:
        raise Failure(
            WRONG_USE,
            f"{path} has {counted(len(image), 'byte')}: a dump of the partition `votes` has a multiple of"
            f" {SECTOR_BYTES}.",
            "Dump the whole partition, from its first byte to its last.",
        )
    return image


def _tell_of_damage(log: ImageLog) -> None:
    rotten, _ = log.unreadable()
    counts = ((log.burned, "burned slot"), (log.damaged_headers, "damaged header"), (rotten, "unreadable press"))
    if any(count for count, _ in counts):
        note("In the image: " + ", ".join(counted(count, what) for count, what in counts) + ".")
    for (chip, log_id), sectors in log.others.items():
        whose = "the same chip" if chip == log.chip else "another chip (--mac tells which one is read)"
        note(f"The image holds {counted(sectors, 'sector')} of log {log_id} of {whose}, too; log {log.log_id} is read.")


def _print(presses: list[LoggedPress], form: Form) -> None:
    if form == "table":
        _show(presses)
        return
    if form == "csv":
        print_line(",".join(LoggedPress.__slots__))
    for press in presses:
        if form == "json":
            print_json(press.as_json())
        else:
            print_line(",".join(_cell(value) for value in press.as_json().values()))
    if not presses:
        note(_NONE)


_NONE: Final = "There is no press in the log; `hymio status` shows whether the terminal counts, and since when."


def _cell(value: object) -> str:
    """A value of a line of CSV. No text of ours needs quotes; true is 1, as in the view presses_v1."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)


def _read_whole(port: str) -> list[LoggedPress]:
    from hymio.cable.pull import check_counting, progress_bar, pull
    from hymio.cable.smp_session import CableSession

    records: dict[int, Record] = {}
    with CableSession(port) as cable:
        status = cable.status()
        check_counting(status)
        with progress_bar(status.next_seq - status.oldest_seq) as progress:
            for batch, _ in pull(cable, status, progress):
                records.update(batch.records)
    return read_presses(status.device_id, status.log_id, records)


def _show(presses: list[LoggedPress]) -> None:
    from rich.table import Table

    if not presses:
        note(_NONE)
        return
    table = Table("seq", "when", "button", "verdict", "presses", box=None)
    for press in presses:
        when = f"start {press.boot}, {press.uptime_ms / 1000:.1f} s after it"
        if press.pressed_utc is not None:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(press.pressed_utc))
            when += " (worked out later)" if press.clock == "dated" else ""
        style = None if press.is_vote else "dim"
        table.add_row(
            str(press.seq),
            when,
            f"{press.button} {FACES[press.button - 1]}",
            press.verdict,
            str(press.count),
            style=style,
        )
    console().print(table)
    votes = sum(press.count for press in presses if press.is_vote)
    presses_and = counted(sum(press.count for press in presses), "press")
    note(f"{presses_and}, {votes} of them {if_one(votes, 'a vote', 'votes')}.")
    undated = sum(press.count for press in presses if press.pressed_utc is None)
    if undated:
        note(
            f"{undated} of them {if_one(undated, 'has', 'have')} no date: the clock was not set from that start of the"
            " terminal to its next one."
            " `hymio clock --set` dates those of its present start."
        )


def _image_into_database(log: ImageLog, device_id: str, db: str, as_json: bool) -> None:
    from hymio.cable.pull import Imported
    from hymio.store.arrivals import Arrival, Told
    from hymio.store.database import open_store
    from hymio.store.ingest import ingest_many
    from hymio.store.transaction import date_on
    from hymio.wire.batches import encode_batch

    done = Imported()
    now = time.time()
    arrivals = [
        Arrival(device_id, batch, "import", now, "import", encode_batch(batch, device_id)) for batch in log.batches()
    ]
    store = open_store(db, create=True)
    try:
        for at in range(0, len(arrivals), _BATCHES_PER_COMMIT):
            done.commit(store, arrivals[at : at + _BATCHES_PER_COMMIT])
        with store.writing() as connection:
            told = Told(device_id, log.log_id, log.next_seq, log.oldest_seq, log.cursor, None, now)
            ingest_many(connection, [], [told])
        while date_on(store):
            pass
    finally:
        store.close()
    done.tell(device_id, {}, as_json)
