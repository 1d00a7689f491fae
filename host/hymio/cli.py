"""The `hymio` command: which sub-commands there are, their options and examples."""

# Nothing heavy is imported at the top: `hymio --help` has to be instant, and a technician's laptop need not have
# what only the office uses.

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hymio.errors import WRONG_USE, Failure, run_cli

BENCH = "Bench: boards on a cable"
FIELD = "Field: one terminal"
OFFICE = "Office: many terminals"

app = typer.Typer(
    name="hymio",
    help="Open four-button smiley terminals: flash them, read them, collect their votes.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SIM_HELP = "Simulated terminals that run the real firmware."


def _show_version(wanted: bool) -> None:
    if wanted:
        from hymio import __version__

        print(f"hymio {__version__}")
        raise typer.Exit()


@app.callback()
def _hymio(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    pass


def _simulator(arguments: list[str]) -> typer.Typer:
    """The sub-commands of `hymio sim`, imported only when they are asked for: the simulator is heavy and needs
    POSIX, and everything else must start at once and work without it."""
    stub = typer.Typer(name="sim", help=SIM_HELP)
    if "sim" not in arguments[:1]:
        return stub
    try:
        from hymio_sim.cli import app as simulator
    except ImportError as error:
        raise Failure(
            WRONG_USE,
            f"The simulator does not run here ({error}).",
            'It needs Linux or macOS: `pip install "hymio[sim]"` there.',
        ) from error
    return simulator


def _run(**options: object) -> object:
    app.add_typer(_simulator(sys.argv[1:]), name="sim", help=SIM_HELP, rich_help_panel=BENCH)
    return app(**options)


def main() -> None:
    """Entry point of the `hymio` command."""
    raise SystemExit(run_cli(_run))
