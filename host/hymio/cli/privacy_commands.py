"""The sub-commands of `hymio privacy`: their options and examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from hymio.cli.options import DbOption, JsonOption, examples, new_app
from hymio.cli.site_commands import OrganisationOption

app = new_app(no_args_is_help=True)

HELP = "What is kept of people: one person's data shown or erased, for how long what is kept, what they agree to."
EXAMPLES = examples(
    "hymio privacy consent --db votes.db --text en='You may write to me about this answer.'",
    "hymio privacy keep --db votes.db texts 365",
    "hymio privacy erase --db votes.db --person eva@example.com",
)

PersonOption = Annotated[str, typer.Option(metavar="ADDRESS", help="An e-mail address, or a telephone number.")]


@app.command(
    epilog=examples(
        "hymio privacy export --db votes.db --person eva@example.com",
        "hymio privacy export --db votes.db --person '+358 40 1234567' --json",
    )
)
def export(
    db: DbOption, person: PersonOption, organisation: OrganisationOption = None, as_json: JsonOption = False
) -> None:
    """Prints all that is kept of one person, as JSON: answers, contacts, invitations, cases. The audit notes it."""
    from hymio.office.privacy import run_export

    run_export(db, person, organisation)


@app.command(
    epilog=examples(
        "hymio privacy erase --db votes.db --person eva@example.com",
        "hymio privacy erase --db votes.db --person eva@example.com --json",
    )
)
def erase(
    db: DbOption, person: PersonOption, organisation: OrganisationOption = None, as_json: JsonOption = False
) -> None:
    """Takes away what somebody wrote, and by which they are known. Their faces and scores stay counted."""
    from hymio.office.privacy import run_erase

    run_erase(db, person, organisation, as_json)


@app.command(
    epilog=examples(
        "hymio privacy keep --db votes.db texts 365",
        "hymio privacy keep --db votes.db contacts 90 --json",
        "hymio privacy keep --db votes.db cases --for-ever",
    )
)
def keep(
    db: DbOption,
    kind: Annotated[
        Literal["texts", "contacts", "invitations", "cases"],
        typer.Argument(metavar="texts|contacts|invitations|cases", help="Which data."),
    ],
    days: Annotated[int | None, typer.Argument(metavar="DAYS", min=1, max=36_500, help="So long.")] = None,
    for_ever: Annotated[bool, typer.Option("--for-ever", help="Until you say otherwise, as at first.")] = False,
    organisation: OrganisationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Says for how many days a kind of data is kept. `hymio serve` takes away what is older, or `sweep` by a timer."""
    from hymio.common.errors import WRONG_USE, Failure
    from hymio.office.privacy import run_keep
    from hymio.store.privacy import DataKind

    if (days is None) is not for_ever:
        came = "both" if for_ever else "none of the two"
        raise Failure(WRONG_USE, f"Expected DAYS or --for-ever, came {came}.", "For example: texts 365.")
    run_keep(db, DataKind(kind), days, organisation, as_json)


@app.command(epilog=examples("hymio privacy show --db votes.db", "hymio privacy show --db votes.db --json"))
def show(db: DbOption, organisation: OrganisationOption = None, as_json: JsonOption = False) -> None:
    """For how long what is kept, and every version of what people agree to who leave an address."""
    from hymio.office.privacy import run_show

    run_show(db, organisation, as_json)


@app.command(
    epilog=examples(
        "hymio privacy consent --db votes.db --text en='You may write to me.' --text fi='Minulle saa kirjoittaa.'",
        "hymio privacy consent --db votes.db --file consent.toml --json",
    )
)
def consent(
    db: DbOption,
    text: Annotated[
        list[str] | None, typer.Option("--text", metavar="LOCALE=TEXT", help="In one language; again for more.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Or all languages in TOML: en = '...'.")
    ] = None,
    organisation: OrganisationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes the next version of what people agree to who leave an address. Without one no address is asked for."""
    from hymio.common.errors import WRONG_USE, Failure
    from hymio.office.privacy import run_consent

    if bool(text) == (file is not None):
        came = "both" if text else "none of the two"
        raise Failure(WRONG_USE, f"Expected --text or --file, came {came}.", "For example: --text en='You may ...'.")
    run_consent(db, text or (), file, organisation, as_json)


@app.command(epilog=examples("hymio privacy sweep --db votes.db", "hymio privacy sweep --db votes.db --json"))
def sweep(db: DbOption, as_json: JsonOption = False) -> None:
    """Takes away what is older than it is to be kept, of all organisations, and ends: for cron or a systemd timer."""
    from hymio.office.privacy import run_sweep

    run_sweep(db, as_json)
