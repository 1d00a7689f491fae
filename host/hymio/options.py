"""Options that many commands share, and the form of the examples under --help."""

from __future__ import annotations

from typing import Annotated

import typer

JsonOption = Annotated[
    bool, typer.Option("--json", help="For programs: JSON on stdout, a JSON error as the last line of stderr.")
]


def examples(*lines: str) -> str:
    """The end of a --help text: command lines to copy."""
    return "Examples:\n\n" + "\n\n".join(f"`{line}`" for line in lines)
