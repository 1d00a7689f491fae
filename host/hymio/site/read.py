"""A site from its TOML file. All that is wrong with it is told at once, each with its line and key."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Final

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.text_files import SAVE_AS_UTF8, read_utf8
from hymio.common.words import counted
from hymio.site.build import Builder, FaultyValue, Path
from hymio.site.model import Site
from hymio.site.positions import lines_of
from hymio.site.rules import Problem, dotted, shown

FILE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Twice what the largest site takes."""
SHOWN_MAX: Final = 100
HINT: Final = "Correct it and run the same command again. Nothing was changed."


@dataclass(frozen=True, slots=True)
class FileFault:
    """One fault of a file, for people and for programs."""

    file: str
    line: int
    """1 is the first."""
    key: str
    """Dotted key of a TOML with indices from 0, or the column of a CSV."""
    expected: str
    came: str

    def __str__(self) -> str:
        return f"{self.file} line {self.line}: {self.key}: expected {self.expected}, came {self.came}."

    def as_values(self) -> dict[str, str | int]:
        """For `--json`."""
        return {
            "file": self.file,
            "line": self.line,
            "key": self.key,
            "expected": self.expected,
            "came": self.came,
        }


class FaultyFiles(Failure):
    """Ends a command with 2; the message has a line for each fault, in their order in the file."""

    def __init__(self, faults: Sequence[FileFault]) -> None:
        """Shows the first hundred faults and counts the others."""
        shown = [str(fault) for fault in faults[:SHOWN_MAX]]
        if len(faults) > SHOWN_MAX:
            shown.append(f"And {counted(len(faults) - SHOWN_MAX, 'fault')} more.")
        super().__init__(WRONG_USE, "\n".join(shown), HINT)
        self.faults = tuple(faults)

    def faults_as_values(self) -> list[dict[str, str | int]]:
        """All of them, for `--json`."""
        return [fault.as_values() for fault in self.faults]


@dataclass(frozen=True, slots=True)
class SiteFile:
    """A site as it stands in a file, or in two."""

    site: Site
    fault_of: Callable[[Problem], FileFault]
    """What is found to be wrong with the site afterwards, as a fault of the file."""


def read_site(path: FilePath) -> SiteFile:
    """The site of a TOML file.

    Raises:
        Failure: 2, it can't be read or is not UTF-8. Its subclass FaultyFiles: all that is wrong in it.
    """
    return _parsed(read_bounded(path, SAVE_AS_UTF8), str(path))


def read_bounded(path: FilePath, hint: str) -> str:
    """The text of a file that a person has named.

    Args:
        path: the file, as it was named.
        hint: how to save it, if it is not UTF-8.

    Raises:
        Failure: 2, it can't be read, is too large, or not UTF-8.
    """
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            raise Failure(WRONG_USE, f"{path}: expected at most {FILE_BYTES_MAX} bytes, came {size}.", HINT)
        return read_utf8(path, hint)
    except OSError as error:
        raise Failure(WRONG_USE, f"{path}: {error.strerror}.", "Give the path of a file that can be read.") from error


def parse_site(text: str, source: str = "site.toml") -> Site:
    """The site of a TOML text.

    Args:
        text: the whole file.
        source: what errors call the file.

    Raises:
        Failure: 2, it is not TOML. Its subclass FaultyFiles: all that is wrong in it.
    """
    return _parsed(text, source).site


def _parsed(text: str, source: str) -> SiteFile:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Failure(WRONG_USE, f"{source} is not TOML: {error}.", HINT) from error
    except RecursionError as error:
        raise Failure(
            WRONG_USE, f"{source} is not the TOML of a site: it has too many brackets in it.", HINT
        ) from error
    builder = Builder()
    builder.take(values)
    site = builder.site()
    lines: dict[Path, int] = {}  # they are wanted only if something is wrong

    def located(fault: FaultyValue) -> FileFault:
        lines.update(lines or lines_of(text))
        return file_fault(fault, source, _line(lines, fault.path), fault.path)

    if builder.faults:
        raise FaultyFiles(sorted(map(located, builder.faults), key=lambda fault: fault.line))
    return SiteFile(site, lambda problem: located(builder.fault_of(problem)))


def file_fault(fault: FaultyValue, source: str, line: int, path: Path) -> FileFault:
    """The fault as it is shown."""
    return FileFault(source, line, dotted(path), fault.expected, shown(fault.came))


def _line(lines: dict[Path, int], path: Path) -> int:
    """The line of a value, or of what it is missing in."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)
