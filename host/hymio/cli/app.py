"""The `hymio` command: which sub-commands there are, their options and examples."""

# Nothing heavy is imported at the top: `hymio --help` has to be instant, and a technician's laptop need not have what
# only the office uses.

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from hymio.cli import (
    action_commands,
    alert_commands,
    bench_commands,
    case_commands,
    channel_commands,
    db_commands,
    field_commands,
    invite_commands,
    office_commands,
    pki_commands,
    privacy_commands,
    quarantine_commands,
    schedule_commands,
    site_commands,
    token_commands,
    user_commands,
    wall_commands,
)
from hymio.cli.bench_commands import BENCH
from hymio.cli.office_commands import OFFICE
from hymio.cli.options import (
    DEFAULT_BROKER,
    BrokerOption,
    CaOption,
    CertOption,
    DbOption,
    JsonOption,
    KeyOption,
    LanguageOption,
    MailFromOption,
    SmtpCaOption,
    SmtpOption,
    examples,
    new_app,
    only,
)
from hymio.cli.site_commands import OrganisationOption
from hymio.common.errors import ANSWER_NO, WRONG_USE, Failure, run_cli
from hymio.common.hidden_passwords import BROKER_VARIABLE, DB_VARIABLE
from hymio.common.interrupts import ends_well
from hymio.wire.limits import NEW_LOGS_PER_DAY

app = new_app(
    name="hymio",
    help="Open four-button smiley terminals: flash them, read them, collect their votes.",
    no_args_is_help=True,
)

SIM_HELP = "Simulated terminals that run the real firmware."

app.add_typer(bench_commands.app)
app.add_typer(field_commands.app)
app.add_typer(office_commands.app)
app.add_typer(
    alert_commands.app, name="alert", help=alert_commands.HELP, epilog=alert_commands.EXAMPLES, rich_help_panel=OFFICE
)
app.add_typer(db_commands.app, name="db", help=db_commands.HELP, epilog=db_commands.EXAMPLES, rich_help_panel=OFFICE)
app.add_typer(pki_commands.app, name="pki", help=pki_commands.HELP, rich_help_panel=OFFICE)
app.add_typer(
    quarantine_commands.app,
    name="quarantine",
    help=quarantine_commands.HELP,
    epilog=quarantine_commands.EXAMPLES,
    rich_help_panel=OFFICE,
)
app.add_typer(
    site_commands.app, name="site", help=site_commands.HELP, epilog=site_commands.EXAMPLES, rich_help_panel=OFFICE
)
app.add_typer(
    token_commands.app, name="token", help=token_commands.HELP, epilog=token_commands.EXAMPLES, rich_help_panel=OFFICE
)
app.add_typer(token_commands.audit_app)
app.add_typer(
    user_commands.app, name="user", help=user_commands.HELP, epilog=user_commands.EXAMPLES, rich_help_panel=OFFICE
)
app.add_typer(
    schedule_commands.app,
    name="schedule",
    help=schedule_commands.HELP,
    epilog=schedule_commands.EXAMPLES,
    rich_help_panel=OFFICE,
)
app.add_typer(
    wall_commands.app, name="wall", help=wall_commands.HELP, epilog=wall_commands.EXAMPLES, rich_help_panel=OFFICE
)
app.add_typer(invite_commands.app, name="invite", rich_help_panel=OFFICE)
app.add_typer(invite_commands.nps_app)
app.add_typer(
    action_commands.app,
    name="action",
    help=action_commands.HELP,
    epilog=action_commands.EXAMPLES,
    rich_help_panel=OFFICE,
)
app.add_typer(
    case_commands.app, name="case", help=case_commands.HELP, epilog=case_commands.EXAMPLES, rich_help_panel=OFFICE
)
app.add_typer(
    privacy_commands.app,
    name="privacy",
    help=privacy_commands.HELP,
    epilog=privacy_commands.EXAMPLES,
    rich_help_panel=OFFICE,
)
app.add_typer(
    channel_commands.app,
    name="channel",
    help=channel_commands.HELP,
    epilog=channel_commands.EXAMPLES,
    rich_help_panel=OFFICE,
)
app.add_typer(channel_commands.deliver_app, name="deliver", help=channel_commands.DELIVER_HELP, rich_help_panel=OFFICE)


