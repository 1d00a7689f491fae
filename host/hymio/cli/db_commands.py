"""The sub-commands of `hymio db`: their options and examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hymio.cli.options import DbOption, JsonOption, examples, new_app
from hymio.common.errors import ANSWER_NO

app = new_app(no_args_is_help=True)

HELP = "The database itself: bring it up to date, keep a copy, put one back, prune what is old, check its sums."
EXAMPLES = examples(
    "hymio db upgrade --db votes.db",
    "hymio db backup --db votes.db --out monday.db",
    "hymio db restore monday.db --db postgresql://hymio@db.example/votes",
    "hymio db prune --db votes.db --older-than 400d",
)


@app.command(epilog=examples("hymio db upgrade --db votes.db", "hymio db upgrade --db votes.db --json"))
def upgrade(db: DbOption, as_json: JsonOption = False) -> None:
    """Brings a database that an older hymio wrote up to date, as whoever opens it does; all of it or nothing."""
    from hymio.office.database import run_upgrade

    run_upgrade(db, as_json)


@app.command(
    epilog=examples(
        "hymio db backup --db votes.db --out monday.db",
        "hymio db backup --db postgresql://hymio@db.example/votes --out monday.db --json",
    )
)
def backup(
    db: DbOption,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where it goes: a file that is not there yet.")],
    as_json: JsonOption = False,
) -> None:
    """Copies all of a database into one file, as it is at one moment; collectors go on meanwhile."""
    from hymio.office.database import run_backup

    run_backup(db, out, as_json)


@app.command(
    epilog=examples(
        "hymio db restore monday.db --db votes.db",
        "hymio db restore monday.db --db postgresql://hymio@db.example/votes --json",
    )
)
def restore(
    backup_file: Annotated[Path, typer.Argument(metavar="FILE", help="What `hymio db backup` made.")],
    db: DbOption,
    as_json: JsonOption = False,
) -> None:
    """Puts a backup into a database of either kind that is empty or not there; all of it or nothing."""
    from hymio.office.database import run_restore

    run_restore(backup_file, db, as_json)


@app.command(
    epilog=examples(
        "hymio db prune --db votes.db --older-than 400d",
        "hymio db prune --db postgresql://hymio@db.example/votes --older-than 400d --json",
    )
)
def prune(
    db: DbOption,
    older_than: Annotated[str, typer.Option(metavar="TIME", help="Since they came, and were pressed: 400d.")],
    as_json: JsonOption = False,
) -> None:
    """Takes away the rows of old presses, for good; ledger and figures keep them, and nothing counts twice."""
    from hymio.office.database import run_prune

    run_prune(db, older_than, as_json)


@app.command(epilog=examples("hymio db check --db votes.db", "hymio db check --db votes.db --json"))
def check(db: DbOption, as_json: JsonOption = False) -> None:
    """Works out every sum that the database keeps from its rows, and compares; status 1 if one is wrong."""
    from hymio.office.database import run_check

    if not run_check(db, as_json):
        raise typer.Exit(ANSWER_NO)
