"""Nobody is found out: which cells of a snapshot may be shown, so that no two of them show a small one between them.

A snapshot is one survey at one moment: a tree of places (groups, experience points, terminals), a tree of time (say
all, months, days, hours), and the number of votes of every leaf of the one in every leaf of the other. A cell is a node
of the one tree in a node of the other. A cell with votes, but fewer than the threshold, is hidden; so is all that lies
within a hidden cell, and so are as many cells beside it as it takes (complementary suppression).

How it is decided. Take a place and a bucket of time in which it is shown, the children of the place as rows, those of
the bucket as columns. The sum of every row and every column can be known, so a small cell comes out by subtraction
unless it stands in a rectangle of hidden cells, in which every row and every column has the threshold of votes, or
none (`rectangles`). Rows that are hidden altogether, as the place is in the whole bucket, count as one row, since their
sum can be known; columns likewise.

What holds then, and the tests attack:

* No set of votes, whatever its shape, whose number follows from shown cells by adding and subtracting, has 1 to
  threshold - 1 votes.
* Of a small cell there is always another world of whole numbers with the same shown cells, in which it has one vote
  more: add one to the cell, take one from another cell of its row and of its column, add one at the fourth corner.

What doesn't hold. Somebody who knows more than the snapshot shows, say in which of the hidden hours a place was closed,
can subtract that too; cells with votes are hidden first, which makes it harder and not impossible. What is true of all
votes of a shown cell, as that none is very unhappy, is true of each small cell within. Nothing is said of two
snapshots: their difference is what came between them. So a snapshot is kept and asked again, a new one is made when a
period is over, and staff surveys go out in blocks (`staff_blocks`).

The method is cell suppression (A. Hundepool et al., Statistical Disclosure Control, Wiley 2012, chapter 4), with the
full rectangles in place of an optimiser: they hide more, need no solver, and each decision reads only the families on
the way from the root to the cell.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from hymio.measures.buckets import key_of
from hymio.measures.rectangles import hidden_cells
from hymio.site.model import CUSTOMERS_AT_LEAST, STAFF_AT_LEAST


class Tree:
    """Names of a tree: every node but the root is the child of one other. Votes belong to leaves."""

    def __init__(self, root: str, children: Mapping[str, Sequence[str]]) -> None:
        """children: of every node that has some. ValueError if a name comes twice, can't be reached or is empty."""
        self.root = root
        self._children = {name: tuple(below) for name, below in children.items() if below}
        self._parent: dict[str, str | None] = {root: None}
        self._leaves: dict[str, frozenset[str]] = {}
        for name in self._walk(root):
            if not name:
                raise ValueError("A node of a tree has a name; one came without.")
            for child in self.children(name):
                if child in self._parent:
                    raise ValueError(f"{child!r} stands twice in the tree; every node has one place in it.")
                self._parent[child] = name
        if lost := sorted(self._children.keys() - self._parent.keys()):
            raise ValueError(f"{lost[0]!r} can't be reached from {root!r}; every node hangs on the root.")

    def _walk(self, name: str) -> Iterator[str]:
        yield name
        for child in self.children(name):
            yield from self._walk(child)

    def __iter__(self) -> Iterator[str]:
        """Every node, parents before children."""
        return self._walk(self.root)

    def children(self, name: str) -> tuple[str, ...]:
        """Empty for a leaf."""
        return self._children.get(name, ())

    def parent(self, name: str) -> str | None:
        """None for the root. ValueError for a name that is not in the tree."""
        if name not in self._parent:
            raise ValueError(f"{name!r} is not in the tree of {self.root!r}.")
        return self._parent[name]

    def leaves(self, name: str) -> frozenset[str]:
        """The leaves at or below a node."""
        if name not in self._leaves:
            below = self.children(name)
            self._leaves[name] = frozenset().union(*map(self.leaves, below)) if below else frozenset({name})
        return self._leaves[name]


