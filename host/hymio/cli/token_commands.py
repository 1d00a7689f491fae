"""The sub-commands of `hymio token`, and `hymio audit`: their options and examples."""

from __future__ import annotations

from typing import Annotated

import typer

from hymio.cli.office_commands import OFFICE
from hymio.cli.options import DbOption, JsonOption, examples, new_app

app = new_app(no_args_is_help=True)
audit_app = new_app()

HELP = "Tokens, with which programs read figures over HTTP: of a whole organisation, or of a place and all below it."
EXAMPLES = examples(
    "hymio token create --db votes.db --name 'Power BI' --scope wards --expires 90d",
    "hymio token list --db votes.db",
    "hymio token revoke --db votes.db 'Power BI'",
)


@app.command(
    epilog=examples(
        "hymio token create --db votes.db --name 'Power BI'",
        "hymio token create --db votes.db --name 'Wards screen' --scope wards --expires 365d",
        "hymio token create --db votes.db --name Archive --organisation city-hospital --expires never --json",
    )
)
def create(
    db: DbOption,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Who will use it, as people call that.")],
    scope: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="A group or an experience point: it and all below it. Else everything."),
    ] = None,
    expires: Annotated[str, typer.Option(metavar="TIME", help="How long it is good: 12h, 90d, never.")] = "90d",
    cases: Annotated[
        bool, typer.Option("--cases", help="It also opens cases, with whom to call back, and changes them.")
    ] = False,
    organisation: Annotated[
        str | None, typer.Option(metavar="KEY", help="Whose, where the database has several.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Makes a token and prints it, this once: the database keeps only a digest of it."""
    from hymio.office.tokens import run_create

    run_create(db, name, organisation, scope, expires, cases, as_json)


@app.command("list", epilog=examples("hymio token list --db votes.db", "hymio token list --db votes.db --json"))
def list_(db: DbOption, as_json: JsonOption = False) -> None:
    """Which tokens there are and were, what they open and until when."""
    from hymio.office.tokens import run_list

    run_list(db, as_json)


@app.command(
    epilog=examples("hymio token revoke --db votes.db 3", "hymio token revoke --db votes.db 'Power BI' --json")
)
def revoke(
    db: DbOption,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its number or name, as `list` shows them; or itself.")],
    as_json: JsonOption = False,
) -> None:
    """Has a token open nothing from now on."""
    from hymio.office.tokens import run_revoke

    run_revoke(db, token, as_json)


@audit_app.command(
    rich_help_panel=OFFICE,
    epilog=examples("hymio audit --db votes.db", "hymio audit --db votes.db --limit 1000 --json"),
)
def audit(
    db: DbOption,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1_000_000, help="At most so many, the newest.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Who changed what by hand, the newest first: imports of sites, tokens, prunes and restores."""
    from hymio.office.tokens import run_audit

    run_audit(db, limit, as_json)
