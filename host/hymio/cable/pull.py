"""Reading a terminal's log by cable, and committing it as it comes, so that a cable that comes off costs nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hymio.common.errors import ANSWERED_ERROR, BROKEN_OFF, Failure
from hymio.common.output import console, error_console, note, print_json
from hymio.common.words import counted, if_one
from hymio.wire.batches import Batch
from hymio.wire.device_ids import is_device_id

if TYPE_CHECKING:
    from hymio.cable.smp_messages import StatusAnswer
    from hymio.cable.smp_session import CableSession, LogTotals
    from hymio.store.arrivals import Arrival
    from hymio.store.database import Store

BATCHES_PER_COMMIT: Final = 8
"""Some two seconds of a fast line; a computer that loses its power has to read that much again."""

Progress = Callable[[int], None]
"""Is called with the number of slots read so far."""


def pull(
    cable: CableSession, status: StatusAnswer, progress: Progress, from_seq: int = 0
) -> Iterator[tuple[Batch, bytes]]:
    """Reads the log in batches, each with its bytes, up to the newest record there is when it is reached.

    Args:
        cable: the terminal.
        status: its status.
        progress: is called with the slots read so far.
        from_seq: where to begin, if the terminal still holds it.

    Raises:
        Failure: 3, 5 or 6 as a session does; 6 too if the terminal has begun another log.
    """
    seq = max(from_seq, status.oldest_seq)
    while True:
        batch, payload = cable.records(seq, status.device_id)
        if batch.log_id != status.log_id:
            raise Failure(
                BROKEN_OFF, "The terminal has begun another log meanwhile.", "Run the command again to read that one."
            )
        if batch.slots and batch.first_seq < seq:
            raise Failure(
                ANSWERED_ERROR,
                f"The terminal was asked for seq {seq} and answered with seq {batch.first_seq}.",
                "Perhaps its firmware is newer than this hymio: take the newer hymio.",
            )
        yield batch, payload
        if batch.slots == 0:
            return
        seq = batch.last_seq + 1
        progress(seq - status.oldest_seq)


def check_counting(status: StatusAnswer) -> None:
    """Checks that the terminal has a log, and a name under which it can be kept.

    Raises:
        Failure: 5, it has not.
    """
    if not is_device_id(status.device_id):
        raise Failure(
            ANSWERED_ERROR,
            f"The terminal calls itself {status.device_id!r}, which is no name for a terminal.",
            "Give it one of 3 to 32 letters a-z, digits and hyphens: `hymio provision`.",
        )
    if status.log_id == 0:
        raise Failure(
            ANSWERED_ERROR,
            f"The terminal has no log: {status.problem or 'it does not say why'}.",
            "It does not count until this is mended; `hymio status` shows more.",
        )


@contextmanager
def progress_bar(slots: int) -> Iterator[Progress]:
    """A bar on stderr, if anybody looks at it and there is something to wait for."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = error_console()
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as bar:
        task = bar.add_task("reading", total=max(slots, 1))
        yield lambda done: bar.update(task, completed=done)


@dataclass(slots=True)
class Imported:
    """What an import has done so far, counted in presses."""

    read: int = 0
    new: int = 0
    duplicates: int = 0
    conflicts: int = 0
    refused: int = 0
    """Batches that were refused."""

    def commit(self, store: Store, arrivals: list[Arrival], pull_goes_on_at: int | None = None) -> None:
        """Ingests the batches in one transaction, which also keeps how far the pull has come, if it is a pull."""
        from hymio.cable import pull_resume
        from hymio.store.ingest import ingest_many

        if not arrivals:
            return
        with store.writing() as connection:
            outcomes = ingest_many(connection, arrivals)
            if pull_goes_on_at is not None:
                one = arrivals[-1]
                pull_resume.keep(connection, one.device_id, one.batch.log_id, pull_goes_on_at)
        for outcome in outcomes:
            self.refused += bool(outcome.refused)
            self.new += outcome.rows
            self.duplicates += outcome.duplicates
            self.conflicts += len(outcome.conflicts)
            self.read += outcome.rows + outcome.duplicates + len(outcome.conflicts)

    def tell(self, device_id: str, more: dict[str, Any], as_json: bool) -> None:
        """Prints the figures."""
        if self.conflicts:
            contradict, are = (
                if_one(self.conflicts, "contradicts", "contradict"),
                if_one(self.conflicts, "it is", "they are"),
            )
            note(f"{counted(self.conflicts, 'record')} {contradict} what the database holds; {are} in quarantine.")
        if self.refused:
            say, are = if_one(self.refused, "says", "say"), if_one(self.refused, "it is", "they are")
            parts = f"{counted(self.refused, 'part')} of the log {say} what cannot be"
            note(f"{parts}; {are} in quarantine, with the reason.")
        if as_json:
            print_json({"read": self.read, "new": self.new, "duplicates": self.duplicates, **more})
            return
        if not self.read:
            console().print(f"{device_id}: no press was left to be read; `hymio status` shows whether it counts.")
            return
        read = counted(self.read, "press")
        console().print(f"{device_id}: {read} read, {self.new} of them new, {self.duplicates} had come.")


