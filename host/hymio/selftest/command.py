"""`hymio selftest`: tries a terminal on a cable from its flash to its broker, and keeps the report."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hymio.common.errors import ANSWER_NO, BROKEN_OFF, DONE, WRONG_USE, Failure
from hymio.common.output import console, error_console, note, print_json
from hymio.selftest.report import (
    AS_FAR_AS_TESTED,
    Check,
    Result,
    SelftestReport,
    Verdict,
    directory_of,
    json_text,
    keep,
)

_SHOWN: Final[dict[Result, str]] = {
    "passed": "[green]passed [/]",
    "failed": "[bold red]failed [/]",
    "skipped": "[dim]skipped[/]",
    "unclear": "[yellow]unclear[/]",
}


@dataclass(frozen=True, slots=True)
class SelftestOptions:
    """What the command line says."""

    port: str | None
    report: Path | None
    """A file to be written beside the one in `store`."""
    store: Path
    operator: str | None
    skip: Sequence[str]
    auto: bool
    """Whether nobody is asked."""
    yes: bool
    """Whether every question is answered with yes."""
    as_json: bool


_STATUS: Final[dict[Verdict, int]] = {"good": DONE, "as_far_as_tested": AS_FAR_AS_TESTED, "failed": ANSWER_NO}
_STYLE: Final[dict[Verdict, str]] = {"good": "green", "as_far_as_tested": "yellow", "failed": "bold red"}


def run_selftest(order: SelftestOptions) -> int:
    """Runs `hymio selftest`; gives its exit status."""
    from hymio.cable.ports import choose_port

    _check(order)
    report = _tested(order, choose_port(order.port))
    kept = keep(directory_of(order.store, report.device_id), report)
    if order.report is not None:
        _write(order.report, report)
    if order.as_json:
        print_json({**report.as_json(), "kept": str(kept), "report": str(order.report) if order.report else None})
        return _STATUS[report.verdict]
    said, *rest = report.sentences()
    shown = "; ".join([f"[{_STYLE[report.verdict]}]{said}[/]", *rest])
    console().print(f"{report.device_id}: {shown}", soft_wrap=True)
    note(f"The report is {kept}" + (f", to print: {order.report}." if order.report else "."))
    return _STATUS[report.verdict]


def _check(order: SelftestOptions) -> None:
    """Tells what is wrong with the command line before anything is touched."""
    from hymio.selftest.checks import NAMES

    for name in order.skip:
        if name not in NAMES:
            raise Failure(WRONG_USE, f"--skip: there is no check {name}.", f"There are: {', '.join(NAMES)}.")
    path = order.report
    if path is None:
        return
    if path.suffix.lower() not in (".html", ".json"):
        raise Failure(WRONG_USE, f"--report: expected a name that ends in .html or .json, came {path.name}.", _AGAIN)
    if not path.parent.is_dir():
        raise Failure(WRONG_USE, f"--report: there is no directory {path.parent}.", _AGAIN)


_AGAIN: Final = "Give another path; nothing was tested."


def _tested(order: SelftestOptions, port: str) -> SelftestReport:
    from hymio.cable.smp_session import CableSession
    from hymio.selftest.checks import TestStand, checks, left_out
    from hymio.selftest.messages import StateRead

    shown = _Shown(order.as_json)
    with CableSession(port) as cable:
        status = cable.status()
        directory_of(order.store, status.device_id)  # a directory that can't be made is found before anything is tested
        mac = cable.ask(StateRead()).mac
        began_utc = time.time()
        bench = TestStand(cable, status, shown.doing, shown.tell, _answers(order, shown), status.next_seq)
        bench.is_answered_ahead = order.yes
        found = []
        try:
            for check in checks(bench, order.skip):
                shown.check(check)
                found.append(check)
        except Failure as failure:
            if failure.exit_status != BROKEN_OFF:
                raise
            hint = "Plug it in and begin again; the terminal counts votes again within seconds. No report was kept."
            raise Failure(BROKEN_OFF, failure.message, hint) from failure
        finally:
            shown.pause()
    return SelftestReport(
        device_id=status.device_id,
        mac=":".join(mac[at : at + 2] for at in range(0, 12, 2)),
        log_id=None if status.problem is not None else status.log_id,
        firmware=status.firmware,
        boot=status.boot,
        operator=order.operator,
        began_utc=began_utc,
        ended_utc=time.time(),
        checks=tuple(found),
        left_out=left_out(bench, order.skip),
    )


class _Shown:
    """What a person sees while the checks run.

    The checks go to stdout (to stderr with --json, where stdout holds nothing but JSON), and everything else to stderr.
    """

    def __init__(self, as_json: bool) -> None:
        self._side = error_console()
        self._checks = self._side if as_json else console()
        self._spinner = self._side.status("") if self._side.is_terminal else None

    def doing(self, name: str) -> None:
        """Shows what is being tried."""
        if self._spinner:
            self._spinner.update(name.replace("_", " "))
            self._spinner.start()

    def pause(self) -> None:
        """Stops whatever moves."""
        if self._spinner:
            self._spinner.stop()

    def tell(self, line: str) -> None:
        """Says what a person has to do."""
        self.pause()
        self._side.print(line, style="bold", markup=False)

    def check(self, check: Check) -> None:
        """Shows the outcome of a check."""
        from rich.markup import escape

        self.pause()
        name = check.name.replace("_", " ")
        figures = f"{check.measured:>10} {check.limit:>16}"
        line = f"{_SHOWN[check.result]} {name:<9} {figures}  {escape(check.reason)}"
        self._checks.print(line, soft_wrap=True)


def _answers(order: SelftestOptions, shown: _Shown) -> Callable[[str], bool | None]:
    def ask(question: str) -> bool | None:
        if order.yes or order.auto:
            return True if order.yes else None
        while True:
            shown.tell(f"{question} [y/n]")
            line = sys.stdin.readline()
            if not line:
                return None  # nobody is there
            answer = line.strip().lower()
            if answer in ("y", "yes", "n", "no"):
                return answer.startswith("y")

    return ask


def _write(path: Path, report: SelftestReport) -> None:
    from hymio.selftest.page import page

    text = page(report) if path.suffix.lower() == ".html" else json_text(report)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        hint = f"The report stands in the store; give another path. {error}"
        raise Failure(WRONG_USE, f"{path}: {error.strerror}.", hint) from error
