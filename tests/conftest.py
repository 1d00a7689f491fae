"""Settings for the whole tree: in CI hypothesis draws the same examples every time, elsewhere new ones.

In which order the tests run, so that several processes are done early and together. And one line at the end on the
power cuts that the log has been through.
"""

from __future__ import annotations

import gc
import itertools
import os

import pytest
from hypothesis import HealthCheck, settings

# One machine for everybody: what is slow here is never the thing under test.
settings.register_profile("hymio", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("hymio"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "hymio")

# The tests start hundreds of commands: each would compile the whole project anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

WAITING = (
    "tests/test_scenario.py",
    "tests/simulator/test_memory.py",
    "tests/test_faults.py",
    "tests/host/test_fair_share.py",
    "tests/simulator/test_sim_sleep.py",
    "tests/test_restored_database.py",
    "tests/test_bench.py::test_uplink_in_real_time",
    "tests/test_demo_interrupted.py",
    "tests/host/test_home_assistant.py",
    "tests/host/test_collect.py",
    "tests/host/test_database_faults.py",
)
"""Tests that wait most of the time, for something that takes its time, the longest first: half of the processes begin
with these while the others compute."""

COMPUTING = (
    "tests/firmware/test_bitrot.py",
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


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Of several processes one that is done takes tests over from one that is not."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "worksteal"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each process gets an equal share of the list: what is long comes to the heads of the shares."""
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    if processes > 1:
        items[:] = in_shares(items, processes)


def pytest_collection_finish() -> None:
    """What has been imported by now stays, and is no matter for the garbage collector any more."""
    gc.collect()
    gc.freeze()


def in_shares(items: list[pytest.Item], processes: int) -> list[pytest.Item]:
    """The tests in another order, which is the same in every process; those of a file that are left stay together."""
    heads: list[list[pytest.Item]] = [[] for _ in range(processes)]
    left = list(items)

    def taken(prefix: str) -> list[pytest.Item]:
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
    shares = []
    for number, head in enumerate(heads):
        size = (len(items) - sum(map(len, shares))) // (processes - number)
        rest = max(0, size - len(head))
        shares.append(head + left[:rest])
        left = left[rest:]
    return [item for share in shares for item in share] + left


def pytest_terminal_summary(terminalreporter):
    runs = [
        value
        for report in terminalreporter.stats.get("passed", [])
        for name, value in report.user_properties
        if name == "powercut"
    ]
    if runs:
        cuts, states, seconds = (sum(column) for column in zip(*runs, strict=True))
        terminalreporter.write_line(
            f"power cuts: {cuts}, {states} distinct states, 0 failures, {seconds:.0f} s of CPU time"
        )
