"""Where the values of a TOML text stand.

tomllib gives values without places, and so does tomlkit (it keeps blanks and comments, not lines). So the text is read
once more, only when something is wrong with a value, and only to find the keys: it has been accepted by tomllib, which
leaves five kinds of text to step over. A property test holds it against what tomllib reads.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from typing import Final

Path = tuple[str | int, ...]
"""Keys, and indices of arrays."""

_TOKEN: Final = re.compile(
    r'''(?P<text>"""(?:[^\\]|\\.)*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:'{0,2})|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')'''
    r"|(?P<skip>\#[^\n]*|[ \t\r]+)"
    r"|(?P<line>\n)"
    r"|(?P<sign>[][{}=,.])"
    r"|(?P<bare>[A-Za-z0-9_:+-]+)",
    re.DOTALL,
)


def lines_of(text: str) -> dict[Path, int]:
    """The line, 1 the first, of every table, key and element of an array.

    Args:
        text: a TOML document that tomllib accepts.
    """
    return _Finder(text).lines


class _Finder:
    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._newlines = [at for at, sign in enumerate(text) if sign == "\n"]
        self._tokens = [
            (found.group(), found.start())
            for found in _TOKEN.finditer(text)
            if found.lastgroup != "skip"  # between tokens there is nothing else
        ]
        self._at = 0
        self._last: dict[Path, int] = {}  # index of the newest element of each array of tables
        table: Path = ()
        while self._at < len(self._tokens):
            if self._sign() == "\n":
                self._at += 1
            elif self._sign() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _sign(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _mark(self, path: Path) -> None:
        self.lines.setdefault(path, bisect_right(self._newlines, self._tokens[self._at][1] - 1) + 1)

    def _header(self) -> Path:
        start = self._at
        self._at += 1
        # [[ is two tokens side by side; [ [ would be no header.
        is_array = self._sign() == "["
        self._at += is_array
        names = self._names("]")
        path: Path = ()
        for index, name in enumerate(names):
            path = (*path, name)
            if is_array and index == len(names) - 1:
                self._last[path] = self._last.get(path, -1) + 1
                path = (*path, self._last[path])
            elif path in self._last:
                path = (*path, self._last[path])
        self._at += 1 + is_array
        end, self._at = self._at, start
        for length in range(1, len(path) + 1):
            self._mark(path[:length])
        self._at = end
        return path

    def _names(self, end: str) -> list[str]:
        """The parts of a dotted key, up to and without `end`."""
        names: list[str] = []
        while self._sign() != end:
            name = self._sign()
            if name != ".":
                names.append(_key(name) if name[0] in "\"'" else name)
            self._at += 1
        return names

    def _pair(self, table: Path) -> None:
        start = self._at
        names = self._names("=")
        end, self._at = self._at, start
        for length in range(1, len(names) + 1):
            self._mark((*table, *names[:length]))
        self._at = end + 1
        self._value((*table, *names))

    def _value(self, path: Path) -> None:
        if self._sign() == "[":
            self._at += 1
            index = 0
            while self._sign() != "]":
                if self._sign() in (",", "\n"):
                    self._at += 1
                    continue
                self._mark((*path, index))
                self._value((*path, index))
                index += 1
            self._at += 1
        elif self._sign() == "{":
            self._at += 1
            while self._sign() != "}":
                if self._sign() in (",", "\n"):
                    self._at += 1
                    continue
                self._pair(path)
            self._at += 1
        else:  # one text, or the pieces of a number or a date
            while self._sign() not in (",", "]", "}", "\n", ""):
                self._at += 1


def _key(quoted: str) -> str:
    return str(next(iter(tomllib.loads(f"{quoted} = 0"))))
