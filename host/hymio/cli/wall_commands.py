"""The sub-commands of `hymio wall`: their options and examples."""

from __future__ import annotations

from typing import Annotated

import typer

from hymio.cli.options import DbOption, JsonOption, examples, new_app
from hymio.cli.site_commands import OrganisationOption

app = new_app(no_args_is_help=True)

HELP = "Secret links for screens on a wall: question, today's faces, what was done; live, or for days without network."
EXAMPLES = examples(
    "hymio wall create --db votes.db --name 'Lobby, left' --place ward-3 --url https://feedback.example.org",
    "hymio wall list --db votes.db",
    "hymio wall revoke --db votes.db 'Lobby, left'",
)


@app.command(
    epilog=examples(
        "hymio wall create --db votes.db --name 'Lobby, left' --place ward-3 --url https://feedback.example.org",
        "hymio wall create --db votes.db --name Canteen --place canteen --survey food-2026 --json",
    )
)
def create(
    db: DbOption,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Which screen it is, as people call it.")],
    place: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="A group or an experience point: it and all below it. Else everything."),
    ] = None,
    survey: Annotated[
        str | None, typer.Option(metavar="KEY", help="Whose question and answers; without it what runs there.")
    ] = None,
    organisation: OrganisationOption = None,
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="The address of `hymio serve`, as the screen reaches it.")
    ] = "http://127.0.0.1:8080",
    as_json: JsonOption = False,
) -> None:
    """Makes a link and prints it, this once: the database keeps only a digest of its secret."""
    from hymio.office.walls import WallWish, run_create

    run_create(db, WallWish(name, organisation, place, survey, url), as_json)


@app.command("list", epilog=examples("hymio wall list --db votes.db", "hymio wall list --db votes.db --json"))
def list_(db: DbOption, as_json: JsonOption = False) -> None:
    """Which links there are and were, and what they show."""
    from hymio.office.walls import run_list

    run_list(db, as_json)


@app.command(
    epilog=examples("hymio wall revoke --db votes.db 3", "hymio wall revoke --db votes.db 'Lobby, left' --json")
)
def revoke(
    db: DbOption,
    wall: Annotated[str, typer.Argument(metavar="WALL", help="Its number or name, as `list` shows them; or the link.")],
    as_json: JsonOption = False,
) -> None:
    """Has a link show nothing from now on; a screen that has it open goes dark within a minute."""
    from hymio.office.walls import run_revoke

    run_revoke(db, wall, as_json)
