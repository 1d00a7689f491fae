"""What a command prints: JSON for programs on stdout, tables for people, everything else on stderr."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from hymio.common.hidden_passwords import without_secrets

if TYPE_CHECKING:
    from rich.console import Console

_HALF_A_PAIR: Final = re.compile("[\ud800-\udfff]")
_STARTED_S: Final = time.monotonic()


def seconds_running() -> float:
    """The `t` of the contract: seconds since the process started, less the few milliseconds until this was imported."""
    return time.monotonic() - _STARTED_S


def print_json(*values: dict[str, Any]) -> None:
    """Prints each JSON object on one line of stdout, all of them at once."""
    text = "\n".join(json.dumps(value, ensure_ascii=False) for value in values)
    # Python holds bytes of a path that are no UTF-8 as halves of surrogate pairs, which a strict reader of JSON
    # refuses.
    print_line(_HALF_A_PAIR.sub(lambda half: rf"\\u{ord(half[0]):04x}", text))


def print_line(line: str) -> None:
    """Prints one line on stdout (or several, with line ends between them), at once.

    Raises:
        Failure: 6, whoever read our output has gone, as in `hymio votes | head`, or there is no room for it.
    """
    print(line, flush=True)


def note(line: str) -> None:
    """Prints one line for a person on stderr; if nobody can have it, the command goes on."""
    with contextlib.suppress(OSError):
        print(without_secrets(line), file=sys.stderr, flush=True)


def console() -> Console:
    """The console for tables that people read, which is stdout."""
    from rich.console import Console

    return Console(highlight=False)


def error_console() -> Console:
    """The console for progress bars and hints, which is stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)
