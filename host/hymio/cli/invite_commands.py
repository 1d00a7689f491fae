"""`hymio invite` with its sub-commands, and `hymio nps`: their options and examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hymio.cli.office_commands import OFFICE
from hymio.cli.options import (
    DbOption,
    JsonOption,
    MailFromOption,
    SmtpCaOption,
    SmtpOption,
    examples,
    new_app,
)
from hymio.cli.site_commands import OrganisationOption
from hymio.common.errors import WRONG_USE, Failure
from hymio.common.hidden_passwords import DB_VARIABLE

app = new_app()
nps_app = new_app()

EXAMPLES = examples(
    "hymio invite --csv customers.csv --survey recommend --db votes.db --url https://feedback.example.org",
    "hymio invite --csv visits.csv --survey recommend --db votes.db --url https://feedback.example.org"
    " --place ward-3 --remind-after 5d --expires 30d",
    "hymio invite --csv customers.csv --survey recommend --db votes.db --url https://feedback.example.org"
    " --template thanks.toml --dry-run --json",
    "hymio invite send --db votes.db --smtp @/etc/hymio/smtp",
    "hymio invite bounces --db votes.db mbox",
    "hymio invite list --db votes.db",
)


@app.callback(invoke_without_command=True, epilog=EXAMPLES)
def invite(
    context: typer.Context,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="The list: email (or address), and if wished name, language, place; other columns come back with"
            " the answer.",
        ),
    ] = None,
    survey: Annotated[str | None, typer.Option(metavar="KEY", help="What they are asked.")] = None,
    db: Annotated[
        str | None,
        typer.Option("--db", metavar="URL", envvar=DB_VARIABLE, show_envvar=False, help="The database."),
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="The address of `hymio serve`, as people reach it.")
    ] = None,
    place: Annotated[
        str | None, typer.Option(metavar="KEY", help="The experience point of all rows that name none.")
    ] = None,
    organisation: OrganisationOption = None,
    template: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What messages say, by language (TOML); else our own words.")
    ] = None,
    remind_after: Annotated[
        str | None, typer.Option(metavar="TIME", help="Once more, if there is no answer by then; else nobody is.")
    ] = None,
    expires: Annotated[str, typer.Option(metavar="TIME", help="How long a link is good.")] = "30d",
    again_after: Annotated[
        str, typer.Option(metavar="TIME", help="Who was invited within that time is left out; 0s: nobody is.")
    ] = "30d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell who would be asked, and change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Asks the people of a list by a personal link: one answer each, one reminder at most, none to who wants no more.

    The links are sent by `hymio serve --smtp`, or by `hymio invite send`.
    """
    if context.invoked_subcommand is not None:
        return
    for option, value in (("--csv", csv), ("--survey", survey), ("--db", db), ("--url", url)):
        if value is None:
            raise Failure(WRONG_USE, f"{option}: expected a value, came none.", "See hymio invite --help.")
    assert csv is not None and survey is not None and db is not None and url is not None
    from hymio.office.invite import InviteWish, run_invite

    wish = InviteWish(csv, survey, url, organisation, place, template, remind_after, expires, again_after, dry_run)
    run_invite(db, wish, as_json)


@app.command(
    epilog=examples(
        "hymio invite send --db votes.db --smtp @/etc/hymio/smtp",
        "hymio invite send --db votes.db --smtp smtps://mail.example --mail-from survey@example.org --rate 30 --json",
    )
)
def send(
    db: DbOption,
    smtp: SmtpOption = None,
    mail_from: MailFromOption = None,
    smtp_ca: SmtpCaOption = None,
    rate: Annotated[float, typer.Option(metavar="N", min=0.1, max=100_000, help="Messages in a minute, at most.")] = 60,
    as_json: JsonOption = False,
) -> None:
    """Sends invitations and reminders that are due and ends: for cron or a systemd timer, without `hymio serve`.

    Exit status 6 if one could not go; it is tried again later.
    """
    from hymio.office.invite import run_invite_send
    from hymio.office.mail import parse_mail_server

    run_invite_send(db, None if smtp is None else parse_mail_server(smtp, mail_from, smtp_ca), rate, as_json)


@app.command("list", epilog=examples("hymio invite list --db votes.db", "hymio invite list --db votes.db --json"))
def list_(db: DbOption, as_json: JsonOption = False) -> None:
    """The lists that there were: how many are invited, sent, reminded, answered and bounced; no names."""
    from hymio.office.invite import run_invite_list

    run_invite_list(db, as_json)


@app.command(
    epilog=examples(
        "hymio invite bounces --db votes.db /var/mail/survey", "hymio invite bounces --db votes.db - --json < mail"
    )
)
def bounces(
    db: DbOption,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Messages that came back: an mbox or one; - is stdin.")],
    as_json: JsonOption = False,
) -> None:
    """Notes who cannot be reached, as mail that came back tells (RFC 3464): nobody writes to them again."""
    from hymio.office.invite import run_bounces

    run_bounces(db, file, as_json)


@nps_app.command(
    rich_help_panel=OFFICE,
    epilog=examples(
        "hymio nps --db votes.db",
        "hymio nps --db votes.db --scope wards --from 2026-03-01 --to 2026-03-31 --csv > march.csv",
        "hymio nps --db votes.db --before 2026-Q1 --after 2026-Q2 --json",
    ),
)
def nps(
    db: DbOption,
    scope: Annotated[
        str | None, typer.Option(metavar="KEY", help="Only this group or experience point, and what is below it.")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="WHEN", help="A day, or 2026-03-01T14:00.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="WHEN", help="The last day; without it today.")] = None,
    before: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="With --after: the same people, then and now; 2026-03, 2026-Q1, or a survey."
        ),
    ] = None,
    after: Annotated[str | None, typer.Option(metavar="TIME", help="With --before: the second time.")] = None,
    organisation: OrganisationOption = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="For spreadsheets, on stdout.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Net Promoter Scores from the 0-10 question alone, by place and channel, with intervals and response rates.

    With --before and --after: what the same people say who were invited and answered both times, pair by pair.
    """
    from hymio.office.nps import NpsAsked, run_nps

    run_nps(db, NpsAsked(organisation, scope, start, end, before, after), as_json, as_csv)
