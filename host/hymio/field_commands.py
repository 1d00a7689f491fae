"""The commands of those who stand before one terminal with a cable: their options and examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hymio.errors import WRONG_USE, Failure
from hymio.options import JsonOption, examples

FIELD = "Field: one terminal"

app = typer.Typer(rich_markup_mode="markdown", pretty_exceptions_enable=False)

PortOption = Annotated[
    str | None,
    typer.Option("--port", metavar="PORT", help="The serial port; not needed where there is only one terminal."),
]


@app.command(rich_help_panel=FIELD, epilog=examples("hymio status", "hymio status --port /dev/ttyUSB0 --json"))
def status(port: PortOption = None, as_json: JsonOption = False) -> None:
    """How a terminal is: clock, log, unsent presses, network."""
    from hymio.status import run_status

    run_status(port, as_json)


@app.command(
    rich_help_panel=FIELD,
    epilog=examples("hymio logs", "hymio logs --port COM5 --follow", "hymio logs --since 120 --json"),
)
def logs(
    port: PortOption = None,
    since: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="Only the lines from this number on.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with every new line until Ctrl-C.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What a terminal says of itself in words: starts and why the last one ended, network, clock, errors."""
    from hymio.logs import run_logs

    run_logs(port, since, follow, as_json)


@app.command(
    rich_help_panel=FIELD,
    epilog=examples(
        "hymio votes --port COM5",
        "hymio votes --port /dev/ttyUSB0 --json > presses.jsonl",
        "hymio votes --csv > presses.csv",
        "hymio votes --port /dev/ttyUSB0 --db votes.db",
        "hymio votes --image votes.bin --json",
        "hymio votes --image votes.bin --device-id till-1 --db votes.db",
    ),
)
def votes(
    port: PortOption = None,
    db: Annotated[
        str | None, typer.Option("--db", metavar="URL", help="Commit them to this database instead of printing them.")
    ] = None,
    ack: Annotated[
        bool,
        typer.Option("--ack", help="With --db: free them on the terminal, at a site without a network."),
    ] = False,
    image: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Instead of a terminal: a dump of its partition `votes`."),
    ] = None,
    device_id: Annotated[
        str | None, typer.Option(metavar="ID", help="With --image: whose it is; needed with --db.")
    ] = None,
    mac: Annotated[
        str | None, typer.Option(metavar="AA:BB:..", help="With --image: read only the log of the chip with this MAC.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated, with a line of names.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Every press still in a terminal's log, whatever its verdict; changes nothing on the terminal."""
    from hymio.votes import Form, run_image, run_votes

    if as_csv and (as_json or db is not None):
        raise Failure(WRONG_USE, "--csv does not go with --json or --db.", "Give one of them.")
    form: Form = "json" if as_json else "csv" if as_csv else "table"
    if image is not None:
        if port is not None or ack:
            raise Failure(
                WRONG_USE,
                "An image is read without a terminal: --port and --ack do not go with it.",
                "Leave them out, or leave out --image.",
            )
        run_image(image, device_id, mac, db, form)
        return
    if device_id is not None or mac is not None:
        raise Failure(WRONG_USE, "--device-id and --mac go with --image only.", "A terminal on a cable says who it is.")
    run_votes(port, db, ack, form)
