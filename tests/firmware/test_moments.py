"""Every moment that a room keeps is named where it expires: ticks wrap, and what is old would look as if to come."""

import ast

import pytest

from hymio.common.firmware_files import firmware_dir
from terminal.compat import ticks_add, ticks_diff
from terminal.moments import KEPT, expire

DAY_MS = 86400000
PERIOD = ticks_add(0, -1) + 1

# Attributes that hold ticks and need not be named, each with the reason.
FRESH = {
    "Clock._ticks": "each step takes it to the present",
    "Debounce._polled": "each step takes it to the present",
    "Debounce._since": "read only between a first contact, which sets it, and the press or the spike",
    "Debounce.first_contact": "read only in the step that sets it",
    "Flood._from": "read only while there is a fold, which is written after a minute",
    "Flood._until": "read only while there is a fold, which is written after a minute",
    "PressPath._settled": "each step takes it to the present, before anything is compared with it",
    "App._moments_at": "each look takes it to the present",
    "Runner._ticks_ms": "the clock itself",
}


def classes():
    for path in sorted((firmware_dir() / "terminal").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                yield node


def own(node):
    """X of self.X or self.X[i] and of nothing else."""
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return node.attr
    return None


def keeps(node):
    """The attributes of a class that hold ticks: compared as such, or set to a moment."""
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == "ticks_diff":
            found |= {own(argument) for argument in part.args}
        elif isinstance(part, ast.Assign):
            call = isinstance(part.value, ast.Call) and isinstance(part.value.func, ast.Name)
            moment = isinstance(part.value, ast.Name) and part.value.id in ("now_ms", "at_ms", "woke_ms", "changed_at")
            if moment or (call and part.value.func.id == "ticks_add"):
                found |= {own(target) for target in part.targets}
    return found - {None}


def named(node):
    return set(KEPT.get(node.name, "").split())


def test_no_room_keeps_a_moment_that_it_does_not_name():
    found = {f"{node.name}.{name}" for node in classes() for name in keeps(node) - named(node)}
    assert found <= set(FRESH), "to be named in moments.py"
    assert set(FRESH) - {"Runner._ticks_ms"} <= found, "what is not kept any more needs no reason"


def test_what_is_named_is_there(tmp_path):
    from hand_board import HandBoard
    from ram_flash import RamFlash

    from terminal.app import App
    from terminal.config import build

    hours = {"opening_hours": {"days": ["08:00-20:00"] * 7}, "wifi": {"ssid": "x"}, "mqtt": {"host": "broker"}}
    seen = set()

    def walk(room):
        names = KEPT.get(type(room).__name__, "").split()
        if names:
            seen.add(type(room).__name__)
        for name in names:
            kept = getattr(room, name)
            if kept is not None and not isinstance(kept, int | list):
                walk(kept)

    for profile in ("mains", "light"):
        app = App(build(hours | {"power": {"profile": profile}}), HandBoard(RamFlash(4)), "0", "", f"{tmp_path}/")
        app.start(0)
        walk(app)
    assert seen == set(KEPT) == {node.name for node in classes() if named(node)}, "and all are there and reached"


def test_nobody_is_kept_waiting_for_it(tmp_path):
    from hand_board import HandBoard
    from ram_flash import RamFlash

    from terminal.app import App
    from terminal.config import build

    board = HandBoard(RamFlash(4))
    app = App(build({}), board, "0", "", f"{tmp_path}/")
    app.start(board.now_ms)
    began = app._moments_at
    board.now_ms += 11 * 3600000
    app.last_touch = board.now_ms
    app.step(board.now_ms)
    assert app._moments_at == began, "a finger is near"
    app.last_touch = ticks_add(board.now_ms, -10000)
    app.step(board.now_ms)
    assert app._moments_at == board.now_ms
    board.now_ms += 12 * 3600000
    app.last_touch = board.now_ms
    app.step(board.now_ms)
    assert app._moments_at == board.now_ms, "half a day is as long as it can wait"


class Room:
    def __init__(self, inner=None):
        self.one = 0
        self.some = [0, 0]
        self.never = None
        self.inner = inner


@pytest.mark.parametrize("start", [0, PERIOD - 1000])
def test_a_moment_is_exact_for_a_day_and_older_than_that_for_ever(start, monkeypatch):
    monkeypatch.setitem(KEPT, "Room", "one some never inner")
    outer = Room(Room())
    outer.one = outer.some[1] = outer.inner.one = start
    outer.inner.some[0] = ticks_add(start, 12 * 3600000)  # to come
    outer.some[0] = outer.inner.some[1] = start
    for hours in range(12, 40 * 24, 12):
        now = ticks_add(start, hours * 3600000)
        expire(outer, now)
        ages = [ticks_diff(now, at) for at in (outer.one, *outer.some, outer.inner.one, outer.inner.some[1])]
        ages_of_later = ticks_diff(now, outer.inner.some[0])
        if hours <= 24:
            assert ages == [hours * 3600000] * 5 and ages_of_later == (hours - 12) * 3600000
        else:
            assert all(DAY_MS < age < 1 << 28 for age in ages)
        outer.inner.never = outer.never
        assert outer.never is None


def test_ticks_of_the_suite_wrap_as_on_a_board_and_tell_who_comes_near_it():
    assert PERIOD == 1 << 30
    assert ticks_diff(5, PERIOD - 5) == 10
    assert ticks_diff(1 << 28, 0) == 1 << 28
    for far in ((1 << 28) + 1, 1 << 29, PERIOD - (1 << 28) - 1):
        with pytest.raises(OverflowError):
            ticks_diff(far, 0)
