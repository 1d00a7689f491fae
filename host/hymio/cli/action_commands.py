"""The sub-commands of `hymio action`: their options and examples."""

from __future__ import annotations

from typing import Annotated

import typer

from hymio.cli.options import DbOption, JsonOption, examples, new_app
from hymio.cli.site_commands import OrganisationOption

app = new_app(no_args_is_help=True)

HELP = "What was changed because of answers: for before and after, and for screens on a wall."
EXAMPLES = examples(
    "hymio action add --db votes.db --title 'The soup is hot now.' --place canteen --publish",
    "hymio action list --db votes.db",
)


@app.command(
    epilog=examples(
        "hymio action add --db votes.db --title 'The soup is hot now.' --place canteen --publish",
        "hymio action add --db votes.db --title 'A second till' --day 2026-03-29 --details 'Opens at noon.' --json",
    )
)
def add(
    db: DbOption,
    title: Annotated[str, typer.Option(metavar="TEXT", help="What was done, in one line, as visitors may read it.")],
    day: Annotated[
        str | None, typer.Option("--day", metavar="DAY", help="From which day it held: 2026-03-29. Without it: today.")
    ] = None,
    details: Annotated[str | None, typer.Option(metavar="TEXT", help="More about it, for colleagues.")] = None,
    place: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="A group or an experience point: it and all below it. Else everything."),
    ] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Screens on walls of the place show it.")] = False,
    organisation: OrganisationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Writes down what was done. Its page shows whether the figure moved with it."""
    from hymio.office.actions import run_add

    run_add(db, title, day, details, place, publish, organisation, as_json)


@app.command("list", epilog=examples("hymio action list --db votes.db", "hymio action list --db votes.db --json"))
def list_(db: DbOption, organisation: OrganisationOption = None, as_json: JsonOption = False) -> None:
    """What was done, the newest first."""
    from hymio.office.actions import run_list

    run_list(db, organisation, as_json)


@app.command(epilog=examples("hymio action remove --db votes.db 3", "hymio action remove --db votes.db 3 --json"))
def remove(
    db: DbOption,
    action: Annotated[int, typer.Argument(metavar="NUMBER", help="As `list` shows it.")],
    as_json: JsonOption = False,
) -> None:
    """Takes one back: it is shown nowhere any more."""
    from hymio.office.actions import run_remove

    run_remove(db, action, as_json)