def tree_of_hours(names: Iterable[str]) -> Tree:
    """`all`, its quarters (`2026-Q1`), months (`2026-03`), weeks, days (`2026-03-29`) and hours.

    A week that lies in two months is two nodes (`2026-03/W14`, `2026-04/W14`). Every kind of bucket that people ask for
    is a node, or two: what is shown of it does not depend on whether its days may be shown.

    Args:
        names: hours as `zones.wall_name` names them, of one zone or of several: a group whose places lie in several has
            the sum of what each calls that hour. And days, and months, of whose parts nobody asks, as `2026-03-29` and
            `2026-03`: what is hidden above does not depend on those. In any order; a name may come again.
    """
    children: dict[str, list[str]] = {"all": []}
    for name in sorted(set(names)):
        month, day = name[:7], date.fromisoformat(f"{name}-01"[:10])
        path = [key_of("quarter", day), month]
        if name != month:
            path += [f"{month}/W{day.isocalendar().week:02}", name[:10], name]
        above = "all"
        for below in dict.fromkeys(path):
            if children[above][-1:] != [below]:
                children[above].append(below)
            above = below
            children.setdefault(below, [])
    return Tree("all", children)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a sum is to hold. above: `places`, and all nodes that one of them lies below."""

    places: frozenset[str]
    above: frozenset[str]
    times: frozenset[str]


_REST: Final = ""
"""The one row of all hidden children: never shown itself, but its sum can be known."""


class Snapshot:
    """Which cells may be shown. A pure function of trees, counts and threshold; it computes what it is asked for.

    Args:
        places, times: the two trees; their leaves are the cells that counts belong to.
        count: votes of a node of `places` in a node of `times`: of an inner one the sum of its leaves'. It is asked for
            families on the way to the cells wanted, and for each cell once.
        at_least: the threshold, 1 or more: CUSTOMERS_AT_LEAST or STAFF_AT_LEAST.
    """

    def __init__(
        self, places: Tree, times: Tree, count: Callable[[str, str], int], at_least: int = CUSTOMERS_AT_LEAST
    ) -> None:
        """Computes nothing yet. ValueError for a threshold below 1."""
        if at_least < 1:
            raise ValueError(f"A threshold is 1 or more; it came as {at_least}.")
        self.places, self.times, self.at_least = places, times, at_least
        self._count = count
        self._counts: dict[tuple[str, str], int] = {}
        self._hidden: dict[tuple[str, str], bool] = {}
        self._beside: dict[tuple[str | None, str | None], dict[tuple[str, str], int]] = {}

    def count(self, place: str, time: str) -> int:
        """Votes of a cell, whether or not it may be shown."""
        cell = place, time
        if cell not in self._counts:
            self._counts[cell] = self._count(place, time)
        return self._counts[cell]

    def is_hidden(self, place: str, time: str) -> bool:
        """Whether the cell says "too few answers".

        A cell without votes is shown (it has no figure), unless that would give others away.
        """
        cell = place, time
        if cell not in self._hidden:
            self._hidden[cell] = self._decide(place, time)
        return self._hidden[cell]

    def may_show(self, places: Collection[str], times: Collection[str]) -> bool:
        """Whether the sum over some places and several leaves of time may be shown: a range, all Mondays, a survey.

        It may if it follows from shown cells, and from sums of hidden ones that may be told: where it takes a part of a
        rectangle, it takes all that a place, or a bucket, has of it.

        Args:
            places: nodes of the tree, each with all below it.
            times: leaves.

        Raises:
            ValueError: a name is not in the tree, or no leaf.
        """
        if unknown := set(times) - self.times.leaves(self.times.root):
            raise ValueError(f"{min(unknown)!r} is no leaf of the tree of time.")
        whole, above = set(places), set[str]()
        for place in places:
            at: str | None = place
            while at is not None:
                above.add(at)
                at = self.places.parent(at)
                if at is not None and whole.issuperset(self.places.children(at)):
                    whole.add(at)
        wanted = _Wanted(frozenset(whole), frozenset(above), frozenset(times))
        return bool(times) and self._follows(self.places.root, self.times.root, wanted, False)

    def _follows(self, place: str, time: str, wanted: _Wanted, is_within: bool) -> bool:
        """Whether what is wanted of a cell follows from what may be told. is_within: all of the place is wanted."""
        share = self._share_wanted(place, time, wanted, is_within)
        if share == "none":
            return True
        if self.is_hidden(place, time):
            return False
        if share == "all" or self.count(place, time) == 0:
            return True
        is_within = is_within or place in wanted.places
        # It may follow place by place, or bucket by bucket.
        return (
            not is_within
            and self._parts_follow([(child, time) for child in self.places.children(place)], wanted, False)
        ) or self._parts_follow([(place, child) for child in self.times.children(time)], wanted, is_within)

    def _parts_follow(self, parts: list[tuple[str, str]], wanted: _Wanted, is_within: bool) -> bool:
        """The same of a shown cell's parts; of hidden ones that hang together the sum is known, and no more."""
        hidden: dict[int | None, set[str]] = {}
        for part in parts:
            if self.is_hidden(*part):
                hidden.setdefault(self._together(*part), set()).add(self._share_wanted(*part, wanted, is_within))
        return (
            bool(parts)
            and all(shares in ({"none"}, {"all"}) for shares in hidden.values())
            and all(self._follows(*part, wanted, is_within) for part in parts if not self.is_hidden(*part))
        )

    def _share_wanted(self, place: str, time: str, wanted: _Wanted, is_within: bool) -> Literal["none", "some", "all"]:
        leaves = self.times.leaves(time)
        is_within = is_within or place in wanted.places
        if not (is_within or place in wanted.above) or wanted.times.isdisjoint(leaves):
            return "none"
        return "all" if is_within and leaves <= wanted.times else "some"

    def _together(self, place: str, time: str) -> int | None:
        """What hidden cells have in common of which the sum may be told; None: all that are hidden with a parent."""
        above, around = self.places.parent(place), self.times.parent(time)
        row = _REST if around is not None and self.is_hidden(place, around) else place
        column = _REST if above is not None and self.is_hidden(above, time) else time
        return self._hidden_among(above, around).get((row, column))

    def _decide(self, place: str, time: str) -> bool:
        above, around = self.places.parent(place), self.times.parent(time)
        if above is None and around is None:
            return self._is_small(self.count(place, time))
        if above is not None and self.is_hidden(above, time):
            return True
        if around is not None and self.is_hidden(place, around):
            return True
        return (place, time) in self._hidden_among(above, around)

    def _is_small(self, votes: int) -> bool:
        return 0 < votes < self.at_least

    def _hidden_among(self, above: str | None, around: str | None) -> dict[tuple[str, str], int]:
        """The hidden cells among the children of a place and of a bucket, in both of which the parents are shown.

        The root of a tree is a row, or column, to itself. Nothing tells what is outside, so beside it stands a row of
        the rest that always has enough.
        """
        key = above, around
        if key not in self._beside:
            rows = _members(self.places, above, lambda name: around is not None and self.is_hidden(name, around))
            columns = _members(self.times, around, lambda name: above is not None and self.is_hidden(above, name))
            table = {
                row: {
                    column: sum(self.count(place, time) for place in of_row for time in of_column)
                    for column, of_column in columns.items()
                }
                for row, of_row in rows.items()
            }
            if above is None:
                table[_REST] = dict.fromkeys(columns, self.at_least)
            if around is None:
                table = {row: {**cells, _REST: self.at_least} for row, cells in table.items()}
            self._beside[key] = hidden_cells(table, self.at_least)
        return self._beside[key]


