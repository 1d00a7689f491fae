"""The sub-commands of `hymio schedule`: their options and examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from hymio.cli.options import (
    DbOption,
    JsonOption,
    LanguageOption,
    MailFromOption,
    SmtpCaOption,
    SmtpOption,
    examples,
    new_app,
)
from hymio.cli.site_commands import OrganisationOption

app = new_app(no_args_is_help=True)

HELP = "Reports of a place every day, week or month, in the reader's language, by e-mail or into a folder."
EXAMPLES = examples(
    "hymio schedule add --db votes.db --every week --place wards --to anna@example.org --language fi",
    "hymio schedule list --db votes.db",
    "hymio schedule run --db votes.db --smtp @/etc/hymio/smtp",
)


@app.command(
    epilog=examples(
        "hymio schedule add --db votes.db --every week --place wards --to anna@example.org --language fi",
        "hymio schedule add --db votes.db --every day --folder /srv/reports --format html --json",
    )
)
def add(
    db: DbOption,
    every: Annotated[Literal["day", "week", "month"], typer.Option(metavar="day|week|month", help="How often.")],
    to: Annotated[str | None, typer.Option("--to", metavar="ADDRESS", help="By e-mail, to whom.")] = None,
    folder: Annotated[Path | None, typer.Option(metavar="DIR", help="Or into a folder, as files.")] = None,
    format_: Annotated[
        Literal["pdf", "html"], typer.Option("--format", metavar="pdf|html", help="A4 sheets, or a page.")
    ] = "pdf",
    language: LanguageOption = "en",
    place: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="A group or an experience point: it and all below it. Else everything."),
    ] = None,
    organisation: OrganisationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Has a report go after every day, week (Monday to Sunday) or month, at six in the morning of the place's clock.

    `hymio serve` sends it, or `hymio schedule run` by a timer. The first one tells of the day, week or month that
    goes on now.
    """
    from hymio.office.schedules import ScheduleWish, run_add

    run_add(db, ScheduleWish(every, to, folder, format_, language, organisation, place), as_json)


@app.command("list", epilog=examples("hymio schedule list --db votes.db", "hymio schedule list --db votes.db --json"))
def list_(db: DbOption, as_json: JsonOption = False) -> None:
    """Which schedules there are and were, when their last report went, and why one could not go."""
    from hymio.office.schedules import run_list

    run_list(db, as_json)


@app.command(epilog=examples("hymio schedule remove --db votes.db 3", "hymio schedule remove --db votes.db 3 --json"))
def remove(
    db: DbOption,
    schedule: Annotated[int, typer.Argument(metavar="NUMBER", help="As `list` shows it.")],
    as_json: JsonOption = False,
) -> None:
    """Has a schedule send nothing from now on."""
    from hymio.office.schedules import run_remove

    run_remove(db, schedule, as_json)


@app.command(
    epilog=examples(
        "hymio schedule run --db votes.db",
        "hymio schedule run --db votes.db --smtp smtp://reports@mail.example --mail-from reports@example.org --json",
        "hymio schedule run --db votes.db --smtp @/etc/hymio/smtp",
    )
)
def run(
    db: DbOption,
    smtp: SmtpOption = None,
    mail_from: MailFromOption = None,
    smtp_ca: SmtpCaOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sends what is due and ends: for cron or a systemd timer. Each report goes once, however many run at a time.

    Exit status 6 if one could not go; it is tried again the next time, and `list` says why.
    """
    from hymio.office.mail import parse_mail_server
    from hymio.office.schedules import run_once

    run_once(db, None if smtp is None else parse_mail_server(smtp, mail_from, smtp_ca), as_json)
