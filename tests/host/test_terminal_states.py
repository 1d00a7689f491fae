"""What each terminal said last: one row, of the newest message, written with its votes on either database."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from hymio.store import known_terminals, schema
from hymio.store.arrivals import StateSaid, Told, judge
from hymio.store.database import Store
from hymio.store.fleet import KINDS, SORTS, FleetQuery, fleet_page
from hymio.store.terminal_states import (
    HEARD_EVERY_S,
    RENEWED_MV,
    SURE_AFTER_MV,
    Battery,
    battery_after,
    columns_of,
)
from hymio.store.transaction import Transaction, commit
from hymio.wire.batches import Batch, encode_batch
from hymio.wire.records import Press

UTC = 1_790_000_000.0
DAY = 86_400.0
FACTS = {
    "state": "online", "firmware": "1.0.0", "boot": 7, "utc_ms": 1, "rssi": -51, "log_id": 5, "next_seq": 4,
    "oldest_seq": 0, "acked_seq": 3, "pressed": [1, 1, 1, 1], "unsent": 2, "supply_mv": 2900, "supply_low": False,
    "switches": [[30, 60, 3, 0], [20, 120, 9, 2], [9, 900, 99, 0], [0, 0, 0, 0]],
    "cert_ends": "2036-03-13T12:30:00Z", "wifi": 2,
}  # fmt: skip


def row(store: Store, device_id: str) -> Any:
    with store.reading() as connection:
        query = select(schema.terminal_states).where(schema.terminal_states.c.device_id == device_id)
        return connection.execute(query).first()


def say(store: Store, device_id: str, utc: float, is_retained: bool = False, **facts: Any) -> None:
    said = {name: value for name, value in {**FACTS, **facts}.items() if value is not None}
    item = judge(f"hymio/{device_id}/state", json.dumps(said).encode(), utc, is_retained)
    assert isinstance(item, Told | StateSaid), item
    commit(store, Transaction.of([item]))


def vote(store: Store, device_id: str, seq: int, utc: float, behind: int = 0, clock_set: bool = True) -> None:
    batch = Batch(
        5, 1, 1, clock_set, seq, 1, seq, behind, (0, 0, 0, seq), ((seq, Press(1, 1000 * seq, 4, 0, 0, 5, 65535)),)
    )
    commit(store, Transaction.of([judge(f"hymio/{device_id}/votes", encode_batch(batch, device_id), utc)]))


def test_the_newest_message_is_kept(store: Store, device_id: str) -> None:
    say(store, device_id, UTC)
    kept = row(store, device_id)
    assert (kept.heard_utc, kept.said_utc, kept.state, kept.unsent, kept.clock_set) == (UTC, UTC, "online", 2, 1)
    assert (kept.rssi, kept.supply_mv, kept.supply_low, kept.firmware) == (-51, 2900, 0, "1.0.0")
    assert (kept.worst_button, kept.edges_a_press, kept.cert_ends_utc) == (2, 6.0, 2089024200.0)
    facts = json.loads(kept.facts)
    assert facts["boot"] == 7 and not facts.keys() & {"pressed", "switches", "crc"}
    say(store, device_id, UTC + 10, state="asleep", utc_ms=0, supply_mv=None, rssi=None, cert_ends=None, unsent=0)
    kept = row(store, device_id)
    assert (kept.heard_utc, kept.state, kept.clock_set, kept.supply_mv, kept.rssi) == (
        UTC + 10,
        "asleep",
        0,
        None,
        None,
    )
    assert (kept.full_mv, kept.cert_ends_utc, kept.unsent) == (None, None, 0)


def test_votes_are_words_too_but_cost_little(store: Store, device_id: str) -> None:
    vote(store, device_id, 0, UTC)
    assert row(store, device_id).heard_utc == UTC
    vote(store, device_id, 1, UTC + HEARD_EVERY_S / 2)
    assert row(store, device_id).heard_utc == UTC
    vote(store, device_id, 2, UTC + HEARD_EVERY_S + 1)
    kept = row(store, device_id)
    assert (kept.heard_utc, kept.said_utc, kept.state) == (UTC + HEARD_EVERY_S + 1, None, None)
    vote(store, device_id, 3, UTC)  # late, from another collector
    assert row(store, device_id).heard_utc == UTC + HEARD_EVERY_S + 1


def test_votes_tell_of_the_clock_and_of_what_is_left(store: Store, device_id: str) -> None:
    """A terminal on mains says its state once an hour: when it has just started, its clock is not set yet."""
    say(store, device_id, UTC, utc_ms=0, unsent=3, next_seq=3, acked_seq=-1)
    vote(store, device_id, 0, UTC + 1, behind=2, clock_set=False)
    kept = row(store, device_id)
    assert (kept.unsent, kept.clock_set, kept.heard_utc) == (3, 0, UTC), "nothing new"
    vote(store, device_id, 1, UTC + 2, behind=1)
    kept = row(store, device_id)
    assert (kept.unsent, kept.clock_set, kept.heard_utc) == (3, 1, UTC + 2)
    vote(store, device_id, 2, UTC + 3)
    kept = row(store, device_id)
    assert (kept.unsent, kept.clock_set, kept.heard_utc, kept.rssi) == (0, 1, UTC + 3, -51)
    vote(store, device_id, 1, UTC + 1, behind=7, clock_set=False)  # late, from another collector
    assert row(store, device_id).clock_set == 1


def test_what_the_broker_has_kept_says_nothing_of_when(store: Store, device_id: str) -> None:
    say(store, device_id, UTC, is_retained=True)
    kept = row(store, device_id)
    assert (kept.heard_utc, kept.said_utc, kept.rssi) == (None, None, -51)
    say(store, device_id, UTC + 1)
    say(store, device_id, UTC + 99, is_retained=True, state="asleep")
    kept = row(store, device_id)
    assert (kept.heard_utc, kept.said_utc, kept.state) == (UTC + 1, UTC + 1, "asleep")


def test_gone_and_out_of_order(store: Store, device_id: str) -> None:
    offline = StateSaid(device_id, "s", b'{"state": "offline"}', UTC)
    commit(store, Transaction.of([offline]))
    assert row(store, device_id) is None, "anybody may say of any name that it has gone"
    say(store, device_id, UTC)
    commit(store, Transaction.of([offline]))
    kept = row(store, device_id)
    assert (kept.state, kept.heard_utc, kept.rssi) == ("offline", UTC, -51)
    say(store, device_id, UTC + 5, log_id=None, pressed=None, problem="no \ud800 log\0" + "x" * 400, unsent=None)
    kept = row(store, device_id)
    assert kept.problem.startswith("no ? logx") and kept.unsent is None and kept.state == "online"
    with store.writing() as connection:
        known_terminals.forget(connection, device_id, UTC + 9)
    assert row(store, device_id) is None


def test_a_transaction_that_fails_notes_nothing(store: Store, device_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hymio.store.transaction.is_left", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        vote(store, device_id, 0, UTC)
    assert row(store, device_id) is None and device_id not in store.noted
    monkeypatch.undo()
    vote(store, device_id, 0, UTC)
    assert row(store, device_id).heard_utc == UTC


def test_many_at_once(store: Store, device_id: str) -> None:
    names = [f"{device_id[:20]}-{number}" for number in range(40)]
    items = []
    for name in names:
        for later in (0, 5):
            said = json.dumps({**FACTS, "log_id": 9, "unsent": later}).encode()
            items.append(judge(f"hymio/{name}/state", said, UTC + later))
    commit(store, Transaction.of(items))
    assert {(row(store, name).unsent, row(store, name).heard_utc) for name in names} == {(5, UTC + 5)}


# The battery


@pytest.mark.parametrize(
    ("before", "mv", "after"),
    [
        ((None, None, None), None, (None, None, None)),
        ((None, None, None), 3000, (3000, 0.0, None)),
        ((3000, -DAY, 3000), 2900, (3000, -DAY, None)),  # too soon
        ((3000, -10 * DAY, 2990), 3000 - SURE_AFTER_MV + 1, (3000, -10 * DAY, None)),  # too little
        ((3000, -10 * DAY, 2990), 2900, (3000, -10 * DAY, 40 * DAY)),  # 100 mV in 10 days, 400 are left
        ((3000, -10 * DAY, 2990), 2500, (3000, -10 * DAY, 0.0)),
        ((3000, -10 * DAY, 2400), 2300, (3000, -10 * DAY, 0.0)),  # it is low already
        ((3000, -900 * DAY, 2990), 2970, (3000, -900 * DAY, None)),  # 38 years: nobody believes that
        ((3000, -10 * DAY, 2900), 3010, (3010, 0.0, None)),  # another one, or a warmer room
        ((3000, -90 * DAY, 2600), 2600 + RENEWED_MV, (2750, 0.0, None)),  # another one, not quite new
        ((3000, -90 * DAY, 2600), 2600 + RENEWED_MV - 1, (3000, -90 * DAY, pytest.approx(89 * DAY, rel=0.02))),
        ((3000, -90 * DAY, 2600), None, (None, None, None)),
    ],
)  # fmt: skip
def test_a_battery(before: tuple[Any, Any, Any], mv: int | None, after: tuple[Any, Any, Any]) -> None:
    full_mv, full_utc, was_mv = before
    found = battery_after(full_mv, full_utc, was_mv, mv, 0.0)
    assert (found.full_mv, found.full_utc, found.empty_utc) == after


def test_a_battery_over_a_year_of_messages() -> None:
    """Down by 2 mV a day from 3200: low after 350 days, and foretold to a few days all the time."""
    battery, was = Battery(None, None, None), None
    for day in range(340):
        mv = 3200 - 2 * day
        battery = battery_after(battery.full_mv, battery.full_utc, was, mv, day * DAY)
        was = mv
        if day > 16:
            assert battery.empty_utc == pytest.approx(350 * DAY, abs=DAY)


# What a message says


@given(
    st.dictionaries(
        st.sampled_from([*FACTS, "problem", "mqtt_problem", "clock_problem", "crc"]),
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=40) | st.lists(st.integers() | st.lists(st.integers(), max_size=5), max_size=5),
    )
)  # fmt: skip
def test_whatever_a_message_says_fits_the_table(state: dict[str, Any]) -> None:
    found = columns_of(state)
    for name, value in found.items():
        kind = schema.terminal_states.c[name].type
        assert value is None or isinstance(value, kind.python_type | int), (name, value)
        if isinstance(value, str):
            assert "\0" not in value and value == value.encode().decode()
        length = getattr(kind, "length", None)
        assert length is None or value is None or len(value) <= length
        if isinstance(value, int) and name not in ("unsent", "edges_a_press"):
            assert abs(value) < 2**31
    assert len(found["facts"]) < 100_000


# As technicians look for them, on either database


def test_every_order_and_kind_on_either_database(store: Store, device_id: str) -> None:
    names = [f"{device_id[:20]}-{letter}" for letter in "abc"]
    for number, name in enumerate(names):
        say(store, name, UTC + number, unsent=number, rssi=-90 + number, supply_mv=2400 + number)
    with store.reading() as connection:
        for sort in SORTS:
            for is_turned in (False, True):
                page = fleet_page(connection, FleetQuery(UTC, sort, is_turned, only=names))
                assert page.count == 3 and sorted(line.device_id for line in page.lines) == names
        for sort, first in (("heard", 0), ("unsent", 2), ("battery", 0), ("signal", 0), ("terminal", 0)):
            assert fleet_page(connection, FleetQuery(UTC, sort, only=names)).lines[0].device_id == names[first]
        for kind in KINDS:
            page = fleet_page(connection, FleetQuery(UTC + 9, kind=kind, only=names, search=names[0][:-2]))
            assert page.count == (3 if kind in ("weak", "worn", "waiting") else 2 if kind == "unsent" else 0), kind
        found = fleet_page(connection, FleetQuery(UTC, search=f"{names[0][:-1]}B", found=names[2:], only=names))
        assert [line.device_id for line in found.lines] == names[1:]
        assert fleet_page(connection, FleetQuery(UTC, only=[])).count == 0
        (line,) = fleet_page(connection, FleetQuery(UTC, search=names[0])).lines
        assert (line.pressed, line.rows, line.lost, line.waiting) == (4, 0, 0, 4)