def _show_version(wanted: bool) -> None:
    if wanted:
        from hymio import __version__

        print(f"hymio {__version__}")
        raise typer.Exit()


@app.callback()
def _hymio(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    pass


broker_app = new_app()
app.add_typer(broker_app, name="broker", rich_help_panel=OFFICE)


@broker_app.callback(
    invoke_without_command=True,
    epilog=examples("hymio broker", "hymio broker --listen 127.0.0.1:0 --json", "hymio broker config --help"),
)
def broker(
    context: typer.Context,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to listen; port 0 takes any free one.")
    ] = "127.0.0.1:1883",
    as_json: JsonOption = False,
) -> None:
    """An embedded MQTT broker for the bench, which keeps nothing and knows no passwords; `config` is for a site's."""
    if context.invoked_subcommand is not None:
        return
    with ends_well(is_service=True):
        from hymio.office.embedded_broker import run_broker

    run_broker(listen, as_json)


@broker_app.command(
    "config",
    epilog=examples(
        "hymio broker config --out broker --pki pki",
        "hymio broker config --out broker --pki pki --listen 8884 --collector office --collector second",
        "hymio broker config --out broker --pki pki --operator anna --operator renewals --home-assistant home",
        "hymio broker config --out broker --pki pki --at /etc/mosquitto/hymio",
    ),
)
def broker_config(
    out: Annotated[Path, typer.Option(metavar="DIR", help="The directory to write; it holds no CA key.")],
    pki: Annotated[Path, typer.Option(metavar="DIR", help="The CA's directory, of `hymio pki`.")],
    listen: Annotated[str, typer.Option(metavar="[HOST:]PORT", help="Where the broker listens, by TLS only.")] = "8883",
    server: Annotated[
        str | None, typer.Option(metavar="HOST", help="Whose certificate, if the CA has issued several for brokers.")
    ] = None,
    collector: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Who may read the votes and acknowledge; default office.")
    ] = None,
    operator: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Who may give orders to terminals: cmd, config, renewals.")
    ] = None,
    home_assistant: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Which Home Assistant may read the figures.")
    ] = None,
    at: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the directory will lie on the broker's machine.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Writes mosquitto.conf, the ACL and the certificates for the broker of a site."""
    from hymio.office.broker_config import run_broker_config

    run_broker_config(
        out, pki, listen, server, collector or ["office"], operator or [], at, as_json, home_assistant or []
    )


@app.command(
    rich_help_panel=OFFICE,
    epilog=examples(
        "hymio collect --broker mqtt://127.0.0.1:1883 --db votes.db",
        "hymio collect --broker mqtts://broker.example --db postgresql://hymio@db.example/votes"
        " --ca ca.pem --cert cert.pem --key key.pem",
        "hymio collect --share --broker mqtt://broker.example --db postgresql://hymio@db.example/votes",
    ),
)
def collect(
    db: DbOption,
    broker: BrokerOption = DEFAULT_BROKER,
    collector_id: Annotated[
        str, typer.Option(metavar="ID", help="The name that the terminals are configured to believe.")
    ] = "office",
    ca: CaOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    home_assistant: Annotated[
        str | None, typer.Option(metavar="PREFIX", help="Tell Home Assistant (usual prefix: homeassistant).")
    ] = None,
    tz: Annotated[str, typer.Option(metavar="ZONE", help="Whose days Home Assistant is told of.")] = "UTC",
    share: Annotated[
        bool, typer.Option("--share", help="One of several with one --collector-id: each takes a part of the votes.")
    ] = False,
    logs_a_day: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=100_000, help="Logs a terminal may begin in 24 hours; more wait in quarantine."
        ),
    ] = NEW_LOGS_PER_DAY,
    as_json: JsonOption = False,
) -> None:
    """Takes votes from the broker into the database, and tells the terminals only then."""
    with ends_well(is_service=True):
        from hymio.mqtt.broker_tls import TlsFiles
        from hymio.office.collect import run_collect

    run_collect(broker, db, collector_id, TlsFiles(ca, cert, key), as_json, home_assistant, tz, share, logs_a_day)


