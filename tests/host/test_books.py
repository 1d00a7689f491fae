"""Books that must not be cooked: totals that fall, dates of another boot, one good ledger for all, marks over a gap."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from hymio.office.ledger import run_ledger
from hymio.store import schema as tables
from hymio.store.arrivals import Arrival, Told
from hymio.store.database import Store, open_store
from hymio.store.dating import Marker, Timeline
from hymio.store.ingest import ingest_many
from hymio.wire.batches import Batch, Totals
from hymio.wire.records import Press

LOG_ID = 7


def batch(first_seq: int, presses: int, totals: Totals, behind: int = 0) -> Batch:
    records = tuple((seq, Press(1, 1000 * seq, 2, 0, 0, 5, 65535)) for seq in range(first_seq, first_seq + presses))
    return Batch(LOG_ID, 1, 1, False, first_seq, presses, first_seq, behind, totals, records)


def arrived(store: Store, device_id: str, one: Batch) -> int:
    """The mark after it."""
    with store.writing() as connection:
        return ingest_many(connection, [Arrival(device_id, one, "mqtt", 1.0, "votes", b"")])[0].mark


def totals_of(store: Store, device_id: str) -> tuple[int | None, ...]:
    c = tables.logs.c
    query = select(c.totals_1, c.totals_2, c.totals_3, c.totals_4, c.pressed).where(c.device_id == device_id)
    with store.reading() as connection:
        return tuple(connection.execute(query).one())


def test_totals_never_fall(store: Store, device_id: str) -> None:
    """A slot that went bad between two readings: the terminal counts a press less."""
    arrived(store, device_id, batch(0, 3, (0, 0, 0, 0)))
    assert totals_of(store, device_id) == (0, 3, 0, 0, 3)
    for totals in ((1, 2, 0, 0), (0, 1, 0, 0)):
        with store.writing() as connection:
            ingest_many(connection, [], [Told(device_id, LOG_ID, 4, 0, 0, totals, 2.0)])
    assert totals_of(store, device_id) == (1, 3, 0, 0, 4)


def test_what_arrives_behind_a_gap_moves_no_mark(store: Store, device_id: str) -> None:
    for first_seq, mark in ((3, 0), (9, 0), (0, 6), (6, 12)):
        one = batch(first_seq, 3, (0, first_seq, 0, 0), behind=9 - first_seq)
        assert arrived(store, device_id, one) == mark, first_seq


TIME_1, TIME_2, BOOT = Marker(5, 1, 90_000), Marker(5, 2, 70_000), Marker(5, 2, None)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (TIME_1, None, ("set", 91.0)),
        (TIME_1, TIME_2, ("set", 91.0)),
        (None, TIME_1, ("dated", 91.0)),
        (BOOT, TIME_1, ("dated", 91.0)),
        (TIME_2, TIME_1, ("dated", 91.0)),
        (TIME_2, None, ("unset", None)),  # the boot record between them could not be read
        (None, TIME_2, ("unset", None)),
        (BOOT, BOOT, ("unset", None)),
    ],
)
def test_a_press_of_boot_1_is_dated_by_its_own_boot_alone(
    before: Marker | None, after: Marker | None, expected: tuple[str, float | None]
) -> None:
    markers = [replace(marker, seq=seq) for marker, seq in ((before, 5), (after, 7)) if marker is not None]
    assert Timeline(markers).date(6, 1, 1000) == expected


def test_every_log_has_to_balance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "votes.db")
    for short in ("a-last", "b-last"):
        store = open_store(path, create=True)
        for device_id in ("a-last", "b-last"):
            arrived(store, device_id, batch(0, 3, (0, 0, 0, 0)))
        assert run_ledger(path, as_json=True)
        with store.writing() as connection:
            ingest_many(connection, [], [Told(short, LOG_ID, 5, 0, 0, (0, 5, 0, 0), 2.0)])
        assert not run_ledger(path, as_json=True), short
        store.close()
        for file in tmp_path.iterdir():
            file.unlink()
    capsys.readouterr()
