"""One log while a transaction works on it: what the database holds of it, and what is to be written."""

# All that a transaction does to a log is worked out in memory on top of what the database holds, and written at the
# end together with all other logs. For a batch that continues a log, the usual case, nothing of the log is read but
# its row in `logs` and its spans.

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, bindparam, text

from hymio import store
from hymio.batches import Batch, Totals
from hymio.coverage import Coverage, Span
from hymio.dating import Marker, Timeline, marker_of, rank_of, sources_better_than
from hymio.quarantine import Kept
from hymio.records import VERDICTS, Acked, Press, Record, Revise, Run, Time, decode_content, encode_content

LogKey = tuple[str, int]
"""(device_id, log_id)"""

IN_CHUNK: Final = 400
"""Values in one IN list; SQLite before 3.32 takes 999 parameters."""

_CODE_OF: Final = {verdict: code for code, verdict in enumerate(VERDICTS)}

_OF_LOG: Final = "device_id = :device_id AND log_id = :log_id"
_PRESS_COLUMNS: Final = (
    "seq, boot, uptime_ms, button, count, span_s, verdict, stored_verdict, flags, quiet_ms, edges, clock, pressed_utc,"
    " via, received_utc"
)
_PRESSES_IN: Final = text(
    f"SELECT {_PRESS_COLUMNS} FROM presses WHERE {_OF_LOG} AND seq BETWEEN :low AND :high ORDER BY seq"
)
_PRESSES_AT: Final = text(f"SELECT {_PRESS_COLUMNS} FROM presses WHERE {_OF_LOG} AND seq IN :seqs").bindparams(
    bindparam("seqs", expanding=True)
)
_COUNT_IN: Final = text(f"SELECT coalesce(sum(count), 0) FROM presses WHERE {_OF_LOG} AND seq >= :low AND seq < :high")
_BODIES_IN: Final = text(f"SELECT seq, body FROM records WHERE {_OF_LOG} AND seq BETWEEN :low AND :high")
_REVISES_IN: Final = text(
    f"SELECT target_seq, seq, code FROM records WHERE {_OF_LOG} AND target_seq BETWEEN :low AND :high"
)
_REVISES_AT: Final = text(
    f"SELECT target_seq, seq, code FROM records WHERE {_OF_LOG} AND target_seq IN :seqs"
).bindparams(bindparam("seqs", expanding=True))
# Kinds 4 and 5: boot and time. Other records are few beside them, so walking the key backwards is quick.
_MARKERS: Final = f"SELECT seq, boot, uptime_ms, utc_s, code FROM records WHERE {_OF_LOG} AND kind IN (4, 5) AND seq "
_MARKER_BELOW: Final = text(_MARKERS + "< :low ORDER BY seq DESC LIMIT 1")
_MARKERS_IN: Final = text(_MARKERS + "BETWEEN :low AND :high")
_MARKER_ABOVE: Final = text(_MARKERS + "> :high ORDER BY seq LIMIT 1")
# Boot records and the time records of certain sources: where a correction of dates ends, or comes from.
_BETTER_BELOW: Final = text(
    _MARKERS + "< :low AND (kind = 4 OR code IN :sources) ORDER BY seq DESC LIMIT 1"
).bindparams(bindparam("sources", expanding=True))
_BETTER_ABOVE: Final = text(_MARKERS + "> :high AND (kind = 4 OR code IN :sources) ORDER BY seq LIMIT 1").bindparams(
    bindparam("sources", expanding=True)
)

_END: Final = 2**62
"""Beyond any seq."""


@dataclass(slots=True)
class Outcome:
    """What became of one batch. `rows` and `duplicates` count presses; `mark` is that of the log after everything."""

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
    """What became in quarantine of a batch that contradicts; None: it does not."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A batch that came: from which terminal, by which way (`mqtt`, `serial`, `import`) and when.

    `source` and `payload` say what to keep should it contradict what is there.
    """

    device_id: str
    batch: Batch
    via: str
    received_utc: float
    source: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """What a terminal says of its log apart from any batch: its state by MQTT, status or totals by cable."""

    device_id: str
    log_id: int
    next_seq: int
    oldest_seq: int
    cursor_seq: int
    totals: Totals | None
    received_utc: float
    source: str = field(default="state", compare=False)
    payload: bytes = field(default=b"", compare=False, repr=False)


