"""A database with some weeks of the demo's places, and presses that come while somebody looks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hymio.office.demo_site import fill_demo
from hymio.store.arrivals import Arrival
from hymio.store.database import Store, open_store
from hymio.store.ingest import ingest_many
from hymio.wire.batches import Batch
from hymio.wire.records import VERDICT_CODES, Boot, Press, Record, Time, TimeSource

HELSINKI = ZoneInfo("Europe/Helsinki")
NOW_UTC = datetime(2026, 3, 5, 14, 20, tzinfo=HELSINKI).timestamp()
"""A Thursday afternoon: the canteen has closed, all other places are open."""
DAYS = 75


def demo_store(folder: Path, days: int = DAYS) -> Store:
    """The database, open."""
    store = open_store(str(folder / "demo.db"), create=True)
    fill_demo(store, 1, NOW_UTC, days)
    return store


class Fingers:
    """Presses a terminal, again and again: each time its log goes on."""

    def __init__(self, store: Store, device_id: str, log_id: int = 77, now_utc: float = NOW_UTC) -> None:
        """The terminal starts anew, with a new log; its presses are at about `now_utc`."""
        self.store, self.device_id, self.log_id, self.now_utc = store, device_id, log_id, now_utc
        self.seq = 0
        self.uptime_ms = 0
        self.totals = [0, 0, 0, 0]

    def press(self, *buttons: int, verdict: str = "counted", is_dated: bool = True) -> None:
        """One press after the other, all in one message that is committed when this returns."""
        records: list[Record] = []
        if self.seq == 0:
            records.append(Boot(1, 0, 1, 0))
            if is_dated:
                records.append(Time(1, 0, int(TimeSource.NTP), int(self.now_utc) - 60))
        for button in buttons:
            self.uptime_ms += 100
            records.append(Press(1, self.uptime_ms, button, VERDICT_CODES[verdict], 0, 4, 65535))
        self._send(records)
        for button in buttons:
            self.totals[button - 1] += 1

    def _send(self, records: Sequence[Record]) -> None:
        one, two, three, four = self.totals
        slots = tuple((self.seq + number, record) for number, record in enumerate(records))
        held = min(1, self.seq)
        batch = Batch(self.log_id, self.seq + 1, 1, True, self.seq, len(slots), held, 0, (one, two, three, four), slots)
        with self.store.writing() as connection:
            (outcome,) = ingest_many(connection, [Arrival(self.device_id, batch, "mqtt", self.now_utc, "test", b"")])
        assert not outcome.refused, outcome.refused
        self.seq += len(slots)
