"""`hymio ledger`: whether every press is accounted for, and if not, which terminal's, how many and where."""

from __future__ import annotations

import time
from typing import Final

from hymio.common.output import console, note, print_json
from hymio.common.words import counted, if_one
from hymio.store.database import open_store
from hymio.store.ledger import LedgerLine, ledger_lines
from hymio.store.quarantine import counts
from hymio.wire.limits import unbelievable

_GAPS_TOLD: Final = 5
"""How many gaps of a log have a sentence each; a flood of them would hide everything else. --json lists all."""
_LOGS_TOLD: Final = 50
"""How many logs, and how many terminals with messages in quarantine, have sentences of their own."""


def run_ledger(db: str, as_json: bool) -> bool:
    """Prints the ledger; gives whether it balances."""
    opened = open_store(db)
    try:
        with opened.reading() as connection:
            lines = ledger_lines(connection)
            quarantined = counts(connection)
    finally:
        opened.close()
    # Messages that nobody has decided about may hold presses, so it is not known then whether all are accounted for.
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
    told = [line for line in lines if not line.balanced or line.conflicts]
    for line in told[:_LOGS_TOLD]:
        for sentence in _whereabouts(line) if not line.balanced else []:
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


def _whereabouts(line: LedgerLine) -> list[str]:
    """Sentences for people about what is not accounted for; of many gaps only about the first ones."""
    device_id, waiting = line.row["device_id"], line.row["waiting"]
    seen = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(line.last_seen_utc))
    sentences = []
    if line.row["pressed"] is None:
        sentences.append(f"{device_id}: it has not told its totals yet (last heard {seen}).")
    elif waiting > 0:
        wait = if_one(waiting, "waits", "wait")
        sentences.append(f"{device_id}: {counted(waiting, 'press')} {wait}, as of {seen}, when it was last heard.")
    elif waiting < 0:
        have = if_one(-waiting, "has", "have")
        sentences.append(f"{device_id}: {counted(-waiting, 'press')} more {have} arrived than the terminal counts.")
    doubt = unbelievable(line.state.coverage.oldest_seq, line.state.next_seq)
    if doubt is not None:
        sentences.append(
            f"{device_id}: what has been said of its log cannot be true: {doubt}."
            " What it sends is counted, but what it lacks cannot be told."
        )
        return sentences
    gaps = line.state.coverage.open_gaps
    for first_seq, last_seq in gaps[:_GAPS_TOLD]:
        sentences.append(
            f"{device_id}: seqs {first_seq}..{last_seq} are still in its log and have not come;"
            " pull them by cable: hymio votes --port PORT --db URL."
        )
    if len(gaps) > _GAPS_TOLD:
        sentences.append(f"{device_id}: and {counted(len(gaps) - _GAPS_TOLD, 'more gap')} (--json lists them).")
    spans = line.state.coverage.spans
    reached = spans[-1].last_seq + 1 if spans else line.state.coverage.oldest_seq
    if line.state.next_seq > reached:
        sentences.append(f"{device_id}: seqs {reached}..{line.state.next_seq - 1} are in its log, not sent yet.")
    elif waiting > 0 and not gaps:
        sentences.append(f"{device_id}: what waits could not be read last time; its next message tells.")
    return sentences
