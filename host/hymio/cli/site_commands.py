"""The sub-commands of `hymio site`: their options and examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from hymio.cli.options import DbOption, JsonOption, examples, new_app
from hymio.common.errors import ANSWER_NO

app = new_app(no_args_is_help=True)

HELP = "Where terminals stand and what they ask: one TOML file that may live in git, or two tables of a spreadsheet."
EXAMPLES = examples(
    "hymio site import places.toml --db votes.db",
    "hymio site diff places.toml --db votes.db",
    "hymio site export --db votes.db > places.toml",
    "hymio site show --db votes.db",
)

FilesArgument = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="One TOML, or two CSV: the places and the placements.")
]
OrganisationOption = Annotated[
    str | None, typer.Option(metavar="KEY", help="Which one, where the database has several.")
]


@app.command(
    "import",
    epilog=examples(
        "hymio site import places.toml --db votes.db",
        "hymio site import places.toml --db votes.db --dry-run",
        "hymio site import places.csv placements.csv --db votes.db --organisation city-hospital --json",
    ),
)
def import_(
    db: DbOption,
    files: FilesArgument,
    organisation: OrganisationOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change, as `diff` does.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Makes the site what the files say. What they no longer name is ended, never deleted.

    Votes that are there already follow: where a placement, a time zone or opening hours were corrected, the figures
    are as if they had been right from the start.
    """
    from hymio.office.site import run_import

    run_import(db, files, organisation, dry_run, as_json)


@app.command(
    epilog=examples(
        "hymio site diff places.toml --db votes.db",
        "hymio site diff places.csv placements.csv --db votes.db --json",
    )
)
def diff(
    db: DbOption, files: FilesArgument, organisation: OrganisationOption = None, as_json: JsonOption = False
) -> None:
    """What an import would add, change and end. Exit status 1 if that is anything."""
    from hymio.office.site import run_diff

    if not run_diff(db, files, organisation, as_json):
        raise typer.Exit(ANSWER_NO)


@app.command(
    epilog=examples(
        "hymio site export --db votes.db > places.toml",
        "hymio site export --db votes.db --organisation city-hospital --csv tables",
        "hymio site export --db votes.db --json",
    )
)
def export(
    db: DbOption,
    organisation: OrganisationOption = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write places.csv and placements.csv there instead.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Prints the whole site as TOML, what has ended too: importing it again changes nothing."""
    from hymio.office.site import run_export

    run_export(db, organisation, csv, as_json)


@app.command(
    epilog=examples(
        "hymio site show --db votes.db",
        "hymio site show --db votes.db --past",
        "hymio site show --db votes.db --organisation city-hospital --json",
    )
)
def show(
    db: DbOption,
    organisation: OrganisationOption = None,
    past: Annotated[bool, typer.Option("--past", help="Also what is over.")] = False,
    as_json: JsonOption = False,
) -> None:
    """The tree of places, with the surveys that run there and the terminals that stand there now.

    A terminal that stands nowhere is shown by its id.
    """
    from hymio.office.site import run_show

    run_show(db, organisation, past, as_json)


@app.command(
    epilog=examples(
        "hymio site template three-questions > site.toml",
        "hymio site template staff | hymio site import /dev/stdin --db votes.db",
        "hymio site template peak-end --json",
    )
)
def template(
    name: Annotated[
        Literal["three-questions", "peak-end", "staff"],
        typer.Argument(metavar="three-questions|peak-end|staff", help="Which one."),
    ],
    as_json: JsonOption = False,
) -> None:
    """Prints a small site to begin with, as TOML that `import` takes: questions that others have found to be good.

    three-questions: did you get what you came for, will you come again, would you recommend us. peak-end: the moment
    that is remembered, and the last one. staff: those who work here.
    """
    from hymio.office.site import run_template

    run_template(name, as_json)
