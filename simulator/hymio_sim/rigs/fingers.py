"""Compares what the simulated fingers did with what the database says: the proof that asks no terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hymio.common.words import counted
from hymio_sim.board.journal import Event

_DEBOUNCE_S: Final = 0.15
"""If power fails so soon after first contact, the press may be gone: no light has said thank you for it."""


@dataclass(frozen=True)
class Push:
    """One push of a finger on a terminal that had power."""

    number: int
    button: int
    t: float
    cut_at: float | None
    """When power failed after the push, if it did."""


@dataclass
class Verdict:
    """What became of the pushes of one terminal."""

    device_id: str
    pushes: int = 0
    stored: int = 0
    unthanked: int = 0
    """Pushes that were not in flash yet when power failed; no light had said thank you for them."""
    in_database: int = 0
    waiting: int = 0
    waiting_since_utc: float | None = None
    known_lost: int = 0
    by_verdict: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def pushes_of(events: Iterable[Event]) -> list[Push]:
    """The pushes that met a terminal with power, in the order of first contact."""
    events = list(events)
    found: list[Push] = []
    cuts = [event["t"] for event in events if event["event"] == "power" and not event["on"]]
    for event in events:
        if event["event"] == "press" and event["powered"]:
            cut_at = next((t for t in cuts if t >= event["t"]), None)
            found.append(Push(event["push"], event["button"], event["t"], cut_at))
    return found


def compare(device_id: str, events: Sequence[Event], rows: Sequence[dict[str, Any]], lost: int = 0) -> Verdict:
    """What became of every push; any disagreement stands in `problems`.

    events: all that the simulated terminal has printed; rows: its rows of `presses_v1`; lost: how many presses the
    ledger knows to be lost.
    """
    result = Verdict(device_id, known_lost=lost)
    pushes = pushes_of(events)
    result.pushes = len(pushes)
    stored = {(event["log_id"], event["seq"]): event for event in events if event["event"] == "record"}
    result.stored = len(stored)
    _match_pushes(result, pushes, list(stored.values()))
    _match_lights(result, events)

    verdicts = {key: event["verdict"] for key, event in stored.items()}
    for event in events:
        if event["event"] == "amended":
            verdicts[event["log_id"], event["seq"]] = event["verdict"]
    result.by_verdict = Counter(verdicts.values())

    seen: set[tuple[int, int]] = set()
    for row in rows:
        key = (row["log_id"], row["seq"])
        if key in seen:
            result.problems.append(f"seq {row['seq']} stands twice in the database")
        seen.add(key)
        if key not in stored:
            result.problems.append(f"seq {row['seq']} is in the database, but was never in flash")
            continue
        for column, expected in (("button", stored[key]["button"]), ("verdict", verdicts[key])):
            if row[column] != expected:
                result.problems.append(f"seq {row['seq']}: {column} is {row[column]}, expected {expected}")
    result.in_database = len(seen)
    missing = [event for key, event in stored.items() if key not in seen]
    result.waiting = len(missing) - lost
    if result.waiting > 0:
        result.waiting_since_utc = min((event.get("utc") or 0.0) for event in missing) or None
    if result.waiting < 0:
        result.problems.append(f"{counted(lost, 'press')} called lost, but {len(missing)} missing")
    return result


def _match_pushes(result: Verdict, pushes: list[Push], stored: list[Event]) -> None:
    """Checks that every push has one record, in order; only a power cut during debouncing excuses a missing one."""
    for button in (1, 2, 3, 4):
        records = iter(sorted((e for e in stored if e["button"] == button), key=lambda e: e["t"]))
        record = next(records, None)
        for push in (push for push in pushes if push.button == button):
            if record is not None and (push.cut_at is None or record["t"] <= push.cut_at) and record["t"] >= push.t:
                record = next(records, None)
            elif push.cut_at is not None and push.cut_at - push.t <= _DEBOUNCE_S:
                result.unthanked += 1
            else:
                result.problems.append(f"push {push.number} of button {button} left no record")
        if record is not None:
            result.problems.append(f"seq {record['seq']}: a press of button {button} that no finger made")


def _match_lights(result: Verdict, events: Sequence[Event]) -> None:
    """Checks that a light comes on only after a record of its button that counted, and once for each."""
    owed: Counter[int] = Counter()
    for event in events:
        if event["event"] == "record" and event["verdict"] == "counted":
            owed[event["button"]] += 1
        elif event["event"] == "led" and event["on"]:
            if not owed[event["led"]]:
                result.problems.append(
                    f"light {event['led']} said thank you at {event['t']:.2f} s for nothing in flash"
                )
            owed[event["led"]] -= 1
