"""What each terminal said last: written with the votes of the same transaction, read by whoever looks after terminals.

There is one row for each terminal, of bounded size, however often it speaks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, select, text, update

from hymio.store.arrivals import Arrival, StateSaid, Told
from hymio.store.known_terminals import facts_of
from hymio.store.rows import chunks
from hymio.store.schema import terminal_states

HEARD_EVERY_S: Final = 60.0
"""Votes move `heard_utc` of their terminal no more often than that, so that they cost next to nothing."""
LOW_MV: Final = 2500
"""At which a battery is low (`power.low_mv`, as it is if nobody has changed it)."""
RENEWED_MV: Final = 150
"""By so much the supply rises when there is another battery in it; by less it does when the room gets warmer."""
SURE_AFTER_S: Final = 7 * 86_400.0
"""For how long a battery has to be watched before anything is said of its end, ..."""
SURE_AFTER_MV: Final = 30
"""... and how far it has to have fallen."""
FORECAST_MAX_S: Final = 10 * 365 * 86_400.0
WORN_AFTER: Final = 10
"""Presses of a switch before its bouncing says anything."""
_TEXT_MAX: Final = 512
_PASSED_OVER: Final = frozenset(
    # They have columns of their own, or would tell how one button after the other was pressed.
    ("crc", "device_id", "firmware", "pressed", "switches", "rssi", "supply_mv", "supply_low", "cert_ends", "unsent")
)


@dataclass(frozen=True, slots=True)
class Battery:
    """How a battery goes down."""

    full_mv: int | None
    """What it had when it began to be watched; None: there is none."""
    full_utc: float | None
    empty_utc: float | None
    """When it will be low if it goes on like that; None: that can't be said yet."""


def battery_after(
    full_mv: int | None, full_utc: float | None, was_mv: int | None, mv: int | None, utc: float
) -> Battery:
    """A battery after another reading: a straight line from the first one through this.

    Args:
        full_mv: what it had at first.
        full_utc: when that was.
        was_mv: what it had last.
        mv: what it has now; None: no battery is measured.
        utc: when that is.
    """
    if mv is None:
        return Battery(None, None, None)
    if full_mv is None or full_utc is None or mv >= full_mv or (was_mv is not None and mv - was_mv >= RENEWED_MV):
        return Battery(mv, utc, None)
    past_s, fallen_mv = utc - full_utc, full_mv - mv
    if past_s < SURE_AFTER_S or fallen_mv < SURE_AFTER_MV:
        return Battery(full_mv, full_utc, None)
    left_s = max(0.0, (mv - LOW_MV) * past_s / fallen_mv)
    return Battery(full_mv, full_utc, utc + left_s if left_s < FORECAST_MAX_S else None)


