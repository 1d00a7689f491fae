"""Hidden cells stay hidden: random worlds, and attackers who add, subtract and know that no count is below 0."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from hymio.measures import anonymity
from hymio.measures.anonymity import Snapshot, StaffBlock, Tree, staff_blocks, tree_of_hours
from hymio.measures.buckets import buckets
from hymio.measures.zones import wall_name
from hymio.site.moments import start_of_day

Cell = tuple[str, str]


@dataclass
class World:
    """Two trees and the votes of each leaf in each leaf."""

    places: Tree
    times: Tree
    votes: dict[Cell, int]
    sums: dict[Cell, int] = field(default_factory=dict)

    def count(self, place: str, time: str) -> int:
        if (place, time) not in self.sums:
            leaves = ((leaf, hour) for leaf in self.places.leaves(place) for hour in self.times.leaves(time))
            self.sums[place, time] = sum(self.votes[leaf] for leaf in leaves)
        return self.sums[place, time]

    def snapshot(self, at_least: int = 5) -> Snapshot:
        return Snapshot(self.places, self.times, self.count, at_least)

    def cells(self) -> list[Cell]:
        return [(place, time) for place in self.places for time in self.times]


def table(at_least: int = 5, **rows: list[int]) -> Snapshot:
    """One group `all` of places, one day of hours 0, 1, ..."""
    hours = [str(hour) for hour in range(len(next(iter(rows.values()))))]
    votes = {(place, hour): counts[int(hour)] for place, counts in rows.items() for hour in hours}
    return World(Tree("all", {"all": list(rows)}), Tree("day", {"day": hours}), votes).snapshot(at_least)


def hidden(snapshot: Snapshot) -> set[Cell]:
    return {(place, time) for place in snapshot.places for time in snapshot.times if snapshot.is_hidden(place, time)}


# ---- what is hidden, by hand ----


def test_enough_votes_everywhere_hide_nothing() -> None:
    assert hidden(table(a=[5, 9], b=[7, 5])) == set()


def test_a_small_cell_takes_a_rectangle_with_it() -> None:
    """9 - 6 would be 3, and 20 - 17 as well: so its neighbours in the hour and in the day go too."""
    assert hidden(table(a=[3, 9, 8], b=[6, 8, 7])) == {("a", "0"), ("a", "2"), ("b", "0"), ("b", "2")}


def test_a_small_place_takes_a_sibling_with_it() -> None:
    found = hidden(table(a=[1, 1], b=[4, 4], c=[9, 9]))
    assert {("a", "day"), ("b", "day"), ("a", "0"), ("b", "1")} <= found
    assert not {("all", "day"), ("all", "0"), ("c", "day"), ("c", "0")} & found


def test_a_hidden_sum_has_the_threshold() -> None:
    """Two small places of 1 and 2 answers: their sum, 3, is the group less the others. So a third is hidden."""
    found = {place for place in "abcd" if table(a=[1], b=[2], c=[7], d=[9]).is_hidden(place, "day")}
    assert found == {"a", "b", "c"}


def test_no_votes_are_shown_as_none() -> None:
    snapshot = table(a=[0, 9], b=[0, 8])
    assert hidden(snapshot) == set() and snapshot.count("all", "0") == 0


def test_a_survey_with_four_answers_shows_nothing() -> None:
    snapshot = table(a=[2, 1], b=[1, 0])
    assert hidden(snapshot) == {(place, time) for place in ("all", "a", "b") for time in ("day", "0", "1")}
    assert not snapshot.may_show(["all"], ["0", "1"])


def test_staff_surveys_need_ten() -> None:
    assert hidden(table(10, a=[9, 20], b=[20, 20])) and not hidden(table(5, a=[9, 20], b=[20, 20]))


def test_a_range_takes_all_that_is_hidden_in_a_day_or_nothing() -> None:
    snapshot = table(a=[3, 9, 8], b=[6, 8, 7])
    may_show = {times for times in ("0", "1", "2", "01", "12", "02", "012") if snapshot.may_show(["a"], list(times))}
    assert may_show == {"1", "02", "012"}
    assert snapshot.may_show(["all"], ["0", "1"])


def test_names_that_are_not_there_are_sentences() -> None:
    snapshot = table(a=[3, 9])
    with pytest.raises(ValueError, match="'b' is not in the tree of 'all'"):
        snapshot.is_hidden("b", "day")
    with pytest.raises(ValueError, match="'day' is no leaf"):
        snapshot.may_show(["a"], ["day"])
    with pytest.raises(ValueError, match="stands twice"):
        Tree("all", {"all": ["a", "b"], "b": ["a"]})
    with pytest.raises(ValueError, match="can't be reached"):
        Tree("all", {"all": ["a"], "b": ["c"]})
    with pytest.raises(ValueError, match="has a name"):
        Tree("all", {"all": [""]})
    with pytest.raises(ValueError, match="1 or more"):
        table(0, a=[1])


def test_hours_of_places_in_several_zones_hang_on_one_tree() -> None:
    """The night to winter time in Berlin, 25 hours, and the same day in New York, where it has 24."""
    zones = [ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")]
    names = [
        [wall_name(zone, one.start_utc) for one in buckets("hour", zone, start, start + hours * 3600)]
        for zone, hours in zip(zones, (25, 24), strict=True)
        for start in [start_of_day(date(2026, 10, 25), zone.key) * 60]
    ]
    tree = tree_of_hours([*names[1], *names[0], "2026-11-01T00:00"])
    assert tree.children("all") == ("2026-10", "2026-11") and tree.children("2026-10") == ("2026-10-25",)
    assert tree.children("2026-10-25") == tuple(sorted(names[0])) and set(names[1]) < set(names[0])
    assert names[0][2:4] == ["2026-10-25T02:00", "2026-10-25T02:00 again"]


# ---- attacks ----


def small_world(seed: int) -> tuple[World, int]:
    """Up to 14 leaf cells in two random trees, and a threshold. Attackers try every set of them."""
    chance = random.Random(seed)

    def tree(prefix: str, leaves: int, depth: int) -> Tree:
        children: dict[str, list[str]] = {}
        numbers = iter(range(1000))

        def grow(leaves: int, depth: int) -> str:
            name = f"{prefix}{next(numbers)}"
            if leaves > 1 or (depth and chance.random() < 0.2):
                parts = min(leaves, chance.randint(1, 4)) if depth > 1 else leaves
                children[name] = [grow((leaves + part) // parts, depth - 1) for part in range(parts)]
            return name

        return Tree(grow(leaves, depth), children)

    rows = chance.randint(1, 5)
    places = tree("p", rows, chance.randint(1, 3))
    times = tree("t", chance.randint(1, 14 // rows), chance.randint(1, 3))
    most = chance.choice([2, 4, 6, 9, 15])
    votes = {
        (place, hour): 0 if chance.random() < 0.2 else chance.randint(0, most)
        for place in sorted(places.leaves(places.root))
        for hour in sorted(times.leaves(times.root))
    }
    return World(places, times, votes), chance.choice([2, 3, 5])


def knowledge(world: World, snapshot: Snapshot) -> tuple[list[Cell], np.ndarray]:
    """The leaf cells that may have votes, and a row for each shown cell with 1 for each of these within."""
    shown = [cell for cell in world.cells() if not snapshot.is_hidden(*cell)]
    empty = {leaf for cell in shown if world.count(*cell) == 0 for leaf in leaves_of(world, cell)}
    unknown = [leaf for leaf in world.votes if leaf not in empty]
    rows = [[float(leaf in leaves_of(world, cell)) for leaf in unknown] for cell in shown]
    return unknown, np.array(rows or [[0.0] * len(unknown)])


def leaves_of(world: World, cell: Cell) -> set[Cell]:
    return {(leaf, hour) for leaf in world.places.leaves(cell[0]) for hour in world.times.leaves(cell[1])}


def small_sets_that_come_out(world: World, at_least: int) -> list[set[Cell]]:
    """Linear algebra: of all sets of leaf cells those whose sum the shown cells determine, with too few votes."""
    unknown, shown = knowledge(world, world.snapshot(at_least))
    if not unknown:
        return []
    sets = ((np.arange(2 ** len(unknown))[:, None] >> np.arange(len(unknown))) & 1).astype(float)
    determined = np.abs(sets - sets @ np.linalg.pinv(shown) @ shown).max(axis=1) < 1e-7
    votes = sets @ np.array([world.votes[leaf] for leaf in unknown])
    found = sets[determined & (votes > 0) & (votes < at_least)]
    return [{leaf for leaf, within in zip(unknown, row, strict=True) if within} for row in found]


@given(st.integers(0, 10**9))
@settings(max_examples=250, deadline=None)
def test_no_small_set_of_votes_is_determined_by_what_is_shown(seed: int) -> None:
    assert small_sets_that_come_out(*small_world(seed)) == []


@given(st.integers(0, 10**9))
@settings(max_examples=60, deadline=None)
def test_of_a_small_cell_there_is_a_world_with_one_vote_more(seed: int) -> None:
    """Linear programming: the largest count that fits what is shown, and that no count is below 0."""
    world, at_least = small_world(seed)
    snapshot = world.snapshot(at_least)
    unknown, shown = knowledge(world, snapshot)
    known = shown @ np.array([float(world.votes[leaf]) for leaf in unknown])
    for place, time in world.cells():
        above, around = world.places.parent(place), world.times.parent(time)
        votes = world.count(place, time)
        is_within_hidden = (above is not None and snapshot.is_hidden(above, time)) or (
            around is not None and snapshot.is_hidden(place, around)
        )
        if not 0 < votes < at_least or is_within_hidden:
            continue
        aim = [-float(leaf in leaves_of(world, (place, time))) for leaf in unknown]
        found = linprog(aim, A_eq=shown, b_eq=known) if known.any() else None
        assert found is None or found.status == 3 or -found.fun >= votes + 1 - 1e-6, (place, time)


def site(seed: int, mean: float) -> World:
    """A root, 3 groups, 4 places each with up to 2 terminals; 6 days of 8 hours. Places differ tenfold in votes."""
    chance = np.random.default_rng(seed)
    groups = [f"group{number}" for number in range(3)]
    children = {"site": groups, **{group: [f"{group}/place{number}" for number in range(4)] for group in groups}}
    for group in groups:
        for place in children[group][:2]:
            children[place] = [f"{place}/left", f"{place}/right"]
    days = [f"day{number}" for number in range(6)]
    times = Tree("all", {"all": days, **{day: [f"{day}/{hour}" for hour in range(8)] for day in days}})
    places = Tree("site", children)
    votes = {}
    for place in sorted(places.leaves("site")):
        busy = mean * chance.choice([0.2, 1.0, 2.0])
        for day in days:
            for hour in range(8):
                votes[place, f"{day}/{hour}"] = int(chance.poisson(busy * (0.3 if hour in (0, 7) else 1.0)))
    return World(places, times, votes)


def small_differences(
    world: World, chance: random.Random, pairs: int, at_least: int = 5
) -> list[tuple[object, object]]:
    """Random pairs of allowed queries, a place and a range of hours each, one within the other, with too few votes
    between them."""
    snapshot = world.snapshot(at_least)
    hours = [leaf for day in world.times.children("all") for leaf in world.times.children(day)]
    sums = {
        place: np.concatenate([[0], np.cumsum([world.count(place, hour) for hour in hours])]) for place in world.places
    }
    allowed: dict[tuple[str, int, int], bool] = {}

    def may_show(place: str, first: int, end: int) -> bool:
        key = place, first, end
        if key not in allowed:
            allowed[key] = snapshot.may_show([place], hours[first:end])
        return allowed[key]

    found: list[tuple[object, object]] = []
    places = [place for place in world.places if world.places.children(place)]
    tried = 0
    while tried < pairs:
        # An hour, a day or any range, and within it itself or a part; a place, and within it itself, a child or a leaf.
        first = chance.randrange(len(hours))
        end = chance.choice([first + 1, first - first % 8 + 8, chance.randint(first + 1, len(hours))])
        first -= chance.choice([0, first % 8, first])
        begin = chance.choice([first, first, chance.randrange(first, end)])
        until = chance.choice([end, end, chance.randint(begin + 1, end)])
        outer = chance.choice(places)
        inner = chance.choice([outer, *world.places.children(outer), chance.choice(sorted(world.places.leaves(outer)))])
        if not may_show(outer, first, end) or not may_show(inner, begin, until):
            continue
        tried += 1
        between = sums[outer][end] - sums[outer][first] - (sums[inner][until] - sums[inner][begin])
        if 0 < between < at_least:
            found.append(((outer, first, end), (inner, begin, until)))
    return found


@given(st.integers(0, 10**9), st.sampled_from([1.0, 4.0, 8.0, 15.0]))
@settings(max_examples=10, deadline=None)
def test_two_thousand_pairs_of_queries_have_no_small_difference(seed: int, mean: float) -> None:
    assert small_differences(site(seed, mean), random.Random(seed), 2000) == []


def only_the_small(table: Mapping[str, Mapping[str, int]], at_least: int) -> frozenset[Cell]:
    """The planted bug: what is too small is hidden, and nothing beside it."""
    return frozenset((row, one) for row, cells in table.items() for one, votes in cells.items() if 0 < votes < at_least)


@pytest.mark.parametrize(
    "attack",
    [
        lambda: [one for seed in range(40) for one in small_sets_that_come_out(*small_world(seed))],
        lambda: [one for seed in range(2) for one in small_differences(site(seed, 8.0), random.Random(seed), 2000)],
    ],
    ids=["sets", "pairs"],
)
def test_the_attacks_find_what_hides_only_small_cells(
    monkeypatch: pytest.MonkeyPatch, attack: Callable[[], list[object]]
) -> None:
    assert attack() == []
    monkeypatch.setattr(anonymity, "hidden_cells", only_the_small)
    assert attack()


# ---- and what is left ----


def test_an_ordinary_site_shows_most_of_its_cells() -> None:
    """Three to thirty votes an hour: all groups by the hour, all places by the day, and most of the places' hours that
    have enough."""
    world = site(1, 15.0)
    snapshot = world.snapshot()

    def shown(places: list[str], times: list[str]) -> float:
        cells = [(place, time) for place in places for time in times]
        return sum(not snapshot.is_hidden(*cell) for cell in cells) / len(cells)

    days = list(world.times.children("all"))
    hours = sorted(world.times.leaves("all"))
    groups = ["site", *world.places.children("site")]
    leaves = sorted(world.places.leaves("site"))
    assert shown(groups, days + hours) == 1
    assert shown(leaves, days) == 1
    enough = [(leaf, hour) for leaf in leaves for hour in hours if world.count(leaf, hour) >= 5]
    assert sum(not snapshot.is_hidden(*cell) for cell in enough) > 0.6 * len(enough)


def test_a_decision_reads_only_the_families_on_the_way() -> None:
    """One day of one place: not the hours of the other days, nor what is below other groups."""
    world = site(2, 8.0)
    asked: set[Cell] = set()

    def count(place: str, time: str) -> int:
        asked.add((place, time))
        return world.count(place, time)

    snapshot = Snapshot(world.places, world.times, count)
    for hour in world.times.children("day3"):
        snapshot.is_hidden("group1/place3", hour)
    assert not any("/" in time and not time.startswith("day3/") for _, time in asked)
    assert not any(place.startswith(("group0/", "group2/")) or place.count("/") == 2 for place, _ in asked)


def test_the_same_snapshot_hides_the_same() -> None:
    world = site(3, 6.0)
    forwards, backwards = world.snapshot(), world.snapshot()
    cells = world.cells()
    there = [forwards.is_hidden(*cell) for cell in cells]
    assert there == [backwards.is_hidden(*cell) for cell in reversed(cells)][::-1]


# ---- staff surveys ----

DAY_ENDS = [100.0, 200.0, 300.0]


def test_staff_answers_come_by_tens_and_after_the_day() -> None:
    taken = [float(at) for at in range(50, 275, 9)]  # 25 answers: the tenth on the second day, the 20th on the third
    assert staff_blocks(taken, DAY_ENDS, now_utc=199) == []
    assert staff_blocks(taken, DAY_ENDS, now_utc=200) == [StaffBlock(0, 10, 200.0)]
    assert staff_blocks(taken, DAY_ENDS, now_utc=9999) == [StaffBlock(0, 10, 200.0), StaffBlock(10, 10, 300.0)]
    assert staff_blocks(taken[:9], DAY_ENDS, now_utc=9999) == []


def test_a_block_whose_day_has_no_end_yet_waits() -> None:
    assert staff_blocks([310.0] * 10, DAY_ENDS, now_utc=9999) == []


@given(
    taken=st.lists(st.floats(0, 299), max_size=60).map(sorted),
    looks=st.tuples(st.floats(0, 400), st.floats(0, 400)).map(sorted),
    step=st.integers(1, 12),
)
def test_two_looks_at_a_staff_survey_differ_by_whole_blocks(taken: list[float], looks: list[float], step: int) -> None:
    """The second look sees what the first saw, and later answers change nothing of it."""
    early = staff_blocks([at for at in taken if at <= looks[0]], DAY_ENDS, looks[0], step)
    late = staff_blocks([at for at in taken if at <= looks[1]], DAY_ENDS, looks[1], step)
    assert late[: len(early)] == early
    assert [block.first for block in late] == list(range(0, step * len(late), step))
    assert all(block.size == step and block.released_utc <= looks[1] for block in late)


def test_answers_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="in order"):
        staff_blocks([2.0, 1.0], DAY_ENDS, 9)
    with pytest.raises(ValueError, match="1 or more"):
        staff_blocks([], DAY_ENDS, 9, step=0)
