"""In which order tests run when several processes share them: pytest-xdist gives each an equal stretch of the list."""

from __future__ import annotations

import itertools
from typing import Protocol, TypeVar


class HasName(Protocol):
    """A test."""

    @property
    def nodeid(self) -> str:
        """Its file, and its name in it."""
        ...


Named = TypeVar("Named", bound=HasName)

WAITING = (
    "tests/test_scenario.py",
    "tests/simulator/test_memory.py",
    "tests/test_faults.py",
    "tests/host/test_fair_share.py",
    "tests/simulator/test_sim_sleep.py",
    "tests/test_restored_database.py",
    "tests/test_bench.py::test_uplink_in_real_time",
    "tests/test_alert_delivered.py",
    "tests/test_demo_interrupted.py",
    "tests/pages/test_training_browser.py::test_a_press_is_seen_on_the_dashboard",
    "tests/host/test_two_collectors.py",
    "tests/host/test_home_assistant.py",
    "tests/host/test_collect.py",
    "tests/pages/test_training_browser.py",
    "tests/host/test_training_live.py",
    "tests/pages/test_wall_browser.py",
    "tests/host/test_database_faults.py",
)
"""Tests that wait most of the time, for something that takes its time, the longest first: half of the processes begin
with these while the others compute."""

COMPUTING = (
    "tests/firmware/test_bitrot.py",
    "tests/host/test_serve_document.py",
    "tests/test_bench.py::test_a_standard_day",
    "tests/firmware/test_logproof.py::test_every_cut_of_every_operation",
    "tests/firmware/test_logproof.py::test_cuts_during_recovery",
    "tests/simulator/test_a_day.py",
    "tests/simulator/test_uplink_proof.py::test_every_press_arrives_once",
    "tests/firmware/test_logproof.py",
    "tests/simulator/test_uplink_proof.py",
)
"""Tests that compute for long, the longest first: the others begin with these, so that none of them is the last."""

TOGETHER = ("tests/simulator/test_a_day.py",)
"""Of those the ones that share what is dear to make."""


def in_shares(items: list[Named], processes: int) -> list[Named]:
    """The tests in another order, which is the same in every process; those of a file that are left stay together."""
    heads: list[list[Named]] = [[] for _ in range(processes)]
    left = list(items)

    def taken(prefix: str) -> list[Named]:
        nonlocal left
        found = [item for item in left if item.nodeid.startswith(prefix)]
        left = [item for item in left if not item.nodeid.startswith(prefix)]
        return found

    half = processes // 2
    for prefixes, some in ((WAITING, heads[:half]), (COMPUTING, heads[half:])):
        dealt_to = itertools.cycle(some)
        for prefix in prefixes:
            group = taken(prefix)
            # A file's fixtures are made anew in each process: what shares dear ones stays together.
            for part in [group] if prefix in TOGETHER else [[item] for item in group]:
                next(dealt_to).extend(part)
    shares: list[list[Named]] = []
    for number, head in enumerate(heads):
        size = (len(items) - sum(len(share) for share in shares)) // (processes - number)
        rest = max(0, size - len(head))
        shares.append(head + left[:rest])
        left = left[rest:]
    return [item for share in shares for item in share] + left
