"""`hymio logs`: the text log of one terminal on a cable (the log of votes is another one)."""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from hymio.common.durations import parse_duration
from hymio.common.errors import WRONG_USE, Failure
from hymio.common.output import note, print_json, print_line
from hymio.common.words import counted

if TYPE_CHECKING:
    from hymio.cable.smp_session import CableSession

FOLLOW_S: Final = 2.0
"""How often a terminal is asked for more lines."""

_LINE_NUMBER: Final = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Since:
    """Where to begin: at line `number`, and from there at the first line dated `utc_s` (seconds of 1970) or later."""

    number: int = 0
    utc_s: float | None = None


def parse_since(text: str, now_utc_s: float) -> Since:
    """Reads a line's number, how long ago, or a date and time of ISO 8601 (UTC, where it names no zone).

    Args:
        text: what was typed.
        now_utc_s: now, in seconds of 1970.

    Raises:
        Failure: 2, it is none of these.
    """
    if _LINE_NUMBER.fullmatch(text):
        return Since(number=int(text))
    with contextlib.suppress(Failure):
        return Since(utc_s=max(0.0, now_utc_s - parse_duration("--since", text) / 1000))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(
            WRONG_USE,
            f"--since: expected a line number, a duration or a UTC time, came {text!r}.",
            "Write it like 120, 10m, 2h, 1d or 2026-11-22T08:00.",
        ) from None
    return Since(utc_s=max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of the text log, as firmware/spec/cable.md "Text log" describes it."""

    number: int
    boot: int
    uptime_ms: int
    utc_s: int | None
    level: str
    text: str

    def json(self) -> dict[str, Any]:
        """The line as a JSON object."""
        return {
            "number": self.number,
            "boot": self.boot,
            "uptime_s": self.uptime_ms / 1000,
            "utc": self.utc_s,
            "level": self.level,
            "text": self.text,
        }

    def __str__(self) -> str:
        when = f"boot {self.boot} + {self.uptime_ms / 1000:.3f} s"
        if self.utc_s is not None:
            when = _date(self.utc_s)
        return f"{self.number:6} {when:24} {self.level} {self.text}"


def _date(utc_s: float) -> str:
    return f"{datetime.fromtimestamp(utc_s, UTC):%Y-%m-%d %H:%M:%S UTC}"


def lines_since(lines: list[TextLine], utc_s: float | None) -> list[TextLine]:
    """The lines from the first one on that is dated `utc_s` or later.

    Those after it may have no date, or an earlier one, as when the clock was set.
    """
    if utc_s is None:
        return lines
    return list(itertools.dropwhile(lambda line: line.utc_s is None or line.utc_s < utc_s, lines))


def parse_line(line: str) -> TextLine | None:
    """Reads one line; None if it is damaged."""
    parts = line.split(" ", 5)
    if len(parts) < 6:
        return None
    number, boot, uptime_ms, utc_s, level, text = parts
    if not (number.isdecimal() and boot.isdecimal() and uptime_ms.isdecimal() and (utc_s == "-" or utc_s.isdecimal())):
        return None
    return TextLine(
        int(number),
        int(boot),
        int(uptime_ms),
        None if utc_s == "-" else int(utc_s),
        level,
        text.replace(" | ", "\n    "),
    )


def read_lines(cable: CableSession, first: int) -> tuple[list[TextLine], int]:
    """Reads all lines from number `first` on that the terminal has now; gives them and the number of the next one."""
    lines: list[TextLine] = []
    while True:
        text, following = cable.text(first)
        if not text:
            return lines, first
        lines += [line for row in text.decode(errors="replace").splitlines() if (line := parse_line(row)) is not None]
        first = following


def run_text_log(port: str | None, since: str, follow: bool, as_json: bool) -> None:
    """Prints the lines from `since` on; with `follow` it goes on until interrupted."""
    from hymio.cable.ports import choose_port
    from hymio.cable.smp_session import CableSession

    begin = parse_since(since, time.time())
    chosen = choose_port(port)
    with CableSession(chosen) as cable:
        lines, following = read_lines(cable, begin.number)
        wanted = lines_since(lines, begin.utc_s)
        if lines and not wanted and begin.utc_s is not None:
            none = f"None of {counted(len(lines), 'line')} is dated {_date(begin.utc_s)} or later"
            note(f"{none}; `hymio logs` shows them all.")
        _print(wanted, as_json)
        while follow:
            time.sleep(FOLLOW_S)
            wanted, following = read_lines(cable, following)
            _print(wanted, as_json)


def _print(lines: list[TextLine], as_json: bool) -> None:
    for line in lines:
        if as_json:
            print_json(line.json())
        else:
            print_line(str(line))
