"""The presses of the database, judged again with other windows of the vote rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import merge
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from hymio.measures.happy_index import happy_index
from hymio.measures.rejudging import COUNTED, STUCK, boots, default_windows, rejudge
from hymio.store import schema
from hymio.wire.records import UNANSWERED, VERDICT_CODES, VERDICTS, Kind, Press, Record, Run, decode_content

_ROWS_AT_ONCE: Final = 5000


@dataclass
class Figures:
    """The figures of one terminal: its presses as they are judged now, and as they would have been judged."""

    device_id: str
    now: Counter[tuple[int, int]] = field(default_factory=Counter)
    """The number of presses by (button, verdict)."""
    then: Counter[tuple[int, int]] = field(default_factory=Counter)
    changed: Counter[tuple[int, int]] = field(default_factory=Counter)
    """The number of presses by (verdict, verdict with the other windows)."""
    differs: int = 0

    def as_json(self) -> dict[str, Any]:
        """The figures as an object of `hymio replay --json`."""
        faces, faces_then = _faces(self.now), _faces(self.then)
        return {
            "device_id": self.device_id,
            "presses": self.now.total(),
            "votes": sum(faces),
            "votes_then": sum(faces_then),
            "faces": faces,
            "faces_then": faces_then,
            "happy_index": happy_index(faces),
            "happy_index_then": happy_index(faces_then),
            "verdicts": _verdicts(self.now),
            "verdicts_then": _verdicts(self.then),
            "changed": [
                {"verdict": VERDICTS[was], "verdict_then": VERDICTS[then], "presses": presses}
                for (was, then), presses in sorted(self.changed.items(), key=lambda one: (-one[1], one[0]))
            ],
            "differs": self.differs,
        }


def _faces(presses: Counter[tuple[int, int]]) -> list[int]:
    return [presses[button, VERDICT_CODES["counted"]] for button in range(1, 5)]


def _verdicts(presses: Counter[tuple[int, int]]) -> dict[str, int]:
    summed: Counter[str] = Counter()
    for (_, verdict), count in presses.items():
        summed[VERDICTS[verdict]] += count
    return dict(sorted(summed.items()))


def replay(
    connection: Connection,
    windows: Mapping[str, int],
    device_id: str | None = None,
    progress: Callable[[int], None] = lambda rows: None,
) -> list[Figures]:
    """Replays every terminal, or the one of this device id, in the order of device ids.

    Args:
        connection: to the database.
        windows: the other windows.
        device_id: the one terminal; None: all.
        progress: is called with the number of rows done.
    """
    defaults = default_windows()
    table = schema.logs
    query = select(table.c.device_id, table.c.log_id)
    if device_id is not None:
        query = query.where(table.c.device_id == device_id)
    terminals: dict[str, Figures] = {}
    rows = 0
    for of_device, log_id in sorted(tuple(row) for row in connection.execute(query)):
        figures = terminals.setdefault(of_device, Figures(of_device))
        in_force: dict[int, int] = {}
        for boot in boots(_records(connection, of_device, log_id, in_force)):
            then = rejudge(boot, windows)
            usual = then if windows == defaults else rejudge(boot, defaults)
            for seq, record in boot:
                if not isinstance(record, Press | Run):
                    continue
                # Presses that were folded into a run stay as they were judged.
                count, was = (record.count, record.verdict) if isinstance(record, Run) else (1, in_force.pop(seq))
                verdict = then.get(seq, was)
                figures.now[record.button, was] += count
                figures.then[record.button, verdict] += count
                if verdict != was:
                    figures.changed[was, verdict] += count
                if usual.get(seq, was) != was:
                    figures.differs += 1
                rows += 1
            progress(rows)
    return list(terminals.values())


def _records(
    connection: Connection, device_id: str, log_id: int, in_force: dict[int, int], *which: ColumnElement[bool]
) -> Iterator[tuple[int, Record]]:
    """The presses of one log and what bears on them, by seq; the verdicts in force now are put into `in_force`.

    which: which presses; without it all.
    """
    others, pressed = schema.records, schema.presses
    query = (
        select(others.c.seq, others.c.body)
        .where(others.c.device_id == device_id, others.c.log_id == log_id)
        .where(
            or_(
                and_(others.c.kind == Kind.REVISE, others.c.code == STUCK),
                and_(others.c.kind == Kind.EVENT, others.c.code == UNANSWERED),
            )
        )
        .order_by(others.c.seq)
    )
    told = [(seq, record) for seq, body in connection.execute(query) if (record := decode_content(bytes(body)))]
    presses = (
        select(
            pressed.c.seq, pressed.c.boot, pressed.c.uptime_ms, pressed.c.button, pressed.c["count"],
            pressed.c.span_s, pressed.c.verdict, pressed.c.stored_verdict, pressed.c.quiet_ms,
        )
        .where(pressed.c.device_id == device_id, pressed.c.log_id == log_id, *which)
        .order_by(pressed.c.seq)
    )  # fmt: skip

    def read() -> Iterator[tuple[int, Record]]:
        for row in connection.execute(presses, execution_options={"yield_per": _ROWS_AT_ONCE}):
            seq, boot, uptime_ms, button, count, span_s, verdict, stored, quiet_ms = row
            if span_s is not None:
                yield seq, Run(boot, uptime_ms, button, VERDICT_CODES[stored], span_s, count)
            else:
                in_force[seq] = VERDICT_CODES[verdict]
                yield seq, Press(boot, uptime_ms, button, VERDICT_CODES[stored], 0, 0, quiet_ms)

    return merge(read(), told, key=lambda one: one[0])


@dataclass(frozen=True, slots=True)
class Rejudged:
    """Votes by face as they are, and as they would be with other windows. presses: so many were looked at."""

    faces: tuple[int, ...]
    faces_then: tuple[int, ...]
    presses: int


def rejudged_between(
    connection: Connection,
    device_id: str,
    windows: Mapping[str, int],
    stretches: Collection[tuple[float, float]],
    is_vote_at: Callable[[float], bool],
    most: int,
) -> Rejudged:
    """A terminal's newest presses of stretches of time, judged again.

    Args:
        connection: to the database.
        device_id: the terminal.
        windows: the other windows.
        stretches: from when until before when, in seconds of 1970; presses without a date are in none.
        is_vote_at: whether a press of a moment may be a vote at all, as in opening hours.
        most: about so many presses are looked at, which bounds what this costs.
    """
    pressed = schema.presses.c
    of_device = pressed.device_id == device_id
    within = or_(*((pressed.pressed_utc >= begin) & (pressed.pressed_utc < end) for begin, end in stretches))
    newest = select(pressed.pressed_utc).where(of_device, within).order_by(pressed.pressed_utc.desc())
    since = connection.execute(newest.offset(most).limit(1)).scalar()
    if since is not None:
        within = and_(within, pressed.pressed_utc > since)
    times: dict[tuple[int, int], float] = {}
    for log_id, seq, utc in connection.execute(
        select(pressed.log_id, pressed.seq, pressed.pressed_utc).where(of_device, within)
    ):
        times[log_id, seq] = utc
    faces, then, looked = [0] * 4, [0] * 4, 0
    defaults = default_windows()
    for log_id in sorted({log_id for log_id, _seq in times}):
        in_force: dict[int, int] = {}
        for boot in boots(_records(connection, device_id, log_id, in_force, within)):
            verdicts, usual = rejudge(boot, windows), rejudge(boot, defaults)
            for seq, record in boot:
                if not isinstance(record, Press | Run):
                    continue
                looked += 1
                count, was = (record.count, record.verdict) if isinstance(record, Run) else (1, in_force[seq])
                if is_vote_at(times[log_id, seq]):
                    faces[record.button - 1] += count if was == COUNTED else 0
                    # What comes out otherwise even with the usual windows has other reasons, see `hymio replay`.
                    judged = verdicts.get(seq, was)
                    verdict = was if judged == usual.get(seq, was) else judged
                    then[record.button - 1] += count if verdict == COUNTED else 0
    return Rejudged(tuple(faces), tuple(then), looked)