@dataclass(slots=True)
class Writes:
    """Rows to be written at the end of a transaction, in the order of the tables' columns."""

    presses: list[tuple[Any, ...]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    records: list[tuple[Any, ...]] = field(default_factory=list)
    spans: list[tuple[Any, ...]] = field(default_factory=list)
    spans_gone: list[dict[str, Any]] = field(default_factory=list)
    hourly: dict[tuple[str, int, int, str], int] = field(default_factory=lambda: defaultdict(int))


@dataclass(slots=True)
class _PressRow:
    """A row of `presses` in the making, or one of the database that may have to change."""

    record: Press | Run
    count: int
    verdict: int
    clock: str
    pressed_utc: float | None
    via: str
    received_utc: float

    @property
    def bucket(self) -> tuple[int, int, str]:
        """(hour, button, verdict) under which the hourly figures count it."""
        hour = store.NO_HOUR if self.pressed_utc is None else int(self.pressed_utc // 3600)
        return hour, self.record.button, VERDICTS[self.verdict]


class WorkingLog:
    """Takes in batches and statements; `flush` then says what to write. `row` is the log's row in `logs`."""

    def __init__(self, connection: Connection, key: LogKey, row: dict[str, Any], stored_spans: list[Span]) -> None:
        self.key = key
        self.row = row
        self.coverage = Coverage(list(stored_spans), row["oldest_seq"], row["cursor_seq"])
        self._connection = connection
        self._stored_spans = stored_spans
        self._stored_end = max((span.last_seq + 1 for span in stored_spans), default=0)
        self._new_presses: dict[int, _PressRow] = {}
        self._new_records: dict[int, Record] = {}
        self._changed: dict[int, _PressRow] = {}
        self._hourly: dict[tuple[int, int, str], int] = defaultdict(int)

    # Taking in

    def take(self, arrival: Arrival) -> Outcome:
        """Takes in a batch: what is new becomes rows, what is there already is counted, what contradicts is kept."""
        batch = arrival.batch
        outcome = Outcome(*self.key, batch.nonce, batch.first_seq, batch.last_seq)
        known = self._known(batch)
        arrived: list[tuple[int, int]] = []
        by_button = [0, 0, 0, 0]
        for seq, record in batch.records:
            is_press = isinstance(record, Press | Run)
            count = record.count if isinstance(record, Run) else 1
            before = known.get(seq) if known else None
            if before is not None:
                if before != record:
                    outcome.conflicts.append(f"seq {seq} arrived before as {before}, now as {record}")
                elif is_press:
                    outcome.duplicates += count
            elif isinstance(record, Press | Run):
                self._new_presses[seq] = _PressRow(
                    record, count, record.verdict, "unset", None, arrival.via, arrival.received_utc
                )
                arrived.append((seq, count))
                by_button[record.button - 1] += count
                outcome.rows += count
            else:
                self._new_records[seq] = record
                if isinstance(record, Acked):
                    self._cursor(record.cursor)
        for record in known.values():
            if isinstance(record, Press | Run):
                by_button[record.button - 1] += record.count if isinstance(record, Run) else 1
        self.coverage.add(
            batch.first_seq,
            batch.last_seq,
            sum(batch.totals),
            arrived,
            lambda low, high: self._rows(low, high, {seq for seq, _ in arrived}),
        )
        one, two, three, four = (before + new for before, new in zip(batch.totals, by_button, strict=True))
        self._totals(batch.last_seq + 1, (one, two, three, four))
        self._heard(batch.next_seq, batch.oldest_seq, arrival.received_utc)
        if batch.slots == 0:
            self._told_total(batch.first_seq, sum(batch.totals))
        self.row["duplicates"] += outcome.duplicates
        return outcome

    def told(self, told: Told) -> None:
        """Takes in what the terminal says of its log."""
        self._heard(told.next_seq, told.oldest_seq, told.received_utc)
        self._cursor(min(told.cursor_seq, told.next_seq))
        if told.totals is not None:
            self._totals(told.next_seq, told.totals)
            self._told_total(told.next_seq, sum(told.totals))

    def _told_total(self, seq: int, total: int) -> None:
        row = self.row
        if row["told_seq"] is None or (seq, total) > (row["told_seq"], row["told_total"]):
            row["told_seq"], row["told_total"] = seq, total
        self._settle_tail()

    def _heard(self, next_seq: int, oldest_seq: int, utc: float) -> None:
        row = self.row
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
        row = self.row
        if row["totals_seq"] is not None and seq < row["totals_seq"]:
            return
        # Totals never fall: a slot that went bad between two readings must not make presses disappear.
        for button, total in enumerate(totals, start=1):
            row[f"totals_{button}"] = max(row[f"totals_{button}"] or 0, total)
        row["totals_seq"] = seq

    # Reading

    def _ask(self, statement: Any, **given: Any) -> Any:
        return self._connection.execute(statement, {"device_id": self.key[0], "log_id": self.key[1], **given})

    def _known(self, batch: Batch) -> dict[int, Record]:
        """What is there already of the batch's range."""
        low, high = batch.first_seq, batch.last_seq
        if not self.coverage.touches(low, high):
            return {}
        known: dict[int, Record] = {}
        if self._stored(low, high):
            for row in self._ask(_PRESSES_IN, low=low, high=high):
                known[row.seq] = _press_row(row).record
            for seq, body in self._ask(_BODIES_IN, low=low, high=high):
                record = decode_content(bytes(body))
                if record is not None:
                    known[seq] = record
        known |= {seq: row.record for seq, row in self._new_presses.items() if low <= seq <= high}
        known |= {seq: record for seq, record in self._new_records.items() if low <= seq <= high}
        return known

    def _stored(self, low: int, high: int) -> bool:
        """Whether the database may hold rows with low <= seq <= high."""
        return any(span.first_seq <= high and span.last_seq >= low for span in self._stored_spans)

    def _rows(self, low: int, high: int, without: Collection[int] = ()) -> int:
        """Presses that are rows, written or not yet, with low <= seq < high, less those of the batch at hand."""
        stored = int(self._ask(_COUNT_IN, low=low, high=high).scalar_one())
        return stored + sum(
            row.count for seq, row in self._new_presses.items() if low <= seq < high and seq not in without
        )

    # Writing

    def flush(self, writes: Writes) -> None:
        """Works out verdicts and dates, and adds everything that is to be written to `writes`, and to `row`."""
        self._amend()
        self._date()
        device_id, log_id = self.key
        for row in (*self._changed.values(), *self._new_presses.values()):
            self._hourly[row.bucket] += row.count
        for (hour, button, verdict), presses in self._hourly.items():
            writes.hourly[device_id, hour, button, verdict] += presses
        writes.presses += [_press_values(device_id, log_id, seq, row) for seq, row in self._new_presses.items()]
        writes.records += [_record_values(device_id, log_id, seq, record) for seq, record in self._new_records.items()]
        for seq, row in self._changed.items():
            verdict = VERDICTS[row.verdict]
            now = {"verdict": verdict, "clock": row.clock, "pressed_utc": row.pressed_utc}
            writes.changed.append({"device_id": device_id, "log_id": log_id, "seq": seq, **now})
        for span in self._stored_spans:
            if span not in self.coverage.spans:
                writes.spans_gone.append({"device_id": device_id, "log_id": log_id, "first_seq": span.first_seq})
        for span in self.coverage.spans:
            if span not in self._stored_spans:
                writes.spans.append(
                    (
                        device_id, log_id, span.first_seq, span.last_seq, span.totals_before, span.check_seq,
                        span.totals_check, span.presses_check, span.presses, span.lost,
                    )
                )  # fmt: skip
        self.row["oldest_seq"] = self.coverage.oldest_seq
        self.row["cursor_seq"] = self.coverage.cursor_seq
        self.row["pressed"] = self._pressed()

    def _pressed(self) -> int | None:
        """Lifetime presses, from the newest totals by button, or from an older telling plus the rows since: a batch
        counts what it can read, and a telling that comes later may know of a press that it could not."""
        row = self.row
        known = [row["pressed"]] if row["pressed"] is not None else []
        if row["totals_seq"] is not None:
            known.append(sum(row[f"totals_{button}"] for button in range(1, 5)))
        known += [span.totals_check + span.presses - span.presses_check for span in self.coverage.spans[-1:]]
        return max(known, default=None)

    def _change(self, seq: int, stored: _PressRow) -> _PressRow:
        """The row of the database that is about to change, taken out of the hourly figures as it was."""
        if seq not in self._changed:
            self._hourly[stored.bucket] -= stored.count
            self._changed[seq] = stored
        return self._changed[seq]

    def _amend(self) -> None:
        newest: dict[int, tuple[int, int]] = {}

        def note(target: int, seq: int, code: int) -> None:
            newest[target] = max(newest.get(target, (-1, 0)), (seq, code))

        for seq, record in self._new_records.items():
            if isinstance(record, Revise) and record.target_seq < seq:
                note(record.target_seq, seq, record.verdict)
        # A press that fills a gap may have been revised by a record that came before it.
        filling = [seq for seq in self._new_presses if seq < self._stored_end]
        outside = [seq for seq in newest if seq not in self._new_presses]
        if filling:
            for target, seq, code in self._ask(_REVISES_IN, low=min(filling), high=max(filling)):
                note(target, seq, code)
        for chunk in chunks(outside):
            for target, seq, code in self._ask(_REVISES_AT, seqs=chunk):
                note(target, seq, code)
        for chunk in chunks(outside):
            for row in self._ask(_PRESSES_AT, seqs=chunk).all():
                press = _press_row(row)
                if isinstance(press.record, Press) and press.verdict != newest[row.seq][1]:
                    self._change(row.seq, press).verdict = newest[row.seq][1]
        for seq, (_, code) in newest.items():
            new = self._new_presses.get(seq)
            if new is not None and isinstance(new.record, Press):
                new.verdict = code

    def _date(self) -> None:
        new = [marker for seq, record in self._new_records.items() if (marker := marker_of(seq, record)) is not None]
        touched = [*self._new_presses, *(marker.seq for marker in new)]
        if not touched:
            return
        rank = max((marker.rank for marker in new), default=0)
        timeline = Timeline([*self._stored_markers(min(touched), max(touched), rank), *new])
        for seq, row in self._new_presses.items():
            row.clock, row.pressed_utc = timeline.date(seq, row.record.boot, row.record.uptime_ms)
        for low, high in _to_date_again(timeline, new):
            if not self._stored(low, high):
                continue
            for stored in self._ask(_PRESSES_IN, low=low, high=high).all():
                press = self._changed.get(stored.seq) or _press_row(stored)
                clock, pressed_utc = timeline.date(stored.seq, press.record.boot, press.record.uptime_ms)
                if (clock, pressed_utc) != (press.clock, press.pressed_utc):
                    press = self._change(stored.seq, press)
                    press.clock, press.pressed_utc = clock, pressed_utc
        last = timeline.markers[-1] if timeline.markers else None
        if last is not None and last.seq > (self.row["marker_seq"] or -1):
            self.row["marker_seq"], self.row["marker_boot"] = last.seq, last.boot
            self.row["marker_offset_ms"] = last.offset_ms

    def _stored_markers(self, low: int, high: int, rank: int) -> list[Marker]:
        """Boot and time records of the database with low <= seq <= high, and of those on either side what tells, or
        corrects, the dates of presses between. rank: of the best source among the new time records."""
        newest = self.row["marker_seq"]
        if newest is None:
            return []
        if newest < low and not rank:  # the usual case: no question at all
            return [Marker(newest, self.row["marker_boot"], self.row["marker_offset_ms"])]
        begin = low
        if rank:  # they may correct all that comes after the last record that is as good
            found = self._markers(_BETTER_BELOW, low=low, sources=sources_better_than(rank - 1))
            begin = found[0].seq if found else 0
        markers = [*self._markers(_MARKER_BELOW, low=begin), *self._markers(_MARKERS_IN, low=begin, high=high)]
        if newest > high:
            above = self._markers(_MARKER_ABOVE, high=high)
            markers += above
            while above and above[-1].offset_ms is not None and (sources := sources_better_than(above[-1].rank)):
                above = self._markers(_BETTER_ABOVE, high=above[-1].seq, sources=sources)
                markers += above
        return markers

    def _markers(self, statement: Any, **given: Any) -> list[Marker]:
        return [
            Marker(seq, boot, None) if utc_s is None else Marker(seq, boot, utc_s * 1000 - uptime_ms, rank_of(code))
            for seq, boot, uptime_ms, utc_s, code in self._ask(statement, **given)
        ]


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Pieces of `values` that fit an IN list."""
    for at in range(0, len(values), IN_CHUNK):
        yield values[at : at + IN_CHUNK]


def _press_row(row: Any) -> _PressRow:
    (_, boot, uptime_ms, button, count, span_s, verdict, stored_verdict, flags, quiet_ms, edges, clock, pressed_utc,
     via, received_utc) = row  # fmt: skip
    code = _CODE_OF[stored_verdict]
    record: Press | Run
    if span_s is None:
        record = Press(boot, uptime_ms, button, code, flags, edges, quiet_ms)
    else:
        record = Run(boot, uptime_ms, button, code, span_s, count)
    return _PressRow(record, count, _CODE_OF[verdict], clock, pressed_utc, via, received_utc)


def _press_values(device_id: str, log_id: int, seq: int, row: _PressRow) -> tuple[Any, ...]:
    record = row.record
    if isinstance(record, Run):
        span_s, flags, quiet_ms, edges = record.span_s, None, None, None
    else:
        span_s, flags, quiet_ms, edges = None, record.flags, record.quiet_ms, record.edges
    return (
        device_id, log_id, seq, record.boot, record.uptime_ms, record.button, row.count, span_s,
        VERDICTS[row.verdict], VERDICTS[record.verdict], flags, quiet_ms, edges, row.clock, row.pressed_utc, row.via,
        row.received_utc,
    )  # fmt: skip


def _record_values(device_id: str, log_id: int, seq: int, record: Record) -> tuple[Any, ...]:
    body = encode_content(record)
    boot = None if isinstance(record, Acked) else record.boot
    uptime_ms = None if isinstance(record, Acked) else record.uptime_ms
    # A press that stands after the record cannot be meant: whoever says so gets no say.
    target_seq = record.target_seq if isinstance(record, Revise) and record.target_seq < seq else None
    utc_s = record.utc_s if isinstance(record, Time) else None
    return device_id, log_id, seq, body[0] & 0x07, body[0] >> 4, boot, uptime_ms, body, target_seq, utc_s


def _to_date_again(timeline: Timeline, new: Iterable[Marker]) -> list[tuple[int, int]]:
    """Ranges of seqs whose presses may be dated otherwise now that the `new` markers are known."""
    ranges: list[tuple[int, int]] = []
    for marker in sorted(new):
        before, after = timeline.before(marker.seq), timeline.after(marker.seq)
        low = before.seq + 1 if before is not None else 0
        high = after.seq - 1 if after is not None else _END
        if marker.offset_ms is not None:
            # What follows takes its time from this record; what precedes it only if it had none before it.
            known_before = before is not None and before.offset_ms is not None and before.boot == marker.boot
            ranges.append((marker.seq + 1 if known_before else low, high))
            ranges += timeline.corrected_by(marker)
        elif after is not None:
            # A boot record that fills a gap parts presses from a time record of another boot.
            ranges.append((low, high))
    return ranges
