"""`hymio ledger`: whether every press is accounted for, and if not, which terminal's, how many and where."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, text

from hymio import store
from hymio.ingest import LogState, log_state
from hymio.output import console, note, print_json
from hymio.quarantine import counts
from hymio.words import counted, if_one


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One log: a row of the view `ledger_v1`, and what explains it."""

    row: dict[str, Any]
    state: LogState
    last_seen_utc: float
    conflicts: int

    @property
    def balanced(self) -> bool:
        """Nothing waits and no gap is open."""
        return bool(self.row["balanced"])

    def as_json(self) -> dict[str, Any]:
        """Its object in the contract's ledger."""
        return self.row | {
            "balanced": self.balanced,
            "open_gaps": [list(gap) for gap in self.state.coverage.open_gaps],
        }

    def whereabouts(self) -> list[str]:
        """Sentences for what is not accounted for."""
        device_id, waiting = self.row["device_id"], self.row["waiting"]
        seen = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.last_seen_utc))
        sentences = []
        if self.row["pressed"] is None:
            sentences.append(f"{device_id}: it has not told its totals yet (last heard {seen}).")
        elif waiting > 0:
            wait = if_one(waiting, "waits", "wait")
            sentences.append(f"{device_id}: {counted(waiting, 'press')} {wait}, as of {seen}, when it was last heard.")
        elif waiting < 0:
            have = if_one(-waiting, "has", "have")
            sentences.append(f"{device_id}: {counted(-waiting, 'press')} more {have} arrived than the terminal counts.")
        for first_seq, last_seq in self.state.coverage.open_gaps:
            sentences.append(
                f"{device_id}: seqs {first_seq}..{last_seq} are still in its log and have not come;"
                " pull them by cable: hymio votes --port PORT --db URL."
            )
        spans = self.state.coverage.spans
        reached = spans[-1].last_seq + 1 if spans else self.state.coverage.oldest_seq
        if self.state.next_seq > reached:
            sentences.append(f"{device_id}: seqs {reached}..{self.state.next_seq - 1} are in its log, not sent yet.")
        elif waiting > 0 and not self.state.coverage.open_gaps:
            sentences.append(f"{device_id}: what waits could not be read last time; its next message tells.")
        return sentences


def ledger_lines(connection: Connection) -> list[LedgerLine]:
    """One line per log, by device id."""
    lines = []
    logs = {
        (row.device_id, row.log_id): row
        for row in connection.execute(
            select(store.logs.c.device_id, store.logs.c.log_id, store.logs.c.last_seen_utc, store.logs.c.conflicts)
        )
    }
    for row in connection.execute(text("SELECT * FROM ledger_v1 ORDER BY device_id, log_id")).all():
        key = (row.device_id, row.log_id)
        state = log_state(connection, *key)
        if state is not None:
            lines.append(LedgerLine(dict(row._mapping), state, logs[key].last_seen_utc, logs[key].conflicts))
    return lines


def run_ledger(db: str, as_json: bool) -> bool:
    """Prints the ledger; whether it balances."""
    opened = store.open_store(db)
    try:
        with opened.reading() as connection:
            lines = ledger_lines(connection)
            quarantined = counts(connection)
    finally:
        opened.close()
    # What nobody has decided about may hold presses: then it is not known whether all are accounted for.
    balanced = all(line.balanced for line in lines) and not quarantined
    if as_json:
        terminals = [line.as_json() | {"quarantined": quarantined.get(line.row["device_id"], 0)} for line in lines]
        print_json({"balanced": balanced, "quarantined": sum(quarantined.values()), "terminals": terminals})
    else:
        _show(lines)
        for device_id, messages in quarantined.items():
            console().print(
                f"{device_id or 'Nobody that can be named'}: {messages}"
                f" message{'s are' if messages > 1 else ' is'} in quarantine, not counted:"
                " hymio quarantine list --db URL shows why, release tries once more."
            )
    return balanced


def _show(lines: list[LedgerLine]) -> None:
    from rich.table import Table

    if not lines:
        note("No terminal has been heard of yet.")
        return
    table = Table(box=None)
    for column in ("terminal", "log", "pressed", "rows", "lost", "waiting", "came twice", ""):
        table.add_column(column, justify="left" if column in ("terminal", "log", "") else "right")
    for line in lines:
        row = line.row
        pressed = "?" if row["pressed"] is None else str(row["pressed"])
        sums = [str(row[name]) for name in ("rows", "lost", "waiting", "duplicates")]
        verdict = "balanced" if line.balanced else "[bold red]open[/]"
        table.add_row(row["device_id"], f"{row['log_id']:08x}", pressed, *sums, verdict)
    console().print(table)
    for line in lines:
        for sentence in line.whereabouts() if not line.balanced else []:
            console().print(sentence)
        if line.conflicts:
            console().print(
                f"{line.row['device_id']}: {counted(line.conflicts, 'record')} came twice with different content;"
                f" the first {if_one(line.conflicts, 'one stands', 'ones stand')}."
            )