@app.command(
    rich_help_panel=OFFICE,
    epilog=examples(
        "hymio report --db votes.db",
        "hymio report --db votes.db --by place --from 2026-03-01 --to 2026-03-31 --compare previous",
        "hymio report --db votes.db --by place --scope ward-3 --per week --html ward-3.html --pdf ward-3.pdf",
        "hymio report --db votes.db --by group --per month --csv > months.csv",
        "hymio report --db votes.db --from 2026-03-01 --language fi --pdf maaliskuu.pdf",
        "hymio report --db votes.db --parquet presses.parquet",
    ),
)
def report(
    db: DbOption,
    by: Annotated[
        Literal["terminal", "place", "group", "survey"] | None,
        typer.Option(
            metavar="terminal|place|group|survey", help="Whose figures; without it those of places, if there are any."
        ),
    ] = None,
    per: Annotated[
        Literal["hour", "weekday", "day", "week", "month", "quarter"] | None,
        typer.Option(
            metavar="hour|weekday|day|week|month|quarter",
            help="In the local time of each place; without it those of the whole time.",
        ),
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="WHEN", help="A day, 2026-03-01, or 2026-03-01T14:00.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="WHEN", help="The last day, or a time; without it today.")
    ] = None,
    compare: Annotated[
        str | None, typer.Option(metavar="KEY", help="With another place's figures, or `previous`: the time before.")
    ] = None,
    scope: Annotated[
        str | None, typer.Option(metavar="KEY", help="Only this group or experience point, and what is below it.")
    ] = None,
    organisation: Annotated[str | None, typer.Option(metavar="KEY", help="Whose, if there are several.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="For spreadsheets, on stdout.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A page with charts: one file, for any browser.")
    ] = None,
    pdf: Annotated[Path | None, typer.Option(metavar="FILE", help="The same on A4 sheets.")] = None,
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="The charts as a picture; --svg alike.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="The charts as a drawing.")] = None,
    parquet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For DuckDB and pandas; without --by all presses.")
    ] = None,
    language: LanguageOption = "en",
    as_json: JsonOption = False,
) -> None:
    """Happy Index and votes of every terminal; with options by place and time, with charts, as files.

    Too few answers are not shown, so that nobody is found out. Without options all is, for whoever runs the terminals.
    """
    files = {"html": html, "pdf": pdf, "png": png, "svg": svg, "parquet": parquet}
    wanted = {kind: path for kind, path in files.items() if path is not None}
    if len({path.resolve() for path in wanted.values()}) < len(wanted):
        raise Failure(WRONG_USE, "Two of the files to write are one and the same.", "Give each a name of its own.")
    texts = {"--from": start, "--to": end, "--compare": compare, "--scope": scope, "--organisation": organisation}
    for option, text in texts.items():
        if text == "":
            raise Failure(WRONG_USE, f"{option} is empty.", "Leave it out, or give it a value; see --help.")
    if as_csv or wanted.keys() - {"parquet"} or by or per or start or end or compare or scope or organisation:
        from hymio.office.figure_report import ReportAsked, ReportForms, run_figures

        asked = ReportAsked(by, per, start, end, organisation, scope, compare)
        run_figures(db, asked, ReportForms(as_json, as_csv, language, wanted))
        return
    from hymio.office.report import run_presses, run_report

    if parquet is None:
        run_report(db, as_json)
    else:
        run_presses(db, parquet, as_json)


@app.command(
    rich_help_panel=OFFICE,
    epilog=examples(
        "hymio poster --db votes.db --place ward-3 --url https://feedback.example.org --out ward-3.pdf",
        "hymio poster --site places.toml --place ward-3 --locale fi --locale sv --size A5"
        " --url https://feedback.example.org --out ward-3.pdf",
        "hymio poster --db votes.db --place wards --url https://feedback.example.org --out posters --json",
    ),
)
def poster(
    context: typer.Context,
    url: Annotated[
        str,
        typer.Option("--url", metavar="URL", help="The address of `hymio serve` for phones; the QR code leads there."),
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The PDF to write; without .pdf: a directory, for KEY.pdf of each.")
    ],
    db: Annotated[
        str | None,
        typer.Option("--db", metavar="URL", envvar=DB_VARIABLE, show_envvar=False, help="The database with the site."),
    ] = None,
    site: Annotated[Path | None, typer.Option(metavar="FILE", help="Instead: a site's TOML file.")] = None,
    organisation: OrganisationOption = None,
    place: Annotated[
        str | None, typer.Option(metavar="KEY", help="A place, or a group for all places in it; default: everything.")
    ] = None,
    survey: Annotated[
        str | None, typer.Option(metavar="KEY", help="Whose question; default: the customers' survey that runs there.")
    ] = None,
    locale: Annotated[
        list[str] | None,
        typer.Option("--locale", metavar="LOCALE", help="In which languages, the largest first; default: all."),
    ] = None,
    size: Annotated[str, typer.Option(metavar="A4|A5", help="The paper, upright.")] = "A4",
    as_json: JsonOption = False,
) -> None:
    """Posters to hang above terminals: the question, the four faces, and a QR code for phones."""
    from hymio.office.poster import PosterWish, run_poster

    source = context.get_parameter_source("db")
    if site is not None and source is not None and source.name == "ENVIRONMENT":
        db = None
    run_poster(db, site, PosterWish(organisation, place, survey, locale or [], size, url, out), as_json)


