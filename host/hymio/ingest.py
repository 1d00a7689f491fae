"""Batches into rows, exactly once, whatever their order; verdicts, dates, coverage and figures kept right with them."""

# All that a transaction does to one log is worked out in memory on top of what the database holds, and written at
# the end in a few statements: a live batch costs two small reads and the inserts themselves.

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, delete, func, select, text, tuple_, update

from hymio import store
from hymio.batches import Batch, Totals
from hymio.coverage import Coverage, Span
from hymio.dating import Marker, Timeline, marker_of
from hymio.quarantine import put_in_quarantine
from hymio.records import (
    VERDICTS,
    Acked,
    Kind,
    Press,
    Record,
    Revise,
    Run,
    Time,
    decode_content,
    encode_content,
)

LogKey = tuple[str, int]
"""(device_id, log_id)"""

_IN_CHUNK: Final = 400
"""Values in one IN list; SQLite before 3.32 takes 999 parameters."""

_CODE_OF: Final = {verdict: code for code, verdict in enumerate(VERDICTS)}


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


@dataclass(slots=True)
class _PressRow:
    """A row of `presses` in the making, or one of the database that may have to change."""

    record: Press | Run
    verdict: int
    clock: str
    pressed_utc: float | None
    via: str
    received_utc: float

    @property
    def count(self) -> int:
        return self.record.count if isinstance(self.record, Run) else 1

    @property
    def bucket(self) -> tuple[int, int, str]:
        """(hour, button, verdict) under which the hourly figures count it."""
        hour = store.NO_HOUR if self.pressed_utc is None else int(self.pressed_utc // 3600)
        return hour, self.record.button, VERDICTS[self.verdict]


class _Log:
    """One log while a transaction works on it."""

    def __init__(self, connection: Connection, key: LogKey, row: dict[str, Any], stored: list[Span]) -> None:
        self.connection = connection
        self.key = key
        self.row = row
        self.stored_spans = stored
        self.coverage = Coverage(list(stored), row["oldest_seq"], row["cursor_seq"])
        self.new_presses: dict[int, _PressRow] = {}
        self.new_records: dict[int, Record] = {}
        self.hourly: dict[tuple[int, int, str], int] = defaultdict(int)

    # Taking in

    def take(self, arrival: Arrival) -> Outcome:
        batch = arrival.batch
        outcome = Outcome(*self.key, batch.nonce, batch.first_seq, batch.last_seq)
        known = self._known(batch)
        arrived: list[tuple[int, int]] = []
        by_button = [0, 0, 0, 0]
        for seq, record in batch.records:
            before = known.get(seq)
            counts = record.count if isinstance(record, Run) else 1
            if before is not None:
                if before != record:
                    outcome.conflicts.append(f"seq {seq} arrived before as {before}, now as {record}")
                elif isinstance(record, Press | Run):
                    outcome.duplicates += counts
                continue
            if isinstance(record, Press | Run):
                row = _PressRow(record, record.verdict, "unset", None, arrival.via, arrival.received_utc)
                self.new_presses[seq] = row
                arrived.append((seq, counts))
                by_button[record.button - 1] += counts
                outcome.rows += counts
            else:
                self.new_records[seq] = record
                if isinstance(record, Acked):
                    self._cursor(record.cursor)
        for record in known.values():
            if isinstance(record, Press | Run):
                by_button[record.button - 1] += record.count if isinstance(record, Run) else 1
        new = {seq for seq, _ in arrived}
        self.coverage.add(
            batch.first_seq, batch.last_seq, sum(batch.totals), arrived, lambda low, high: self._rows(low, high, new)
        )
        totals = batch.totals
        after: Totals = (
            totals[0] + by_button[0],
            totals[1] + by_button[1],
            totals[2] + by_button[2],
            totals[3] + by_button[3],
        )
        self._totals(batch.last_seq + 1, after)
        self._heard(batch.next_seq, batch.oldest_seq, arrival.received_utc)
        if batch.slots == 0:
            self._told_total(batch.first_seq, sum(batch.totals))
        self.row["duplicates"] += outcome.duplicates
        for reason in outcome.conflicts:
            if put_in_quarantine(
                self.connection,
                self.key[0],
                arrival.source,
                f"conflict: {reason}",
                arrival.payload,
                arrival.received_utc,
            ):
                self.row["conflicts"] += 1
        return outcome

    def told(self, told: Told) -> None:
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

    def _known(self, batch: Batch) -> dict[int, Record]:
        """What is there already of the batch's range."""
        if not self.coverage.touches(batch.first_seq, batch.last_seq):
            return {}
        known: dict[int, Record] = {}
        if any(s.first_seq <= batch.last_seq and s.last_seq >= batch.first_seq for s in self.stored_spans):
            for seq, row in self._stored_presses(batch.first_seq, batch.last_seq):
                known[seq] = row.record
            table = store.records
            query = select(table.c.seq, table.c.body).where(self._of(table), _between(table, batch))
            for seq, body in self.connection.execute(query):
                record = decode_content(bytes(body))
                if record is not None:
                    known[seq] = record
        for seq, row in self.new_presses.items():
            if batch.first_seq <= seq <= batch.last_seq:
                known[seq] = row.record
        for seq, record in self.new_records.items():
            if batch.first_seq <= seq <= batch.last_seq:
                known[seq] = record
        return known

    def _rows(self, low: int, high: int, without: Collection[int] = ()) -> int:
        """Presses that are rows, written or not yet, with low <= seq < high, less those of the batch at hand."""
        table = store.presses
        query = select(func.coalesce(func.sum(table.c["count"]), 0))
        query = query.where(self._of(table), table.c.seq >= low, table.c.seq < high)
        stored = int(self.connection.execute(query).scalar_one())
        return stored + sum(
            row.count for seq, row in self.new_presses.items() if low <= seq < high and seq not in without
        )

    def _of(self, table: Any) -> Any:
        return and_(table.c.device_id == self.key[0], table.c.log_id == self.key[1])

    def _stored_presses(self, low: int, high: int | None) -> Iterator[tuple[int, _PressRow]]:
        table = store.presses
        where = [self._of(table), table.c.seq >= low]
        if high is not None:
            where.append(table.c.seq <= high)
        return map(_press_row, self.connection.execute(select(table).where(*where).order_by(table.c.seq)))

    # Writing

    def flush(self) -> None:
        """Verdicts, dates, then all rows; nothing of the log is in memory only afterwards."""
        changed: dict[int, _PressRow] = {}
        self._amend(changed)
        self._date(changed)
        self._write(changed)

    def _change(self, changed: dict[int, _PressRow], seq: int, row: _PressRow) -> _PressRow:
        """`row`, of the database, is about to change: takes it out of the hourly figures as it was."""
        if seq not in changed:
            self.hourly[row.bucket] -= row.count
            changed[seq] = row
        return changed[seq]

    def _amend(self, changed: dict[int, _PressRow]) -> None:
        newest: dict[int, tuple[int, int]] = {}

        def note(target: int, seq: int, code: int) -> None:
            newest[target] = max(newest.get(target, (-1, 0)), (seq, code))

        for seq, record in self.new_records.items():
            if isinstance(record, Revise):
                note(record.target_seq, seq, record.verdict)
        # A press that fills a gap may have been revised by a record that came before it.
        top = max((span.last_seq for span in self.stored_spans), default=-1)
        filling = [seq for seq in self.new_presses if seq < top]
        outside = [seq for seq in newest if seq not in self.new_presses]
        table = store.records
        revises = select(table.c.target_seq, table.c.seq, table.c.code).where(self._of(table))
        if filling:
            query = revises.where(table.c.target_seq.between(min(filling), max(filling)))
            for target, seq, code in self.connection.execute(query):
                note(target, seq, code)
        for chunk in _chunks(outside):
            for target, seq, code in self.connection.execute(revises.where(table.c.target_seq.in_(chunk))):
                note(target, seq, code)
        for chunk in _chunks(outside):
            rows = select(store.presses).where(self._of(store.presses), store.presses.c.seq.in_(chunk))
            for seq, row in map(_press_row, self.connection.execute(rows).all()):
                if isinstance(row.record, Press) and row.verdict != newest[seq][1]:
                    self._change(changed, seq, row).verdict = newest[seq][1]
        for seq, row in self.new_presses.items():
            if seq in newest and isinstance(row.record, Press):
                row.verdict = newest[seq][1]

    def _date(self, changed: dict[int, _PressRow]) -> None:
        new = [marker for seq, record in self.new_records.items() if (marker := marker_of(seq, record)) is not None]
        touched = [*self.new_presses, *(marker.seq for marker in new)]
        if not touched:
            return
        timeline = Timeline([*self._stored_markers(min(touched), max(touched)), *new])
        for seq, row in self.new_presses.items():
            row.clock, row.pressed_utc = timeline.date(seq, row.record.boot, row.record.uptime_ms)
        if not self.stored_spans:
            return
        for low, high in _to_date_again(timeline, new):
            if not any(span.last_seq >= low and (high is None or span.first_seq <= high) for span in self.stored_spans):
                continue
            for seq, stored in self._stored_presses(low, high):
                row = changed.get(seq, stored)
                clock, pressed_utc = timeline.date(seq, row.record.boot, row.record.uptime_ms)
                if (clock, pressed_utc) != (row.clock, row.pressed_utc):
                    row = self._change(changed, seq, row)
                    row.clock, row.pressed_utc = clock, pressed_utc

    def _stored_markers(self, low: int, high: int) -> list[Marker]:
        """Boot and time records of the database with low <= seq <= high, and the nearest one on either side."""
        if not self.stored_spans:
            return []
        table = store.records
        columns = select(table.c.seq, table.c.boot, table.c.uptime_ms, table.c.utc_s)
        of_log = columns.where(self._of(table), table.c.kind.in_([Kind.BOOT, Kind.TIME]))
        found = [
            *self.connection.execute(of_log.where(table.c.seq < low).order_by(table.c.seq.desc()).limit(1)),
            *self.connection.execute(of_log.where(table.c.seq.between(low, high))),
            *self.connection.execute(of_log.where(table.c.seq > high).order_by(table.c.seq).limit(1)),
        ]
        return [
            Marker(seq, boot, None if utc_s is None else utc_s * 1000 - uptime_ms)
            for seq, boot, uptime_ms, utc_s in found
        ]

    def _write(self, changed: dict[int, _PressRow]) -> None:
        device_id, log_id = self.key
        connection = self.connection
        for row in (*changed.values(), *self.new_presses.values()):
            self.hourly[row.bucket] += row.count
        if changed:
            table = store.presses
            statement = (
                update(table)
                .where(self._of(table), table.c.seq == bindparam("at_seq"))
                .values(verdict=bindparam("is_verdict"), clock=bindparam("is_clock"), pressed_utc=bindparam("is_utc"))
            )
            connection.execute(
                statement,
                [
                    {
                        "at_seq": seq,
                        "is_verdict": VERDICTS[row.verdict],
                        "is_clock": row.clock,
                        "is_utc": row.pressed_utc,
                    }
                    for seq, row in changed.items()
                ],
            )
        rows = [_press_values(device_id, log_id, seq, row) for seq, row in self.new_presses.items()]
        store.put_rows(connection, store.presses, rows)
        others = [_record_values(device_id, log_id, seq, record) for seq, record in self.new_records.items()]
        store.put_rows(connection, store.records, others)
        self._write_spans()
        self.row["oldest_seq"] = self.coverage.oldest_seq
        self.row["cursor_seq"] = self.coverage.cursor_seq
        self._write_pressed()

    def _write_pressed(self) -> None:
        """Lifetime presses, from the newest totals by button, or from an older telling plus the rows since: a batch
        counts what it can read, and a telling that comes later may know of a press that it could not."""
        row = self.row
        known = [row["pressed"]] if row["pressed"] is not None else []
        if row["totals_seq"] is not None:
            known.append(sum(row[f"totals_{button}"] for button in range(1, 5)))
        known += [span.totals_check + span.presses - span.presses_check for span in self.coverage.spans[-1:]]
        row["pressed"] = max(known, default=None)

    def _write_spans(self) -> None:
        table = store.spans
        gone = [span.first_seq for span in self.stored_spans if span not in self.coverage.spans]
        for chunk in _chunks(gone):
            self.connection.execute(delete(table).where(self._of(table), table.c.first_seq.in_(chunk)))
        fresh = [
            (
                *self.key, span.first_seq, span.last_seq, span.totals_before, span.check_seq, span.totals_check,
                span.presses_check, span.presses, span.lost,
            )
            for span in self.coverage.spans
            if span not in self.stored_spans
        ]  # fmt: skip
        store.put_rows(self.connection, table, fresh)


def ingest_many(connection: Connection, arrivals: Sequence[Arrival], told: Sequence[Told] = ()) -> list[Outcome]:
    """Takes in batches and statements in the transaction of `connection`; one outcome per batch, in their order.

    The database may hold any part of them already, in any order; `connection` comes from `Store.writing`.
    """
    everything: list[Arrival | Told] = [*arrivals, *told]
    heard_utc = {_key(one): one.received_utc for one in everything}
    working = _load(connection, sorted(heard_utc), heard_utc)
    outcomes = [working[_key(arrival)].take(arrival) for arrival in arrivals]
    for one in told:
        working[_key(one)].told(one)
    for log in working.values():
        log.flush()
    _write_logs(connection, working.values())
    _write_hourly(connection, working.values())
    for outcome in outcomes:
        outcome.mark = working[outcome.device_id, outcome.log_id].coverage.mark
    return outcomes


def ingest(connection: Connection, device_id: str, batch: Batch, via: str, received_utc: float) -> Outcome:
    """Takes in one batch; see `ingest_many`."""
    return ingest_many(connection, [Arrival(device_id, batch, via, received_utc, via, b"")])[0]


@dataclass(frozen=True, slots=True)
class LogState:
    """What the database knows of a log: its coverage, and where the terminal's log itself stands."""

    coverage: Coverage
    next_seq: int


def log_state(connection: Connection, device_id: str, log_id: int) -> LogState | None:
    """The state of one log, None if it has never been heard of."""
    table = store.logs
    row = connection.execute(
        select(table).where(table.c.device_id == device_id, table.c.log_id == log_id)
    ).one_or_none()
    if row is None:
        return None
    spans = _load_spans(connection, [(device_id, log_id)])[device_id, log_id]
    return LogState(Coverage(spans, row.oldest_seq, row.cursor_seq), row.next_seq)


def _key(one: Arrival | Told) -> LogKey:
    return one.device_id, one.batch.log_id if isinstance(one, Arrival) else one.log_id


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for at in range(0, len(values), _IN_CHUNK):
        yield values[at : at + _IN_CHUNK]


def _between(table: Any, batch: Batch) -> Any:
    return table.c.seq.between(batch.first_seq, batch.last_seq)


def _press_row(row: Any) -> tuple[int, _PressRow]:
    code = _CODE_OF[row.stored_verdict]
    record: Press | Run
    if row.span_s is None:
        record = Press(row.boot, row.uptime_ms, row.button, code, row.flags, row.edges, row.quiet_ms)
    else:
        record = Run(row.boot, row.uptime_ms, row.button, code, row.span_s, row._mapping["count"])
    return row.seq, _PressRow(record, _CODE_OF[row.verdict], row.clock, row.pressed_utc, row.via, row.received_utc)


def _press_values(device_id: str, log_id: int, seq: int, row: _PressRow) -> tuple[Any, ...]:
    record = row.record
    if isinstance(record, Run):
        count, span_s, flags, quiet_ms, edges = record.count, record.span_s, None, None, None
    else:
        count, span_s, flags, quiet_ms, edges = 1, None, record.flags, record.quiet_ms, record.edges
    return (
        device_id, log_id, seq, record.boot, record.uptime_ms, record.button, count, span_s, VERDICTS[row.verdict],
        VERDICTS[record.verdict], flags, quiet_ms, edges, row.clock, row.pressed_utc, row.via, row.received_utc,
    )  # fmt: skip


def _record_values(device_id: str, log_id: int, seq: int, record: Record) -> tuple[Any, ...]:
    body = encode_content(record)
    boot = None if isinstance(record, Acked) else record.boot
    uptime_ms = None if isinstance(record, Acked) else record.uptime_ms
    target_seq = record.target_seq if isinstance(record, Revise) else None
    utc_s = record.utc_s if isinstance(record, Time) else None
    return device_id, log_id, seq, body[0] & 0x07, body[0] >> 4, boot, uptime_ms, body, target_seq, utc_s


def _to_date_again(timeline: Timeline, new: Iterable[Marker]) -> list[tuple[int, int | None]]:
    """Ranges (high None: to the end) whose presses may be dated otherwise now that the `new` markers are known."""
    ranges: list[tuple[int, int | None]] = []
    for marker in sorted(new):
        before, after = timeline.before(marker.seq), timeline.after(marker.seq)
        low = before.seq + 1 if before is not None else 0
        high = after.seq - 1 if after is not None else None
        if marker.offset_ms is not None:
            # What follows takes its time from this record; what precedes it only if it had none before it.
            known_before = before is not None and before.offset_ms is not None and before.boot == marker.boot
            ranges.append((marker.seq + 1 if known_before else low, high))
        elif after is not None:
            # A boot record that fills a gap parts presses from a time record of another boot.
            ranges.append((low, high))
    return ranges


def _load_spans(connection: Connection, keys: Sequence[LogKey]) -> dict[LogKey, list[Span]]:
    table = store.spans
    spans: dict[LogKey, list[Span]] = {key: [] for key in keys}
    for chunk in _chunks(keys):
        query = select(table).where(tuple_(table.c.device_id, table.c.log_id).in_(chunk)).order_by(table.c.first_seq)
        for device_id, log_id, *values, _lost in connection.execute(query):
            spans[device_id, log_id].append(Span(*values))
    return spans


def _load(connection: Connection, keys: Sequence[LogKey], heard_utc: dict[LogKey, float]) -> dict[LogKey, _Log]:
    table = store.logs
    # Another collector may be at work on the same log: its row is the lock, taken in the order of the keys.
    rows: dict[LogKey, dict[str, Any]] = {}

    def read() -> None:
        for chunk in _chunks(keys):
            query = select(table).where(tuple_(table.c.device_id, table.c.log_id).in_(chunk))
            query = query.order_by(table.c.device_id, table.c.log_id).with_for_update()
            for row in connection.execute(query):
                rows[row.device_id, row.log_id] = dict(row._mapping)

    read()
    missing = [key for key in keys if key not in rows]
    if missing:
        statement = text(
            "INSERT INTO logs (device_id, log_id, next_seq, oldest_seq, cursor_seq, duplicates, conflicts,"
            " first_seen_utc, last_seen_utc) VALUES (:device_id, :log_id, 0, 0, 0, 0, 0, :utc, :utc)"
            " ON CONFLICT (device_id, log_id) DO NOTHING"
        )
        connection.execute(statement, [{"device_id": d, "log_id": i, "utc": heard_utc[d, i]} for d, i in missing])
        read()
    spans = _load_spans(connection, keys)
    return {key: _Log(connection, key, rows[key], spans[key]) for key in keys}


def _write_logs(connection: Connection, working: Iterable[_Log]) -> None:
    table = store.logs
    names = [column.name for column in table.columns if not column.primary_key]
    statement = (
        update(table)
        .where(table.c.device_id == bindparam("of_device"), table.c.log_id == bindparam("of_log"))
        .values({name: bindparam(f"is_{name}") for name in names})
    )
    rows = [
        {"of_device": log.key[0], "of_log": log.key[1], **{f"is_{name}": log.row[name] for name in names}}
        for log in working
    ]
    if rows:
        connection.execute(statement, rows)


def _write_hourly(connection: Connection, working: Iterable[_Log]) -> None:
    changes: dict[tuple[str, int, int, str], int] = defaultdict(int)
    for log in working:
        for bucket, change in log.hourly.items():
            changes[log.key[0], *bucket] += change
    # In one order everywhere, so that two collectors cannot wait for each other.
    rows = [
        {"device_id": device_id, "hour": hour, "button": button, "verdict": verdict, "presses": change}
        for (device_id, hour, button, verdict), change in sorted(changes.items())
        if change
    ]
    if not rows:
        return
    statement = text(
        "INSERT INTO hourly (device_id, hour, button, verdict, presses)"
        " VALUES (:device_id, :hour, :button, :verdict, :presses)"
        " ON CONFLICT (device_id, hour, button, verdict) DO UPDATE SET presses = hourly.presses + excluded.presses"
    )
    connection.execute(statement, rows)
