"""`hymio logs`: the text log of one terminal on a cable."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hymio.output import print_json

if TYPE_CHECKING:
    from hymio.smp import Cable

FOLLOW_S: Final = 2.0
"""How often a terminal is asked for more."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line, after firmware/README.md "Text log"."""

    number: int
    boot: int
    uptime_ms: int
    utc_s: int | None
    level: str
    text: str

    def json(self) -> dict[str, Any]:
        """The line for machines."""
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
            when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.utc_s))
        return f"{self.number:6} {when:24} {self.level} {self.text}"


def parse_line(line: str) -> TextLine | None:
    """The line, or None if it is damaged."""
    parts = line.split(" ", 5)
    if len(parts) < 6:
        return None
    number, boot, uptime_ms, utc_s, level, text = parts
    if not (number.isdigit() and boot.isdigit() and uptime_ms.isdigit() and (utc_s == "-" or utc_s.isdigit())):
        return None
    return TextLine(
        int(number),
        int(boot),
        int(uptime_ms),
        None if utc_s == "-" else int(utc_s),
        level,
        text.replace(" | ", "\n    "),
    )


def read_lines(cable: Cable, first: int) -> tuple[list[TextLine], int]:
    """All lines from number `first` on that the terminal has now, and the number of the next one."""
    lines: list[TextLine] = []
    while True:
        text, following = cable.text(first)
        if not text:
            return lines, first
        lines += [line for row in text.decode(errors="replace").splitlines() if (line := parse_line(row)) is not None]
        first = following


def run_logs(port: str | None, since: int, follow: bool, as_json: bool) -> None:
    """Prints the lines from number `since` on; with `follow` goes on until it is interrupted."""
    from hymio.ports import choose_port
    from hymio.smp import Cable

    with Cable(choose_port(port)) as cable:
        while True:
            lines, since = read_lines(cable, since)
            for line in lines:
                if as_json:
                    print_json(line.json())
                else:
                    print(line, flush=True)
            if not follow:
                return
            time.sleep(FOLLOW_S)
