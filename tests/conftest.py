"""Settings for the whole tree: in CI hypothesis draws the same examples every time, elsewhere new ones.

And one line at the end on the power cuts that the log has been through.
"""

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


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
