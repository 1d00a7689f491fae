"""`hymio ledger`: whether every press is accounted for, and if not, which terminal's, how many and where."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, text

from hymio.common.output import console, note, print_json
from hymio.common.words import counted, if_one
from hymio.store import schema
from hymio.store.ingest import LogState
from hymio.store.quarantine import counts
from hymio.wire.limits import unbelievable
from hymio.wire.seq_coverage import Coverage, Span

_SHOWN: Final = ("device_id", "log_id", "pressed", "rows", "lost", "waiting", "duplicates", "balanced")

_GAPS_TOLD: Final = 5
"""So many gaps of a log have a sentence each; a flood of them would hide what else there is. --json has all."""
_LOGS_TOLD: Final = 50
"""So many logs, and as many whose messages are in quarantine, are told of in sentences."""


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

    @property
    def is_told(self) -> bool:
        """Whether there is a sentence about it."""
        return not self.balanced or bool(self.conflicts)

    def whereabouts(self) -> list[str]:
        """Sentences for what is not accounted for, for people: of many gaps only the first."""
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
        doubt = unbelievable(self.state.coverage.oldest_seq, self.state.next_seq)
        if doubt is not None:
            sentences.append(
                f"{device_id}: what has been said of its log cannot be true: {doubt}."
                " What it sends is counted, but what it lacks cannot be told."
            )
            return sentences
        gaps = self.state.coverage.open_gaps
        for first_seq, last_seq in gaps[:_GAPS_TOLD]:
            sentences.append(
                f"{device_id}: seqs {first_seq}..{last_seq} are still in its log and have not come;"
                " pull them by cable: hymio votes --port PORT --db URL."
            )
        if len(gaps) > _GAPS_TOLD:
            sentences.append(f"{device_id}: and {counted(len(gaps) - _GAPS_TOLD, 'more gap')} (--json lists them).")
        spans = self.state.coverage.spans
        reached = spans[-1].last_seq + 1 if spans else self.state.coverage.oldest_seq
        if self.state.next_seq > reached:
            sentences.append(f"{device_id}: seqs {reached}..{self.state.next_seq - 1} are in its log, not sent yet.")
        elif waiting > 0 and not gaps:
            sentences.append(f"{device_id}: what waits could not be read last time; its next message tells.")
        return sentences


# The sums of all logs, and what is said of those that don't balance: two queries, however many logs there are.
_LOGS: Final = text(
    "SELECT ledger_v1.*, logs.next_seq, logs.oldest_seq, logs.cursor_seq, logs.last_seen_utc, logs.conflicts"
    " FROM ledger_v1 JOIN logs ON logs.device_id = ledger_v1.device_id AND logs.log_id = ledger_v1.log_id"
    " ORDER BY ledger_v1.device_id, ledger_v1.log_id"
)
_SPANS_OF_OPEN: Final = text(
    "SELECT spans.* FROM ledger_v1"
    " JOIN spans ON spans.device_id = ledger_v1.device_id AND spans.log_id = ledger_v1.log_id"
    " WHERE NOT ledger_v1.balanced ORDER BY spans.device_id, spans.log_id, spans.first_seq"
)


def ledger_lines(connection: Connection) -> list[LedgerLine]:
    """One line per log, by device id. The spans of those that balance are not read: they have no gaps."""
    rows = connection.execute(_LOGS).all()
    spans: dict[tuple[str, int], list[Span]] = defaultdict(list)
    if not all(row.balanced for row in rows):
        for device_id, log_id, *values, _lost in connection.execute(_SPANS_OF_OPEN):
            spans[device_id, log_id].append(Span(*values))
    lines = []
    for row in rows:
        coverage = Coverage(spans[row.device_id, row.log_id], row.oldest_seq, row.cursor_seq)
        shown = {name: row._mapping[name] for name in _SHOWN}
        lines.append(LedgerLine(shown, LogState(coverage, row.next_seq), row.last_seen_utc, row.conflicts))
    return lines


def run_ledger(db: str, as_json: bool) -> bool:
    """Prints the ledger; whether it balances."""
    opened = schema.open_store(db)
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
        for device_id, messages in list(quarantined.items())[:_LOGS_TOLD]:
            console().print(
                f"{device_id or 'Nobody that can be named'}: {counted(messages, 'message')}"
                f" {if_one(messages, 'is', 'are')} in quarantine, not counted:"
                " hymio quarantine list --db URL shows why, release tries once more."
            )
        if len(quarantined) > _LOGS_TOLD:
            more = counted(len(quarantined) - _LOGS_TOLD, "more terminal")
            console().print(f"And messages of {more} are in quarantine (--json counts them).")
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
    told = [line for line in lines if line.is_told]
    for line in told[:_LOGS_TOLD]:
        for sentence in line.whereabouts() if not line.balanced else []:
            console().print(sentence)
        if line.conflicts:
            console().print(
                f"{line.row['device_id']}: {counted(line.conflicts, 'record')} came twice with different content;"
                f" the first {if_one(line.conflicts, 'one stands', 'ones stand')}."
            )
    if len(told) > _LOGS_TOLD:
        rest = told[_LOGS_TOLD:]
        terminals = len({line.row["device_id"] for line in rest})
        whose = f"{counted(len(rest), 'more log')} of {counted(terminals, 'terminal')}"
        console().print(f"And {whose} {if_one(len(rest), 'is', 'are')} not told of here (--json lists them).")