def columns_of(state: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a state message that says online or asleep; what no terminal can honestly say is passed over."""
    facts = facts_of(state)
    said = (state.get(name) for name in ("problem", "mqtt_problem", "clock_problem"))
    button, edges = _worst_switch(state.get("switches"))
    clock = _number(state.get("utc_ms"))
    rest = {name: value for name, value in state.items() if name not in _PASSED_OVER}
    return {
        "state": _text(state.get("state"), 8),
        "problem": next((_text(one, _TEXT_MAX) for one in said if one and isinstance(one, str)), None),
        "unsent": _number(state.get("unsent")),
        "clock_set": None if clock is None else int(clock > 0),
        "supply_mv": facts.supply_mv,
        "supply_low": None if facts.supply_mv is None else int(state.get("supply_low") is True),
        "rssi": facts.rssi,
        "worst_button": button,
        "edges_a_press": edges,
        "firmware": facts.firmware,
        "cert_ends_utc": _moment(state.get("cert_ends")),
        "facts": json.dumps(rest),
    }


def _number(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= 2**53 else None


def _text(value: Any, most: int) -> str:
    # What one database takes and the other does not: halves of characters, and NUL.
    return str(value).encode("utf-8", "replace").decode().replace("\0", "")[:most]


def _moment(value: Any) -> float | None:
    try:
        found = datetime.fromisoformat(value)
        return found.timestamp() if found.tzinfo is not None else found.replace(tzinfo=UTC).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _worst_switch(switches: Any) -> tuple[int | None, float | None]:
    """(button, its edges for each press) of the switch that bounces most."""
    if not isinstance(switches, list) or len(switches) != 4:
        return None, None
    found = [
        (one[1] / one[0], button)
        for button, one in enumerate(switches, 1)
        if isinstance(one, list) and len(one) == 4 and all(_number(part) is not None for part in one)
        if one[0] >= WORN_AFTER
    ]
    if not found:
        return None, None
    edges, button = max(found)
    return button, edges


_ROW: Final = tuple(column.name for column in terminal_states.columns)
_SAID: Final = tuple(name for name in _ROW if name not in ("device_id", "heard_utc", "said_utc"))
_NEWER: Final = (
    "heard_utc = CASE WHEN terminal_states.heard_utc > excluded.heard_utc THEN terminal_states.heard_utc"
    " ELSE coalesce(excluded.heard_utc, terminal_states.heard_utc) END"
)
_STATE: Final = text(
    f"INSERT INTO terminal_states ({', '.join(_ROW)}) VALUES ({', '.join(f':{name}' for name in _ROW)})"
    f" ON CONFLICT (device_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _SAID)}, {_NEWER},"
    " said_utc = coalesce(excluded.said_utc, terminal_states.said_utc)"
)
_HEARD: Final = text(
    "INSERT INTO terminal_states (device_id, heard_utc, unsent, clock_set)"
    " VALUES (:device_id, :heard_utc, :unsent, :clock_set)"
    f" ON CONFLICT (device_id) DO UPDATE SET {_NEWER}, clock_set = excluded.clock_set,"
    " unsent = coalesce(excluded.unsent, terminal_states.unsent)"
)


class Noted(NamedTuple):
    """What was noted of a terminal last, so that the same need not be noted again."""

    utc: float
    is_settled: bool
    """Whether it has nothing left to send."""
    clock_set: bool


def note_states(
    connection: Connection,
    arrivals: Iterable[Arrival],
    said: Iterable[Told | StateSaid],
    noted: Mapping[str, Noted],
) -> dict[str, Noted]:
    """Keeps what terminals have said, in the transaction of their votes.

    Args:
        connection: comes from `Store.writing`.
        arrivals: their batches, which tell whether the clock is set and more is to come.
        said: their state messages; what came otherwise (`payload` is empty) says nothing here.
        noted: what was noted of each last. A batch that tells nothing new is noted after HEARD_EVERY_S.

    Returns:
        What is to be added to `noted` once that is committed.
    """
    heard: dict[str, Noted] = {}
    newest: dict[str, tuple[Told | StateSaid, dict[str, Any]]] = {}
    offline: list[str] = []
    for one in arrivals:
        if one.via == "mqtt" and (one.device_id not in heard or one.received_utc >= heard[one.device_id].utc):
            heard[one.device_id] = Noted(one.received_utc, one.batch.behind == 0, one.batch.clock_set)
    for message in said:
        state = _read(message.payload)
        if state.get("state") == "offline":
            offline.append(message.device_id)
        elif state:
            newest[message.device_id] = message, columns_of(state)
    batteries = _batteries(connection, [device_id for device_id, (_, row) in newest.items() if row["supply_mv"]])
    rows, done = [], {}
    for device_id, (message, columns) in sorted(newest.items()):
        # What the broker has kept may be old.
        utc = None if message.is_retained else message.received_utc
        battery = battery_after(*batteries.get(device_id, (None,) * 3), columns["supply_mv"], message.received_utc)
        kept = {"full_mv": battery.full_mv, "full_utc": battery.full_utc, "empty_utc": battery.empty_utc}
        rows.append({"device_id": device_id, "heard_utc": utc, "said_utc": utc, **columns, **kept})
        done[device_id] = Noted(utc or 0.0, not columns["unsent"], columns["clock_set"] == 1)
    if rows:
        connection.execute(_STATE, rows)
    due = {
        device_id: now
        for device_id, now in sorted(heard.items())
        if (was := done.get(device_id) or noted.get(device_id)) is None
        or now.utc - was.utc > HEARD_EVERY_S
        or (now.utc >= was.utc and now[1:] != was[1:])
    }
    if due:
        connection.execute(
            _HEARD,
            [
                {
                    "device_id": device_id,
                    "heard_utc": now.utc,
                    "unsent": 0 if now.is_settled else None,
                    "clock_set": int(now.clock_set),
                }
                for device_id, now in due.items()
            ],
        )
    gone = [{"device": device_id} for device_id in sorted(set(offline) - newest.keys())]
    if gone:
        which = update(terminal_states).where(terminal_states.c.device_id == bindparam("device"))
        connection.execute(which.values(state="offline"), gone)
    return done | due


def _read(payload: bytes) -> dict[str, Any]:
    """A state message, which was judged already."""
    try:
        state = json.loads(payload) if payload else {}
    except ValueError:
        return {}
    return state if isinstance(state, dict) else {}


def _batteries(connection: Connection, device_ids: Sequence[str]) -> dict[str, tuple[Any, Any, Any]]:
    table, found = terminal_states, {}
    for chunk in chunks(sorted(device_ids)):
        query = select(table.c.device_id, table.c.full_mv, table.c.full_utc, table.c.supply_mv)
        for device_id, *battery in connection.execute(query.where(table.c.device_id.in_(chunk))):
            found[device_id] = tuple(battery)
    return found
