"""The sub-commands of `hymio case`: their options and examples."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from hymio.cli.options import DbOption, JsonOption, examples, new_app
from hymio.cli.site_commands import OrganisationOption

app = new_app(no_args_is_help=True)

HELP = "Visitors who want to be called back: who looks after them, by when, and what was done."
EXAMPLES = examples(
    "hymio case list --db votes.db --state overdue",
    "hymio case close --db votes.db 12 --outcome 'Rang her; the soup is on the house.'",
)


@app.command(
    "list",
    epilog=examples("hymio case list --db votes.db", "hymio case list --db votes.db --state overdue --json"),
)
def list_(
    db: DbOption,
    state: Annotated[
        Literal["open", "overdue", "closed", "all"],
        typer.Option(metavar="open|overdue|closed|all", help="Which of them; the newest 200."),
    ] = "open",
    place: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="A group or an experience point: it and all below it. Else everything."),
    ] = None,
    organisation: OrganisationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which cases there are, without who it is: that is on their pages."""
    from hymio.office.cases import run_list

    run_list(db, state, place, organisation, as_json)


@app.command(
    epilog=examples(
        "hymio case close --db votes.db 12 --outcome 'Rang her; the soup is on the house.'",
        "hymio case close --db votes.db 12 --outcome 'No answer, three times.' --json",
    )
)
def close(
    db: DbOption,
    case: Annotated[int, typer.Argument(metavar="NUMBER", help="As `list` shows it.")],
    outcome: Annotated[str, typer.Option(metavar="TEXT", help="What was done.")],
    as_json: JsonOption = False,
) -> None:
    """Closes a case, and says what was done."""
    from hymio.office.cases import run_close

    run_close(db, case, outcome, as_json)
