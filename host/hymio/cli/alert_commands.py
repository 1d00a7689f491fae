"""The sub-commands of `hymio alert`: their options and examples."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from hymio.cli.options import DbOption, JsonOption, examples, new_app
from hymio.cli.site_commands import OrganisationOption

app = new_app(no_args_is_help=True)

HELP = "Rules that say when something is the matter, how often they are wrong, and who takes care of it."
EXAMPLES = examples(
    "hymio alert simulate --db votes.db --kind negative --place ward-3 --share 40",
    "hymio alert add negative --db votes.db --place ward-3 --share 40 --channel 'On duty'",
    "hymio alert list --db votes.db",
    "hymio alert ack --db votes.db 12 --name Anna --comment 'A second till is open'",
)

Kind = Literal[
    "negative", "index-level", "index-baseline", "unhappy-count", "unhappy-contact", "silent", "battery", "stuck",
    "gap", "certificate",
]  # fmt: skip
PlaceOption = Annotated[
    str | None, typer.Option("--place", metavar="KEY", help="A group or a point: it and all below it. Else everything.")
]
NameOption = Annotated[str | None, typer.Option("--name", metavar="NAME", help="What it is called in messages.")]
WindowOption = Annotated[
    str | None, typer.Option("--window", metavar="DURATION", help="negative, unhappy-count: how far back (2h).")
]
AfterOption = Annotated[
    str | None, typer.Option("--after", metavar="DURATION", help="silent (26h), gap (6h): how long it may last.")
]
ShareOption = Annotated[
    float | None, typer.Option("--share", metavar="PERCENT", help="negative: the limit, surely passed (40).")
]
LeastOption = Annotated[
    int | None, typer.Option("--least", metavar="N", help="negative: of so many answers at least (20).")
]
LevelOption = Annotated[
    str | None, typer.Option("--level", metavar="INDEX", help="index-level: 75, or GOOD; else the place's own level.")
]
DropOption = Annotated[
    float | None, typer.Option("--drop", metavar="POINTS", help="index-baseline: below what is usual by so much (5).")
]
CountOption = Annotated[
    int | None, typer.Option("--count", metavar="N", help="unhappy-count: so many unhappy answers.")
]
DaysOption = Annotated[
    float | None, typer.Option("--days", metavar="N", help="battery (14), certificate (30): so long before.")
]
VotesOption = Annotated[
    float | None, typer.Option("--votes", metavar="N", help="Answers a month to reckon with; else those of a quarter.")
]
FalseAlarmsOption = Annotated[
    float | None, typer.Option("--false-alarms", metavar="N", help="So many a month at most, by chance (0.25).")
]


@app.command(
    epilog=examples(
        "hymio alert add negative --db votes.db --place ward-3 --share 40 --window 2h --channel 'On duty'",
        "hymio alert add index-baseline --db votes.db --drop 8 --false-alarms 0.1 --quiet 'mon-sun 22:00-07:00'",
        "hymio alert add silent --db votes.db --after 26h --escalate-after 4h --escalate-to Boss --json",
    )
)
def add(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="What it looks at; see below.")],
    db: DbOption,
    place: PlaceOption = None,
    name: NameOption = None,
    window: WindowOption = None,
    after: AfterOption = None,
    share: ShareOption = None,
    least: LeastOption = None,
    level: LevelOption = None,
    drop: DropOption = None,
    count: CountOption = None,
    days: DaysOption = None,
    votes: VotesOption = None,
    false_alarms: FalseAlarmsOption = None,
    channel: Annotated[
        list[str] | None,
        typer.Option("--channel", metavar="CHANNEL", help="Who is told; else all that are for alerts."),
    ] = None,
    escalate_after: Annotated[
        str | None, typer.Option("--escalate-after", metavar="DURATION", help="So long nobody has taken care of it ...")
    ] = None,
    escalate_to: Annotated[
        list[str] | None, typer.Option("--escalate-to", metavar="CHANNEL", help="... then they are told, too.")
    ] = None,
    quiet: Annotated[
        str | None, typer.Option("--quiet", metavar="HOURS", help="When nobody is told, as 'mon-sun 22:00-07:00'.")
    ] = None,
    organisation: OrganisationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes a rule; it looks at what comes from now on.

    negative: the share of unhappy answers is surely above --share. index-level: the Happy Index has fallen below
    --level. index-baseline: it is lower than usual at that hour of the week. unhappy-count: --count unhappy answers
    within --window. unhappy-contact: somebody unhappy has left an address. silent, battery, stuck, gap, certificate:
    what terminals say, or do not.
    """
    from hymio.office.alerts import AlertOptions, run_add

    asked = AlertOptions(
        kind, place, organisation, name, window, after, share, least, level, drop, count, days, votes, false_alarms,
        channel or [], escalate_after, escalate_to or [], quiet,
    )  # fmt: skip
    run_add(db, asked, as_json)


