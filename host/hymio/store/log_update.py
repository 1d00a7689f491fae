"""What a transaction does to one log: worked out on top of what the database holds, and written at its end."""

# All that a transaction does to a log is worked out in memory, and written at the end together with all other logs. For
# a batch that continues a log, which is the usual case, nothing of the log is read but its row in `logs` and its spans.
# What a message costs depends on what it carries and not on what the log holds: rows that are there are read only where
# the message has a record for them, and the database itself dates them again.

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, bindparam, text

from hymio.store import schema
from hymio.store.arrivals import Arrival, Told
from hymio.store.cells import minute_of
from hymio.store.dating import Marker, Timeline, marker_of
from hymio.store.log_rows import (
    BOOT,
    BUTTON,
    CLOCK,
    COUNT,
    PRESSED_UTC,
    SPAN_S,
    UPTIME_MS,
    VERDICT,
    PressValues,
    Writes,
    press_of,
    press_values,
    record_values,
)
from hymio.store.quarantine import Kept
from hymio.store.redating import date_again, stored_markers
from hymio.store.rows import chunks
from hymio.store.schema import LogKey
from hymio.wire.batches import Batch, Totals
from hymio.wire.limits import ROWS_DATED_AT_ONCE, SPANS_MAX, too_fast
from hymio.wire.records import (
    VERDICTS,
    Acked,
    Press,
    Record,
    Revise,
    Run,
    decode_content,
)
from hymio.wire.seq_coverage import Coverage, Span

_OF_LOG: Final = "device_id = :device_id AND log_id = :log_id"
_PRESS_COLUMNS: Final = ", ".join(column.name for column in schema.presses.columns)
_PRESSES_IN: Final = text(
    f"SELECT {_PRESS_COLUMNS} FROM presses WHERE {_OF_LOG} AND seq BETWEEN :low AND :high ORDER BY seq"
)
_PRESSES_AT: Final = text(f"SELECT {_PRESS_COLUMNS} FROM presses WHERE {_OF_LOG} AND seq IN :seqs").bindparams(
    bindparam("seqs", expanding=True)
)
_BODIES_AT: Final = text(f"SELECT seq, body FROM records WHERE {_OF_LOG} AND seq IN :seqs").bindparams(
    bindparam("seqs", expanding=True)
)
_COUNT_IN: Final = text(f"SELECT coalesce(sum(count), 0) FROM presses WHERE {_OF_LOG} AND seq >= :low AND seq < :high")
_BODIES_IN: Final = text(f"SELECT seq, body FROM records WHERE {_OF_LOG} AND seq BETWEEN :low AND :high")
_REVISES_AT: Final = text(
    f"SELECT target_seq, seq, code FROM records WHERE {_OF_LOG} AND target_seq IN :seqs"
).bindparams(bindparam("seqs", expanding=True))
_PRESSES: Final = (Press, Run)
_PRUNED: Final = (Press, Run, Acked, Revise)
"""What goes when presses are pruned; boot and time records stay, since they date what may still come between."""
_END: Final = 2**62
"""A seq beyond any that there is."""

_DENSE: Final = 8
"""A range is read as a whole if it has at most this many seqs for each one that is wanted."""

_FAR: Final = 2000
"""The boot and time records around records that are further apart than this are looked up separately, because much may
lie between them."""


@dataclass(slots=True)
class BatchOutcome:
    """What became of one batch.

    `rows` and `duplicates` count presses. `mark` is the mark of the log after everything. `refused` says why nothing of
    the batch was taken in (it is in quarantine then); it is empty otherwise.
    """

    device_id: str
    log_id: int
    nonce: int
    first_seq: int
    last_seq: int
    rows: int = 0
    duplicates: int = 0
    conflicts: list[str] = field(default_factory=list)
    mark: int = 0
    kept: Kept | None = None
    """What quarantine made of a batch that contradicts; None: it does not contradict."""
    refused: str = ""