@app.command(
    rich_help_panel=OFFICE,
    epilog=examples(
        "hymio replay --db votes.db --lockout 3s",
        "hymio replay --db votes.db --device-id till-1 --repeat 500ms --mash 1m --mash-presses 20 --json",
    ),
)
def replay(
    db: DbOption,
    device_id: Annotated[str | None, typer.Option(metavar="ID", help="Only this terminal.")] = None,
    lockout: Annotated[
        str | None, typer.Option(metavar="TIME", help="No vote until all buttons were up for so long: 500ms, 3s, 1m.")
    ] = None,
    repeat: Annotated[
        str | None, typer.Option(metavar="TIME", help="The same button again is no vote for so long.")
    ] = None,
    chord: Annotated[
        str | None, typer.Option(metavar="TIME", help="Two buttons within so long are a hand, not votes.")
    ] = None,
    replace_from: Annotated[
        str | None, typer.Option(metavar="TIME", help="Another button after so long corrects the vote ...")
    ] = None,
    replace_until: Annotated[str | None, typer.Option(metavar="TIME", help="... if it comes before this.")] = None,
    mash_presses: Annotated[
        int | None, typer.Option(metavar="N", help="So many presses, and every further one, are mashing ...")
    ] = None,
    mash: Annotated[str | None, typer.Option(metavar="TIME", help="... when they come within so long.")] = None,
    as_json: JsonOption = False,
) -> None:
    """What would have counted, had the terminals' windows been others; changes nothing."""
    from hymio.office.replay import run_replay

    windows = {
        "--lockout": lockout, "--repeat": repeat, "--chord": chord, "--replace-from": replace_from,
        "--replace-until": replace_until, "--mash-presses": mash_presses, "--mash": mash,
    }  # fmt: skip
    run_replay(db, device_id, windows, as_json)


