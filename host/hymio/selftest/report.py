"""What a self-test has found: its checks, its JSON, and where it is kept."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from hymio.common.errors import WRONG_USE, Failure

VERSION: Final = 1
Result = Literal["passed", "failed", "skipped", "unclear"]
"""`skipped`: the board has no such thing, or it was left out; `unclear`: it was tried, and the outcome can't be told.
"""
RESULTS: Final[tuple[Result, ...]] = ("passed", "failed", "skipped", "unclear")
Verdict = Literal["good", "as_far_as_tested", "failed"]
AS_FAR_AS_TESTED: Final = 7
"""An exit status that only the self-test has: nothing has failed, but something was left out by choice or can't be
told, so that nothing is signed off."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. `value` is what was measured, in `unit`; `at_least` and `at_most` are its limits."""

    name: str
    result: Result
    reason: str
    """One sentence for a person."""
    value: float | None = None
    unit: str | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def measured(self) -> str:
        """The value with its unit, for a person."""
        return "" if self.value is None else f"{self.value:g} {self.unit}"

    @property
    def limit(self) -> str:
        """The limits, for a person."""
        parts = []
        if self.at_least is not None:
            parts.append(f"\N{GREATER-THAN OR EQUAL TO} {self.at_least:g}")
        if self.at_most is not None:
            parts.append(f"\N{LESS-THAN OR EQUAL TO} {self.at_most:g}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class SelftestReport:
    """The whole report. Times are seconds of 1970 by this computer's clock."""

    device_id: str
    mac: str
    log_id: int | None
    """None if the terminal has no log."""
    firmware: str
    boot: int
    operator: str | None
    began_utc: float
    ended_utc: float
    checks: tuple[Check, ...]
    left_out: tuple[str, ...] = ()
    """The checks that the board has something for and that were not made, by --skip or because nobody was there to
    look."""

    def names(self, result: Result) -> list[str]:
        """The names of the checks with this result."""
        return [check.name for check in self.checks if check.result == result]

    @property
    def ok(self) -> bool:
        """Whether no check has failed. That alone makes no board good, see `verdict`."""
        return not self.names("failed")

    @property
    def verdict(self) -> Verdict:
        """`good` only if everything that the board has was tried, and could be told."""
        if not self.ok:
            return "failed"
        return "as_far_as_tested" if self.left_out or self.names("unclear") else "good"

    @property
    def absent(self) -> list[str]:
        """The names of the checks for which the board has nothing."""
        return [name for name in self.names("skipped") if name not in self.left_out]

    def sentences(self) -> list[str]:
        """The outcome for a person: first the verdict, then everything about which it says nothing."""
        failed = ", ".join(self.names("failed"))
        said = {"failed": f"failed: {failed}", "good": "good", "as_far_as_tested": "good as far as tested"}
        lists = (
            ("can't tell", self.names("unclear")),
            ("skipped by choice", self.left_out),
            ("not tested", self.absent),
        )
        return [said[self.verdict], *(f"{what}: {', '.join(names)}" for what, names in lists if names)]

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON object (tests/schemas/selftest.json)."""
        facts = asdict(self)
        checks = facts.pop("checks")
        left_out = list(facts.pop("left_out"))
        counts = {result: len(self.names(result)) for result in RESULTS}
        verdict = {"ok": self.ok, "verdict": self.verdict, "skipped_by_choice": left_out}
        return {"hymio_selftest": VERSION, **facts, **verdict, "counts": counts, "checks": checks}


def directory_of(store: Path, device_id: str) -> Path:
    """The directory in which the reports of that terminal are kept; it is made if it is not there.

    Raises:
        Failure: 2, it can't be made.
    """
    directory = store / device_id
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        hint = "Give another --store; nothing was tested."
        raise Failure(WRONG_USE, f"{directory}: {error.strerror}.", hint) from error
    return directory


def keep(directory: Path, report: SelftestReport) -> Path:
    """Writes the report into a file named after its time; an older one is never overwritten."""
    stem = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(report.began_utc))
    text = json_text(report)
    for name in (stem, *(f"{stem}-{n}" for n in range(2, 100))):
        path = directory / f"{name}.json"
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        except OSError as error:
            raise Failure(WRONG_USE, f"{path}: {error.strerror}.", "Give another --store and test it again.") from error
        return path
    raise Failure(WRONG_USE, f"{directory} holds a hundred reports of {stem}.", "Give another --store.")


def json_text(report: SelftestReport) -> str:
    """The report as the text of a file."""
    return json.dumps(report.as_json(), ensure_ascii=False, indent=1) + "\n"