@dataclass(slots=True)
class _Reading:
    """What has been read and not committed yet."""

    store: Store
    done: Imported
    arrivals: list[Arrival] = field(default_factory=list)

    def take(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival)
        if len(self.arrivals) >= BATCHES_PER_COMMIT:
            self.commit()

    def commit(self) -> None:
        arrivals, self.arrivals = self.arrivals, []
        if arrivals:
            newest = arrivals[-1].batch
            self.done.commit(self.store, arrivals, newest.first_seq + newest.slots)


def pull_into_database(port: str, db: str, ack: bool, as_json: bool) -> None:
    """Commits the log of the terminal on `port` to the database `db`; a pull that was broken off goes on.

    Args:
        port: a serial port or the address of one.
        db: the database.
        ack: whether the terminal's cursor is moved.
        as_json: whether the answer is JSON.

    Raises:
        Failure: 3 no terminal, 4 no database, 5 the terminal answers oddly, 6 broken off.
    """
    from hymio.cable import pull_resume
    from hymio.cable.smp_session import CableSession
    from hymio.store.database import open_store
    from hymio.store.transaction import date_on

    done = Imported()
    answer: dict[str, Any] = {}
    store = open_store(db, create=True)
    try:
        with CableSession(port) as cable:
            status = cable.status()
            check_counting(status)
            _pull_into(store, cable, status, done)
            cursor = _settle(store, cable, status, ack)
        with store.writing() as connection:
            pull_resume.forget(connection, status.device_id, status.log_id)
        while date_on(store):
            pass
    finally:
        store.close()
    if cursor is not None:
        answer["acked_seq"] = cursor - 1
    done.tell(status.device_id, answer, as_json)
    if cursor is not None and not as_json:
        console().print(f"The terminal holds everything up to seq {cursor - 1} for settled.")


def _pull_into(store: Store, cable: CableSession, status: StatusAnswer, done: Imported) -> None:
    from hymio.cable import pull_resume
    from hymio.cable.smp_session import LogTotals, four_totals
    from hymio.store.arrivals import Arrival

    with store.reading() as connection:
        from_seq = pull_resume.broken_off_at(connection, status.device_id, status.log_id)
    if from_seq is not None:
        note(f"Going on where the last reading was broken off, at seq {from_seq} of {status.next_seq}.")
    # This is what the terminal says now of all of its presses: if the cable comes off, the ledger knows that some are
    # missing.
    _told(store, status, LogTotals(status.log_id, four_totals(status.pressed), status.next_seq, status.oldest_seq))
    reading = _Reading(store, done)
    try:
        with progress_bar(status.next_seq - status.oldest_seq) as progress:
            for batch, payload in pull(cable, status, progress, from_seq or 0):
                reading.take(Arrival(status.device_id, batch, "serial", time.time(), "serial", payload))
    except Failure as failure:
        if failure.exit_status == BROKEN_OFF:
            failure.hint += " What is in the database stands, and is not read again."
        raise
    finally:
        reading.commit()


def _told(store: Store, status: StatusAnswer, totals: LogTotals) -> None:
    """Takes in what the terminal says of its log as a whole."""
    from hymio.store.arrivals import Told
    from hymio.store.ingest import ingest_many

    cursor = status.acked_seq + 1
    said = status.device_id, status.log_id, totals.next_seq, totals.oldest_seq, cursor, totals.totals
    with store.writing() as connection:
        ingest_many(connection, [], [Told(*said, time.time())])


def _settle(store: Store, cable: CableSession, status: StatusAnswer, ack: bool) -> int | None:
    """Takes the terminal's totals into the ledger; with `ack` it moves the terminal's cursor, and returns it."""
    from hymio.store.ingest import log_state

    totals = cable.totals()
    if totals.log_id == status.log_id:
        _told(store, status, totals)
    if not ack:
        return None
    with store.reading() as connection:
        state = log_state(connection, status.device_id, status.log_id)
    assert state is not None, "the batches before have made it"
    return cable.ack(status.log_id, min(state.coverage.mark, totals.next_seq))
