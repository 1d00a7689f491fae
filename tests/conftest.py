"""Settings for the whole tree: in CI hypothesis draws the same examples every time, elsewhere new ones.

`--alone` leaves out what starts another process that goes on running. And one line at the end on the power cuts that
the log has been through.
"""

import os
import re

from hypothesis import settings

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


NOT_ALONE = re.compile(r"\bSimTerminal\b|\bservice\(|mosquitto|\bport: str\b|\bfind_tool\b|simulated_board|stage_set")
"""In the text of a test file: it has to do with servers, the MicroPython VM or terminals in real time."""


def pytest_addoption(parser):
    parser.addoption("--alone", action="store_true", help="only files that need no server and no MicroPython VM")


def pytest_ignore_collect(collection_path, config):
    if config.getoption("--alone") and collection_path.match("test_*.py"):
        return bool(NOT_ALONE.search(collection_path.read_text(encoding="utf-8"))) or None
    return None


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--alone"):
        return
    # A fixture may have several databases to give, one of which is a server.
    served = [item for item in items if "postgres" in item.name or "postgres_url" in item.fixturenames]
    config.hook.pytest_deselected(items=served)
    items[:] = [item for item in items if item not in served]


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
