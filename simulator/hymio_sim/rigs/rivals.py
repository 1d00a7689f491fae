"""Three other ways to debounce, for comparison: each takes the edges of one button and gives the presses.

They are idealised in their favour: none misses an edge or polls late. Edges are moments in microseconds, of which the
first closes the contact; the presses they give are such moments as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

Rival = Callable[[Sequence[int]], list[int]]


def first_edge(edges_us: Sequence[int], dead_us: int) -> list[int]:
    """A press at every closing edge, then nothing for `dead_us`.

    This is what an interrupt handler with a time stamp does.
    """
    found: list[int] = []
    for at_us in edges_us[::2]:
        if not found or at_us - found[-1] >= dead_us:
            found.append(at_us)
    return found


def quiet_time(edges_us: Sequence[int], quiet_us: int) -> list[int]:
    """A change counts once the contact has not moved for `quiet_us`; a press is a change to closed."""
    found: list[int] = []
    was_closed = False
    for index, at_us in enumerate(edges_us):
        is_closed = index % 2 == 0
        if is_closed != was_closed and (index + 1 == len(edges_us) or edges_us[index + 1] - at_us >= quiet_us):
            was_closed = is_closed
            if is_closed:
                found.append(at_us + quiet_us)
    return found


RIVALS: Final[dict[str, Rival]] = {
    "first_edge_50ms": partial(first_edge, dead_us=50_000),
    "quiet_5ms": partial(quiet_time, quiet_us=5_000),
    "quiet_30ms": partial(quiet_time, quiet_us=30_000),
}
