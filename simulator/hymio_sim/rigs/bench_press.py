"""The figures of the debouncer, beside those of three other ways to debounce the same pushes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Final

from hymio_sim.board.switches import SWITCHES
from hymio_sim.rigs.figure import Figure
from hymio_sim.rigs.press_proof import MONSTER, DebounceTally, by_button, debounced, timeline
from hymio_sim.rigs.press_votes import judged, visitors
from hymio_sim.rigs.rivals import RIVALS

if TYPE_CHECKING:
    from rich.table import Table

OURS: Final = "hymio"
PUSHES_PER_PROFILE: Final = 14_000
MONSTERS: Final = 10_000
_GROUP_OF: Final = {"tactile": "tactile", "worn": "worn", MONSTER: MONSTER}
_EVERYDAY: Final = "everyday"


def tried(profile: str, pushes: int, tallies: dict[str, DebounceTally]) -> None:
    """Gives the same pushes of one switch to the firmware's debouncer and to its rivals, and adds to their tallies."""
    rng = random.Random(profile)
    if profile == MONSTER:  # it chatters for a second, so nobody pushes it again after 60 ms
        made = [push for visit in visitors(pushes, rng, profile) for push in visit]
    else:
        made = timeline(profile, pushes, rng)
    reports = debounced(made, rng)
    for b, of_b in enumerate(by_button(made)):
        tallies[OURS].add(of_b, [report.at_us for report in reports if report.b == b])
        moments = [edge for push in of_b for edge in push.edges_us]
        for name, rival in RIVALS.items():
            tallies[name].add(of_b, rival(moments))


@cache
def compared(pushes_per_profile: int) -> dict[str, dict[str, DebounceTally]]:
    """What has become of the pushes, by group of switches and by algorithm."""
    found: dict[str, dict[str, DebounceTally]] = {}
    for profile in SWITCHES:
        group = found.setdefault(_GROUP_OF.get(profile, _EVERYDAY), {name: DebounceTally() for name in (OURS, *RIVALS)})
        tried(profile, pushes_per_profile, group)
    return found


def debounce_figures(pushes_per_profile: int = PUSHES_PER_PROFILE, monsters: int = MONSTERS) -> Iterator[Figure]:
    """The figures of the pushes that the contract covers.

    It does not cover those of the switch `monster`, which are judged by their votes.
    """
    groups = compared(pushes_per_profile)

    def total(name: str) -> DebounceTally:
        return sum((group[name] for group in groups.values()), DebounceTally())

    ours, deaf, long = total(OURS), total("first_edge_50ms"), total("quiet_30ms")
    yield Figure("press.pushes", ours.owed, "", ">= 100000" if pushes_per_profile == PUSHES_PER_PROFILE else "")
    yield Figure("press.missed", ours.missed, "", "0", "quiet_30ms", long.missed)
    yield Figure("press.doubles", ours.doubles, "", "0", "first_edge_50ms", deaf.doubles)
    yield Figure("press.late", ours.late, "", "0", "quiet_30ms", long.late)
    yield Figure("press.latency_ms_mean", ours.latency_ms_mean, "ms", "", "quiet_30ms", long.latency_ms_mean)
    yield Figure("press.latency_ms_max", ours.latency_ms_max, "ms", "<= 35", "quiet_30ms", long.latency_ms_max)
    monster = groups[MONSTER]["quiet_30ms"]
    doubles_pct = 100 * monster.others_doubles / monster.others
    votes = judged(monsters)
    extra_pct = 100 * votes.extra / votes.pushes
    yield Figure("press.extra_votes_monster_pct", extra_pct, "%", "< 1", "quiet_30ms, no vote rules", doubles_pct)
    yield Figure("press.lost_votes_monster_pct", 100 * votes.lost / votes.pushes, "%")
    yield Figure("press.wrong_corrections_monster_pct", 100 * votes.swapped / votes.pushes, "%")


def debounce_table(pushes_per_profile: int = PUSHES_PER_PROFILE) -> Table:
    """The comparison of all algorithms, as a table for people."""
    from rich.table import Table

    table = Table("switches", "pushes", "debounced by", "mean ms", "max ms", "missed", "doubles", "late", box=None)
    for group, tallies in compared(pushes_per_profile).items():
        for name, tally in tallies.items():
            row = [f"{tally.latency_ms_mean:.1f}", f"{tally.latency_ms_max:.1f}", tally.missed, tally.doubles]
            row = [*row, tally.late] if tally.owed else ["", "", tally.others_missed, tally.others_doubles, ""]
            table.add_row(group, str(tally.owed or tally.others), name, *map(str, row))
    return table