@app.command(
    rich_help_panel=OFFICE,
    epilog=examples(
        "hymio serve --db votes.db",
        "hymio serve --db votes.db --broker mqtt://broker.example",
        "hymio serve --db postgresql://hymio@db.example/votes --listen 127.0.0.1:0 --json",
        "hymio serve --db votes.db --listen 0.0.0.0:8443 --cert server.pem --key server.key --oidc login.toml",
        "hymio serve --db votes.db --smtp @/etc/hymio/smtp",
        "hymio serve --db training.db --training",
    ),
)
def serve(
    db: DbOption,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to listen; port 0 takes any free one.")
    ] = "127.0.0.1:8080",
    cert: Annotated[
        Path | None, typer.Option("--cert", metavar="FILE", help="For https://: the server's certificate (PEM).")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="With --cert: its key (PEM).")] = None,
    rate: Annotated[
        float, typer.Option(metavar="N", min=0.1, max=1e6, help="Requests a second for each token or address.")
    ] = 200,
    require_token: Annotated[
        bool, typer.Option("--require-token", help="From this computer, too: for who stands behind a proxy.")
    ] = False,
    oidc: Annotated[
        Path | None, typer.Option("--oidc", metavar="FILE", help="Log-in by OpenID Connect, as this TOML says.")
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(
            "--broker", metavar="URL", envvar=BROKER_VARIABLE, help="By which terminals are asked for their text logs."
        ),
    ] = None,
    broker_ca: Annotated[
        Path | None, typer.Option("--broker-ca", metavar="FILE", help="With mqtts://: believe only this CA (PEM).")
    ] = None,
    broker_cert: Annotated[
        Path | None, typer.Option("--broker-cert", metavar="FILE", help="With mqtts://: our certificate there (PEM).")
    ] = None,
    broker_key: Annotated[
        Path | None, typer.Option("--broker-key", metavar="FILE", help="With --broker-cert: its key (PEM).")
    ] = None,
    smtp: SmtpOption = None,
    mail_from: MailFromOption = None,
    smtp_ca: SmtpCaOption = None,
    allow_private_webhooks: Annotated[
        bool,
        typer.Option("--allow-private-webhooks", help="Webhooks made on a page may lead into our own network, too."),
    ] = False,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="How people reach it: for links in messages.")
    ] = None,
    training: Annotated[
        bool, typer.Option("--training", help="With terminals to press at /training, whose votes go into the database.")
    ] = False,
    training_terminals: Annotated[
        int, typer.Option(metavar="N", min=1, max=32, help="With --training: so many at a time.")
    ] = 3,
    training_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="With --training: for other computers, too, under this name of the server."),
    ] = None,
    training_broker: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="With --training: a broker whose collector is there already."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Pages for people, and figures and feedback for programs: the field's API /v2, and our own /api/v1.

    People log in (`hymio user add`), programs show a token (`hymio token create`); who sits at this computer needs no
    token, and no account as long as there is none.
    """
    with ends_well(is_service=True):
        from hymio.mqtt.broker_tls import TlsFiles
        from hymio.office.report_rounds import MailOptions
        from hymio.serve.command import TrainingWanted, run_serve

    tls = TlsFiles(broker_ca, broker_cert, broker_key)
    hosts = [name.lower() for name in training_host or ()]
    wanted = TrainingWanted(training_terminals, training_broker, hosts) if training else None
    mail = MailOptions(smtp, mail_from, smtp_ca)
    run_serve(
        db,
        listen,
        cert,
        key,
        rate,
        require_token,
        oidc,
        broker,
        tls,
        wanted,
        mail,
        allow_private_webhooks,
        url,
        as_json,
    )


@app.command(
    rich_help_panel=OFFICE,
    epilog=examples(
        "hymio misuse --db votes.db --place wards",
        "hymio misuse --db votes.db --lockout 3s",
        "hymio misuse --db votes.db --json",
    ),
)
def misuse(
    db: DbOption,
    place: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="A group or an experience point: it and all below it. Else everything."),
    ] = None,
    organisation: Annotated[
        str | None, typer.Option(metavar="KEY", help="Which one, where the database has several.")
    ] = None,
    lockout: Annotated[
        str | None, typer.Option(metavar="TIME", help="And what votes would be with this lock-out: 500ms to 10s.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Which terminals were mashed in the last four weeks, when and how: children, staff, a cloth, a worn switch."""
    from hymio.office.misuse import run_misuse

    run_misuse(db, place, organisation, lockout, as_json)


@app.command(
    "demo-site",
    rich_help_panel=OFFICE,
    epilog=examples("hymio demo-site --db demo.db", "hymio demo-site --db demo.db --seed 7 --json"),
)
def demo_site(
    db: DbOption,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Another number, another year.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Fills an empty database with a year of four made-up places, for looking around with `hymio serve`."""
    from hymio.office.demo_site import run_demo_site

    run_demo_site(db, seed, as_json)


@app.command(rich_help_panel=OFFICE, epilog=examples("hymio ledger --db votes.db", "hymio ledger --db votes.db --json"))
def ledger(db: DbOption, as_json: JsonOption = False) -> None:
    """Whether every press is accounted for: pressed = rows + lost + waiting. Exit status 1 if anything is open."""
    from hymio.office.ledger import run_ledger

    if not run_ledger(db, as_json):
        raise typer.Exit(ANSWER_NO)


def _simulator(arguments: list[str]) -> typer.Typer:
    """The sub-commands of `hymio sim`, imported only when they are asked for.

    Everything else must start at once.
    """
    stub = new_app(name="sim", help=SIM_HELP)
    if "sim" not in arguments[:1]:
        return stub
    from hymio_sim.cli import app as simulator

    return simulator


def _run(**options: object) -> object:
    app.add_typer(_simulator(sys.argv[1:]), name="sim", help=SIM_HELP, rich_help_panel=BENCH)
    return only(app, "".join(sys.argv[1:2]))(**options)


def main() -> None:
    """The entry point of the `hymio` command."""
    raise SystemExit(run_cli(_run))
