"""Settings for the whole tree: in CI hypothesis draws the same examples every time, elsewhere new ones.

In which order the tests run, so that several processes are done early and together. `--alone` leaves out what starts
another process that goes on running. And one line at the end on the power cuts that the log has been through.
"""

from __future__ import annotations

import gc
import os
import re
import signal

import pytest
from hypothesis import HealthCheck, settings

from order import in_shares

# One machine for everybody: what is slow here is never the thing under test.
settings.register_profile("hymio", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("hymio"), derandomize=True, max_examples=60)
settings.load_profile("ci" if os.environ.get("CI") else "hymio")

# A shell without job control starts what goes to the background with Ctrl-C ignored, and children inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

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
    if config.getoption("--alone"):
        # A fixture may have several databases to give, one of which is a server.
        fixtures = {item: getattr(item, "fixturenames", ()) for item in items}
        served = [item for item in items if "postgres" in item.name or "postgres_url" in fixtures[item]]
        config.hook.pytest_deselected(items=served)
        items[:] = [item for item in items if item not in served]
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    if processes > 1:
        items[:] = in_shares(items, processes)


def pytest_collection_finish() -> None:
    """What has been imported by now stays, and is no matter for the garbage collector any more."""
    gc.collect()
    gc.freeze()


NOT_ALONE = re.compile(
    r"\bSimTerminal\b|\b[Ss]ervice\(|mosquitto|\bport: str\b|\bfind_tool\b|simulated_board|stage_set|\bBrowser\b"
)
"""In the text of a test file: it has to do with servers, browsers, the MicroPython VM or terminals in real time."""


def pytest_addoption(parser):
    parser.addoption("--alone", action="store_true", help="only files that need no server and no MicroPython VM")


def pytest_ignore_collect(collection_path, config):
    if config.getoption("--alone") and collection_path.match("test_*.py"):
        return bool(NOT_ALONE.search(collection_path.read_text(encoding="utf-8"))) or None
    return None


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