def _members(tree: Tree, parent: str | None, is_hidden: Callable[[str], bool]) -> dict[str, list[str]]:
    """The children of a node, or the root, each by itself, and all that are hidden as one."""
    found: dict[str, list[str]] = {}
    for name in (tree.root,) if parent is None else tree.children(parent):
        found.setdefault(_REST if is_hidden(name) else name, []).append(name)
    return found


@dataclass(frozen=True, slots=True)
class StaffBlock:
    """`size` answers to one survey at one place, from number `first` on; the first of all is 0.

    They are numbered in the order in which the database took them. released_utc: the end of the period in which it
    became full, seconds of 1970; a figure by time counts it there.
    """

    first: int
    size: int
    released_utc: float


def staff_blocks(
    taken_utc: Sequence[float], period_ends_utc: Sequence[float], now_utc: float, step: int = STAFF_AT_LEAST
) -> list[StaffBlock]:
    """What of a staff survey's answers at one place may be shown now: whole blocks, full in a period that is over.

    Args:
        taken_utc: when the database took each answer, in that order. Never by the time of the press: a late answer
            would move all blocks behind it, and the difference would be that answer.
        period_ends_utc: the ends of the periods (days, say), in order.
        now_utc: the moment of the question: a period that ends later is not over.
        step: answers in a block, 1 or more.

    Every figure, of a place, a group or a period, is to be the sum of whole blocks. Then all that can be had by adding
    and subtracting figures, of the same or of different moments, are whole blocks again: nothing live, no single
    answer, and nobody's among fewer than `step`. The answers that don't fill a block wait and are in no figure yet.
    ValueError for a step below 1 and for times out of order.
    """
    if step < 1:
        raise ValueError(f"A step is 1 or more answers; it came as {step}.")
    if list(taken_utc) != sorted(taken_utc) or list(period_ends_utc) != sorted(period_ends_utc):
        raise ValueError("Answers and periods come in order of time.")
    blocks = []
    for first in range(0, len(taken_utc) - step + 1, step):
        full_utc = taken_utc[first + step - 1]
        released_utc = next((end for end in period_ends_utc if end > full_utc), None)
        if released_utc is None or released_utc > now_utc:
            break
        blocks.append(StaffBlock(first, step, released_utc))
    return blocks