@app.command("list", epilog=examples("hymio alert list --db votes.db", "hymio alert list --db votes.db --all --json"))
def list_(
    db: DbOption,
    show_all: Annotated[
        bool, typer.Option("--all", help="Rules that have ended and alerts that are closed, too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Which rules go on, and which alerts are open."""
    from hymio.office.alerts import run_list

    run_list(db, show_all, as_json)


@app.command(epilog=examples("hymio alert remove --db votes.db 3", "hymio alert remove --db votes.db 'Ward 3' --json"))
def remove(
    db: DbOption,
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Its number or name, as `list` shows them.")],
    as_json: JsonOption = False,
) -> None:
    """Has a rule raise nothing from now on; what it has raised is closed."""
    from hymio.office.alerts import run_remove

    run_remove(db, rule, as_json)


@app.command(
    epilog=examples(
        "hymio alert ack --db votes.db 12 --name Anna --comment 'A second till is open'",
        "hymio alert ack --db votes.db 12 --json",
    )
)
def ack(
    db: DbOption,
    alert: Annotated[int, typer.Argument(metavar="ALERT", help="Its number, as `list` shows it.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Who takes care of it; else the account here.")
    ] = None,
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="What is done about it.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Says that somebody takes care of an alert: nobody else is told of it then."""
    from hymio.office.alerts import run_ack

    run_ack(db, alert, name, comment, as_json)


@app.command(
    epilog=examples(
        "hymio alert simulate --db votes.db --kind negative --place ward-3 --share 40",
        "hymio alert simulate --db votes.db 3 --months 200 --json",
    )
)
def simulate(
    db: DbOption,
    rule: Annotated[
        str | None, typer.Argument(metavar="RULE", help="One that there is, by number or name; or give --kind.")
    ] = None,
    kind: Annotated[
        Kind | None, typer.Option("--kind", metavar="KIND", help="Or one that might be made, as of `add`.")
    ] = None,
    place: PlaceOption = None,
    window: WindowOption = None,
    share: ShareOption = None,
    least: LeastOption = None,
    level: LevelOption = None,
    drop: DropOption = None,
    count: CountOption = None,
    votes: VotesOption = None,
    false_alarms: FalseAlarmsOption = None,
    months: Annotated[
        int, typer.Option("--months", metavar="N", min=1, max=1000, help="So many, with faces in any order.")
    ] = 50,
    organisation: OrganisationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tries a rule on the last quarter of its place: alerts that it would have raised, and those by chance alone.

    By chance: the same answers at the same times, but their faces in any order within their hour of the week.
    """
    from hymio.common.errors import WRONG_USE, Failure
    from hymio.office.alerts import AlertOptions, run_simulate

    if (rule is None) == (kind is None):
        came = "neither" if rule is None else "both"
        raise Failure(WRONG_USE, f"Expected a rule or --kind, came {came}.", "`hymio alert list` shows the rules.")
    asked = AlertOptions(
        kind or "", place, organisation, None, window, None, share, least, level, drop, count, None, votes,
        false_alarms, [], None, [], None,
    )  # fmt: skip
    run_simulate(db, rule, asked, months, as_json)


@app.command(
    epilog=examples(
        "hymio alert run --db votes.db",
        "hymio alert run --db votes.db --url https://feedback.example.org --json",
    )
)
def run(
    db: DbOption,
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="The address of `hymio serve`, for links in messages.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Has all rules look at what has come, and ends: for cron or a systemd timer. `hymio serve` does so by itself.

    What is to be told then waits for `hymio deliver run`.
    """
    from hymio.office.alerts import run_once

    run_once(db, url, as_json)
