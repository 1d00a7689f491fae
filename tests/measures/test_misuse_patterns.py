"""What filtered presses look like: each pattern by a stream that is one, and by one that is nearly one."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hymio.measures.misuse_patterns import LEAST, PatternKind, Presses, WeekHour, patterns

NOON, EVENING = (0, 12), (0, 19)
CLOSING = {(day, 19) for day in range(5)}


def seen(hours: dict[WeekHour, Presses], closing: set[WeekHour] = CLOSING, **switch: float) -> dict[str, object]:
    return {one.kind.value: (one.button, one.hour) for one in patterns(hours, closing, **switch)}  # type: ignore[arg-type]


STAFF = {"staff": (4, EVENING)}
USUAL: Presses = {(1, "counted"): 10, (2, "counted"): 10, (3, "counted"): 30, (4, "counted"): 50}


@pytest.mark.parametrize(
    ("hours", "found"),
    [
        ({NOON: USUAL, EVENING: USUAL}, {}),
        ({NOON: {**USUAL, (1, "mash"): 9}}, {}),
        ({NOON: {**USUAL, (1, "mash"): 4, (2, "mash"): 4, (3, "mash"): 4}}, {"children": (None, NOON)}),
        ({NOON: USUAL, (5, 9): {(2, "repeat"): 12}}, {"hammered": (2, (5, 9))}),
        ({NOON: {(4, "counted"): 1000, (2, "repeat"): 12}}, {}),
        ({NOON: {**USUAL, (3, "stuck"): 1}}, {"held": (3, NOON)}),
        ({NOON: {**USUAL, (3, "chord"): 9, (4, "chord"): 9}}, {"chord": (None, NOON)}),
        # Staff presses green on the way out: one each, or again and again.
        ({NOON: USUAL, EVENING: {(4, "counted"): 60}}, STAFF),
        ({NOON: USUAL, EVENING: {(4, "counted"): 20}}, {}),
        ({NOON: USUAL, EVENING: {(4, "counted"): 9, (3, "counted"): 9, (4, "mash"): 9, (4, "repeat"): 2}}, STAFF),
        ({NOON: {**USUAL, (4, "repeat"): 12}, EVENING: {**USUAL, (4, "mash"): 8}}, {}),
    ],
)  # fmt: skip
def test_what_it_looks_like(hours: dict[WeekHour, Presses], found: dict[str, object]) -> None:
    assert seen(hours) == found


def test_a_worn_switch_and_a_place_without_hours() -> None:
    assert seen({NOON: USUAL}, edges_a_press=6.0, worst_button=2) == {"worn": (2, None)}
    assert seen({NOON: USUAL}, edges_a_press=5.9, worst_button=2) == {}
    assert seen({NOON: USUAL, EVENING: {(4, "counted"): 60}}, closing=set()) == {}, "nobody knows when it closes"


hours_of = st.dictionaries(
    st.tuples(st.integers(0, 6), st.integers(0, 23)),
    st.dictionaries(
        st.tuples(st.integers(1, 4), st.sampled_from(["counted", "repeat", "mash", "chord", "stuck", "answer"])),
        st.integers(0, 40),
    ),
)


@settings(max_examples=40, deadline=None)
@given(hours_of)
def test_each_kind_is_told_once_with_no_more_presses_than_there_are(hours: dict[WeekHour, Presses]) -> None:
    found = patterns(hours, CLOSING)
    whole = Counter[str]()
    for presses in hours.values():
        for (_, verdict), count in presses.items():
            whole[verdict] += count
    assert len({one.kind for one in found}) == len(found)
    assert [one.presses for one in found] == sorted((one.presses for one in found), reverse=True)
    for one in found:
        assert one.hour in hours and one.button in (None, 1, 2, 3, 4)
        if one.kind is PatternKind.CHILDREN:
            assert LEAST <= one.presses == whole["mash"]