class LogUpdate:
    """Takes in batches and statements of one log; `flush` says then what to write. `row` is the log's row in `logs`."""

    def __init__(self, connection: Connection, key: LogKey, row: dict[str, Any], stored_spans: list[Span]) -> None:
        """Begins with what the database holds of the log `key`."""
        self.key = key
        self.row = row
        self.coverage = Coverage(list(stored_spans), row["oldest_seq"], row["cursor_seq"], row["pruned_seq"])
        self._connection = connection
        self._stored_spans = Coverage(stored_spans)
        self._stored_end = stored_spans[-1].last_seq + 1 if stored_spans else 0
        self._new_presses: dict[int, PressValues] = {}
        self._new_records: dict[int, Record] = {}
        self._newest_next_seq = 0

    # ---- taking in ----

    def doubt(self, one: Arrival | Told) -> str | None:
        """Why what a message says of the log can't be true, or has to wait; None if it may be taken in."""
        row = self.row
        next_seq = one.batch.next_seq if isinstance(one, Arrival) else one.next_seq
        if row["pace_utc"] is None:
            row["pace_seq"], row["pace_utc"] = next_seq, one.received_utc
        # This computer's clock may have been ahead when the log was first heard of.
        row["pace_utc"] = min(row["pace_utc"], one.received_utc)
        reason = too_fast(next_seq, row["pace_seq"], one.received_utc - row["pace_utc"])
        if reason is None and isinstance(one, Arrival) and len(self.coverage.spans) >= SPANS_MAX:
            first_seq, last_seq = one.batch.first_seq, one.batch.last_seq
            if first_seq <= last_seq and not self.coverage.touches(first_seq - 1, last_seq + 1):
                reason = (
                    f"it would leave one gap more in a log that has {len(self.coverage.open_gaps)} of them;"
                    f" the first one, from seq {self.coverage.mark} on, has to be filled before"
                )
        return reason

    def take(self, arrival: Arrival, outcome: BatchOutcome) -> None:
        """Takes in a batch.

        What is new becomes rows, what is there already is counted, and what contradicts is kept.

        Args:
            arrival: the batch.
            outcome: is told how much there was of each.
        """
        batch = arrival.batch
        known = self._known(batch)
        pruned_seq = self.coverage.pruned_seq
        key, new_presses, via, received_utc = self.key, self._new_presses, arrival.via, arrival.received_utc
        arrived: list[tuple[int, int]] = []
        for seq, record in batch.records:
            before = known.get(seq)
            if before is not None and before != record:
                outcome.conflicts.append(f"seq {seq} arrived before as {before}, now as {record}")
            elif before is not None or (seq < pruned_seq and self._was_pruned(seq, record)):
                if isinstance(record, _PRESSES):
                    outcome.duplicates += record.count if isinstance(record, Run) else 1
            elif isinstance(record, _PRESSES):
                values = new_presses[seq] = press_values(key, seq, record, via, received_utc)
                arrived.append((seq, values[COUNT]))
            else:
                self._new_records[seq] = record
                if isinstance(record, Acked):
                    self._cursor(min(record.cursor, batch.next_seq))
        outcome.rows = sum(count for _, count in arrived)
        self.coverage.add(
            batch.first_seq,
            batch.last_seq,
            sum(batch.totals),
            arrived,
            lambda low, high: self._rows(low, high, {seq for seq, _ in arrived}),
        )
        self._batch_totals(batch, arrived)
        self._heard(batch.next_seq, batch.oldest_seq, arrival.received_utc)
        if batch.slots == 0:
            self._told_total(batch.first_seq, sum(batch.totals))
        self.row["duplicates"] += outcome.duplicates

    def told(self, told: Told) -> None:
        """Takes in what the terminal says of its log."""
        self._heard(told.next_seq, told.oldest_seq, told.received_utc)
        self._cursor(min(told.cursor_seq, told.next_seq))
        if told.totals is not None:
            self._totals(told.next_seq, told.totals)
            self._told_total(told.next_seq, sum(told.totals))

    def mark_after(self, last_seq: int) -> int:
        """The mark with which a batch that ended at last_seq is acknowledged."""
        return self.coverage.mark_for(self._newest_next_seq, last_seq + 1)

    def _told_total(self, seq: int, total: int) -> None:
        row = self.row
        if row["told_seq"] is None or (seq, total) > (row["told_seq"], row["told_total"]):
            row["told_seq"], row["told_total"] = seq, total
        self._settle_tail()

    def _heard(self, next_seq: int, oldest_seq: int, utc: float) -> None:
        row = self.row
        self._newest_next_seq = max(self._newest_next_seq, next_seq)
        row["next_seq"] = max(row["next_seq"], next_seq)
        row["first_seen_utc"] = min(row["first_seen_utc"], utc)
        row["last_seen_utc"] = max(row["last_seen_utc"], utc)
        self.coverage.holds_from(oldest_seq)
        self._settle_tail()

    def _settle_tail(self) -> None:
        if self.row["told_seq"] is not None:
            self.coverage.told(self.row["told_seq"], self.row["told_total"], self._rows)

    def _cursor(self, cursor_seq: int) -> None:
        self.coverage.cursor_seq = max(self.coverage.cursor_seq, cursor_seq)

    def _totals(self, seq: int, totals: Totals) -> None:
        """Takes in the lifetime totals before `seq`, as the terminal tells them."""
        row = self.row
        # The terminal never takes back what it has counted.
        row["pressed"] = max(row["pressed"] or 0, sum(totals))
        if row["totals_seq"] is not None and seq < row["totals_seq"]:
            return
        # Totals never fall: a slot that went bad between two readings must not make presses disappear.
        for button, total in enumerate(totals, start=1):
            row[f"totals_{button}"] = max(row[f"totals_{button}"] or 0, total)
        row["totals_seq"] = seq

    def _batch_totals(self, batch: Batch, arrived: Sequence[tuple[int, int]]) -> None:
        """Takes in the lifetime totals after a batch: those before it, and the presses that are new with it."""
        row = self.row
        end = batch.last_seq + 1
        since, totals = batch.first_seq, list(batch.totals)
        if row["totals_seq"] is not None and row["totals_seq"] > since:
            # Rows from totals_seq on are new ones, since those that are in the database have moved totals_seq.
            since, totals = row["totals_seq"], [row[f"totals_{button}"] for button in range(1, 5)]
        for seq, count in arrived:
            if seq >= since:
                totals[self._new_presses[seq][BUTTON] - 1] += count
        one, two, three, four = totals
        self._totals(end, (one, two, three, four))
        # This holds wherever the batch stands, and whatever else has been said of the log.
        row["pressed"] = max(row["pressed"], sum(batch.totals) + sum(count for _, count in arrived))

    # ---- reading ----

    def _ask(self, statement: Any, **given: Any) -> Any:
        return self._connection.execute(statement, {"device_id": self.key[0], "log_id": self.key[1], **given})

    def _known(self, batch: Batch) -> dict[int, Record]:
        """What is there already at the seqs for which the batch has a record."""
        if not batch.records or not self.coverage.touches(batch.records[0][0], batch.records[-1][0]):
            return {}
        known: dict[int, Record] = {}
        stored = []
        for seq, _ in batch.records:
            if seq in self._new_presses:
                known[seq] = press_of(self._new_presses[seq])
            elif seq in self._new_records:
                known[seq] = self._new_records[seq]
            else:
                stored.append(seq)
        for row in self._rows_at(_PRESSES_IN, _PRESSES_AT, stored):
            known[row.seq] = press_of(row)
        for seq, body in self._rows_at(_BODIES_IN, _BODIES_AT, stored):
            record = decode_content(bytes(body))
            if record is not None:
                known[seq] = record
        return known

    def _was_pruned(self, seq: int, record: Record) -> bool:
        """Whether there was a row for a record that is not known any more; what could not be read then stays lost."""
        return isinstance(record, _PRUNED) and self.coverage.touches(seq, seq)

    def _rows_at(self, in_range: Any, at_seqs: Any, seqs: Sequence[int]) -> Iterator[Any]:
        """The rows of the database with these ascending seqs, and perhaps some between them."""
        if not seqs or not self._stored(seqs[0], seqs[-1]):
            return
        if seqs[-1] - seqs[0] < _DENSE * len(seqs):
            yield from self._ask(in_range, low=seqs[0], high=seqs[-1])
            return
        for chunk in chunks(seqs):
            yield from self._ask(at_seqs, seqs=chunk)

    def _stored(self, low: int, high: int) -> bool:
        """Whether the database may hold rows with low <= seq <= high."""
        return self._stored_spans.touches(low, high)

    def _rows(self, low: int, high: int, without: Collection[int] = ()) -> int:
        """Presses that are rows, written or not, with low <= seq < high; those of the batch at hand are left out."""
        stored = int(self._ask(_COUNT_IN, low=low, high=high).scalar_one())
        return stored + sum(
            int(values[COUNT]) for seq, values in self._new_presses.items() if low <= seq < high and seq not in without
        )

    # ---- writing ----

    def flush(self, writes: Writes) -> None:
        """Works out verdicts and dates, and adds everything that is to be written to `writes` and to `row`.

        Rows of the database that have to be dated again are dated at once, by the database.
        """
        self._date(writes)
        self._amend(writes)
        device_id, log_id = self.key
        presses = list(self._new_presses.values())
        writes.presses += presses
        writes.minutes[device_id] += [
            (minute_of(row[PRESSED_UTC]), row[BUTTON], row[VERDICT], row[COUNT]) for row in presses
        ]
        writes.records += [record_values(device_id, log_id, seq, record) for seq, record in self._new_records.items()]
        self._flush_spans(writes)
        coverage = self.coverage
        self.row |= {
            "oldest_seq": coverage.oldest_seq,
            "cursor_seq": coverage.cursor_seq,
            "pressed": self._pressed(),
            "presses": coverage.presses,
            "lost": coverage.lost,
            "open_gaps": len(coverage.open_gaps),
        }

    def _flush_spans(self, writes: Writes) -> None:
        device_id, log_id = self.key
        stored = {span.first_seq: span for span in self._stored_spans.spans}
        for span in self.coverage.spans:
            before = stored.pop(span.first_seq, None)
            if span == before:
                continue
            (writes.spans if before is None else writes.spans_changed).append(
                (
                    device_id, log_id, span.first_seq, span.last_seq, span.totals_before, span.check_seq,
                    span.totals_check, span.presses_check, span.presses, span.lost,
                )
            )  # fmt: skip
        for first_seq in stored:
            writes.spans_gone.append({"device_id": device_id, "log_id": log_id, "first_seq": first_seq})

    def _pressed(self) -> int | None:
        """Lifetime presses: the newest totals by button, or an older statement and the rows since then.

        A batch counts what can be read of it; a later statement may know of a press that could not be.
        """
        row = self.row
        known = [row["pressed"]] if row["pressed"] is not None else []
        if row["totals_seq"] is not None:
            known.append(sum(row[f"totals_{button}"] for button in range(1, 5)))
        known += [span.totals_check + span.presses - span.presses_check for span in self.coverage.spans[-1:]]
        return max(known, default=None)

    def _amend(self, writes: Writes) -> None:
        newest: dict[int, tuple[int, int]] = {}

        def note(target: int, seq: int, code: int) -> None:
            newest[target] = max(newest.get(target, (-1, 0)), (seq, code))

        for seq, record in self._new_records.items():
            if isinstance(record, Revise) and record.target_seq < seq:
                note(record.target_seq, seq, record.verdict)
        # A press that fills a gap may have been revised by a record that came before it.
        filling = [seq for seq in self._new_presses if seq < self._stored_end]
        outside = [seq for seq in newest if seq not in self._new_presses]
        for chunk in chunks([*filling, *outside]):
            for target, seq, code in self._ask(_REVISES_AT, seqs=chunk):
                note(target, seq, code)
        device_id, log_id = self.key
        for chunk in chunks(outside):
            for row in self._ask(_PRESSES_AT, seqs=chunk).all():
                verdict = VERDICTS[newest[row.seq][1]]
                if row.span_s is None and row.verdict != verdict:
                    at = minute_of(row.pressed_utc), row.button
                    writes.minutes[device_id] += [(*at, row.verdict, -1), (*at, verdict, 1)]
                    writes.amended.append(
                        {"device_id": device_id, "log_id": log_id, "seq": row.seq, "verdict": verdict}
                    )
        for seq, (_, code) in newest.items():
            new = self._new_presses.get(seq)
            if new is not None and new[SPAN_S] is None:
                new[VERDICT] = VERDICTS[code]

    def _date(self, writes: Writes) -> None:
        markers = {seq: marker for seq, record in self._new_records.items() if (marker := marker_of(seq, record))}
        touched = sorted([*self._new_presses, *markers])
        again: list[tuple[int, int]] = []
        begin = 0
        for end in range(1, len(touched) + 1):
            if end == len(touched) or touched[end] - touched[end - 1] > _FAR:
                again += self._date_new(touched[begin:end], markers)
                begin = end
        most = ROWS_DATED_AT_ONCE
        for low, high in _merged(again):
            dated = date_again(self._connection, self.key, markers.values(), low, high, most)
            most -= dated.rows
            writes.minutes[self.key[0]] += dated.minutes

    def _date_new(self, touched: Sequence[int], markers: dict[int, Marker]) -> list[tuple[int, int]]:
        """Dates the new presses among the seqs `touched`.

        Args:
            touched: ascending.
            markers: all new ones, by seq.

        Returns:
            The ranges of stored presses that the new markers among these seqs concern.
        """
        rank = max((markers[seq].rank for seq in touched if seq in markers), default=0)
        timeline = Timeline([*self._stored_markers(touched[0], touched[-1], rank), *markers.values()])
        new = []
        boot = until = -1
        for seq in touched:
            row = self._new_presses.get(seq)
            if row is None:
                new.append(markers[seq])
                boot = -1
                continue
            if row[BOOT] != boot or seq > until:
                boot = row[BOOT]
                clock, offset_ms = timeline.offset(seq, boot)
                following = timeline.after(seq)
                until = following.seq if following is not None else _END
            row[CLOCK] = clock
            if offset_ms is not None:
                row[PRESSED_UTC] = (offset_ms + row[UPTIME_MS]) / 1000
        last = timeline.markers[-1] if timeline.markers else None
        if last is not None and last.seq > (-1 if self.row["marker_seq"] is None else self.row["marker_seq"]):
            self.row["marker_seq"], self.row["marker_boot"] = last.seq, last.boot
            self.row["marker_offset_ms"] = last.offset_ms
        return [(low, high) for low, high in _to_date_again(timeline, new) if self._stored(low, high)]

    def _stored_markers(self, low: int, high: int, rank: int) -> list[Marker]:
        """What of the database dates the presses with low <= seq <= high; see `stored_markers` in `redating`."""
        newest = self.row["marker_seq"]
        if newest is None:
            return []
        if newest < low and not rank:  # this is the usual case, and it takes no query at all
            return [Marker(newest, self.row["marker_boot"], self.row["marker_offset_ms"])]
        return stored_markers(self._connection, self.key, low, high, rank)


def _to_date_again(timeline: Timeline, new: Iterable[Marker]) -> list[tuple[int, int]]:
    """The ranges of seqs whose presses may have another date now that the `new` markers are known."""
    ranges: list[tuple[int, int]] = []
    for marker in sorted(new):
        before, after = timeline.before(marker.seq), timeline.after(marker.seq)
        low = before.seq + 1 if before is not None else 0
        high = after.seq - 1 if after is not None else _END
        if marker.offset_ms is not None:
            # What follows takes its time from this record; what precedes it does so only if it had no time record
            # before it.
            known_before = before is not None and before.offset_ms is not None and before.boot == marker.boot
            ranges.append((marker.seq + 1 if known_before else low, high))
            ranges += timeline.corrected_by(marker)
        elif after is not None:
            # A boot record that fills a gap separates presses from a time record of another boot.
            ranges.append((low, high))
    return ranges


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same seqs, in ranges that do not overlap, in order."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1]:
            low, high = merged[-1][0], max(high, merged.pop()[1])
        merged.append((low, high))
    return merged
