"""Settings for the whole tree: in CI hypothesis draws the same examples every time, elsewhere new ones.

In which order the tests run, so that several processes are done early and together. And one line at the end on the
power cuts that the log has been through.
"""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import HealthCheck, settings

from order import in_shares

# One machine for everybody: what is slow here is never the thing under test.
settings.register_profile("hymio", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("hymio"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "hymio")

# The tests start hundreds of commands: each would compile the whole project anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


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
