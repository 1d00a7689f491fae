"""Options that many commands share, and the form of the examples under --help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hymio.hidden import BROKER_VARIABLE

JsonOption = Annotated[
    bool, typer.Option("--json", help="For programs: JSON on stdout, a JSON error as the last line of stderr.")
]

BrokerOption = Annotated[
    str,
    typer.Option(
        "--broker",
        metavar="URL",
        envvar=BROKER_VARIABLE,
        help="mqtt://[user:password@]host[:port], mqtts:// for TLS; @FILE: as that file says.",
    ),
]
CaOption = Annotated[
    Path | None, typer.Option("--ca", metavar="FILE", help="With mqtts://: believe only brokers of this CA (PEM).")
]
CertOption = Annotated[
    Path | None, typer.Option("--cert", metavar="FILE", help="With mqtts://: our certificate (PEM).")
]
KeyOption = Annotated[Path | None, typer.Option("--key", metavar="FILE", help="With --cert: its key (PEM).")]

DEFAULT_BROKER = "mqtt://127.0.0.1:1883"


def examples(*lines: str) -> str:
    """The end of a --help text: command lines to copy."""
    return "Examples:\n\n" + "\n\n".join(f"`{line}`" for line in lines)
