"""The `hymio` command: which sub-commands there are, their options and examples."""

# Nothing heavy is imported at the top: `hymio --help` has to be instant, and a technician's laptop need not have
# what only the office uses.

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hymio import bench_commands, pki_commands
from hymio.bench_commands import BENCH
from hymio.errors import ANSWER_NO, WRONG_USE, Failure, run_cli
from hymio.options import JsonOption, examples

FIELD = "Field: one terminal"
OFFICE = "Office: many terminals"

app = typer.Typer(
    name="hymio",
    help="Open four-button smiley terminals: flash them, read them, collect their votes.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SIM_HELP = "Simulated terminals that run the real firmware."

app.add_typer(bench_commands.app)
app.add_typer(pki_commands.app, name="pki", help=pki_commands.HELP, rich_help_panel=OFFICE)


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


DbOption = Annotated[
    str,
    typer.Option(
        "--db", metavar="URL", help="The database: votes.db, sqlite:///votes.db or postgresql://user@host/name."
    ),
]
PortOption = Annotated[
    str | None,
    typer.Option("--port", metavar="PORT", help="The serial port; not needed where there is only one terminal."),
]


@app.command(rich_help_panel=FIELD, epilog=examples("hymio status", "hymio status --port /dev/ttyUSB0 --json"))
def status(port: PortOption = None, as_json: JsonOption = False) -> None:
    """How a terminal is: clock, log, unsent presses, network."""
    from hymio.status import run_status

    run_status(port, as_json)


@app.command(
    rich_help_panel=FIELD,
    epilog=examples("hymio logs", "hymio logs --port COM5 --follow", "hymio logs --since 120 --json"),
)
def logs(
    port: PortOption = None,
    since: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="Only the lines from this number on.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with every new line until Ctrl-C.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What a terminal says of itself in words: starts and why the last one ended, network, clock, errors."""
    from hymio.logs import run_logs

    run_logs(port, since, follow, as_json)


@app.command(
    rich_help_panel=FIELD,
    epilog=examples(
        "hymio votes --port COM5",
        "hymio votes --port /dev/ttyUSB0 --json > presses.jsonl",
        "hymio votes --port /dev/ttyUSB0 --db votes.db",
        "hymio votes --image votes.bin --json",
        "hymio votes --image votes.bin --device-id till-1 --db votes.db",
    ),
)
def votes(
    port: PortOption = None,
    db: Annotated[
        str | None, typer.Option("--db", metavar="URL", help="Commit them to this database instead of printing them.")
    ] = None,
    ack: Annotated[
        bool,
        typer.Option("--ack", help="With --db: free them on the terminal, at a site without a network."),
    ] = False,
    image: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Instead of a terminal: a dump of its partition `votes`."),
    ] = None,
    device_id: Annotated[
        str | None, typer.Option(metavar="ID", help="With --image: whose it is; needed with --db.")
    ] = None,
    mac: Annotated[
        str | None, typer.Option(metavar="AA:BB:..", help="With --image: read only the log of the chip with this MAC.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Every press still in a terminal's log, whatever its verdict; changes nothing on the terminal."""
    from hymio.votes import run_image, run_votes

    if image is not None:
        if port is not None or ack:
            raise Failure(
                WRONG_USE,
                "An image is read without a terminal: --port and --ack do not go with it.",
                "Leave them out, or leave out --image.",
            )
        run_image(image, device_id, mac, db, as_json)
        return
    if device_id is not None or mac is not None:
        raise Failure(WRONG_USE, "--device-id and --mac go with --image only.", "A terminal on a cable says who it is.")
    run_votes(port, db, ack, as_json)


broker_app = typer.Typer(rich_markup_mode="markdown", pretty_exceptions_enable=False)
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
    from hymio.broker import run_broker

    run_broker(listen, as_json)


@broker_app.command(
    "config",
    epilog=examples(
        "hymio broker config --out broker --pki pki",
        "hymio broker config --out broker --pki pki --listen 8884 --collector office --collector second",
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
    at: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the directory will lie on the broker's machine.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Writes mosquitto.conf, the ACL and the certificates for the broker of a site."""
    from hymio.brokerconfig import run_broker_config

    run_broker_config(out, pki, listen, server, collector or ["office"], at, as_json)


@app.command(
    rich_help_panel=OFFICE,
    epilog=examples(
        "hymio collect --broker mqtt://127.0.0.1:1883 --db votes.db",
        "hymio collect --broker mqtts://broker.example --db postgresql://hymio@db.example/votes"
        " --ca ca.pem --cert cert.pem --key key.pem",
    ),
)
def collect(
    db: DbOption,
    broker: Annotated[
        str, typer.Option(metavar="URL", help="mqtt://[user:password@]host[:port], mqtts:// for TLS.")
    ] = "mqtt://127.0.0.1:1883",
    collector_id: Annotated[
        str, typer.Option(help="The name that the terminals are configured to believe.")
    ] = "office",
    ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With mqtts://: believe only brokers of this CA (PEM).")
    ] = None,
    cert: Annotated[Path | None, typer.Option(metavar="FILE", help="With mqtts://: our certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="With --cert: its key (PEM).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Takes votes from the broker into the database, and tells the terminals only then."""
    from hymio.broker_tls import TlsFiles
    from hymio.collect import run_collect

    run_collect(broker, db, collector_id, TlsFiles(ca, cert, key), as_json)


@app.command(rich_help_panel=OFFICE, epilog=examples("hymio report --db votes.db", "hymio report --db votes.db --json"))
def report(db: DbOption, as_json: JsonOption = False) -> None:
    """Happy Index and votes of every terminal."""
    from hymio.report import run_report

    run_report(db, as_json)


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
    from hymio.replay import run_replay

    windows = {
        "--lockout": lockout, "--repeat": repeat, "--chord": chord, "--replace-from": replace_from,
        "--replace-until": replace_until, "--mash-presses": mash_presses, "--mash": mash,
    }  # fmt: skip
    run_replay(db, device_id, windows, as_json)


@app.command(rich_help_panel=OFFICE, epilog=examples("hymio ledger --db votes.db", "hymio ledger --db votes.db --json"))
def ledger(db: DbOption, as_json: JsonOption = False) -> None:
    """Whether every press is accounted for: pressed = rows + lost + waiting. Exit status 1 if anything is open."""
    from hymio.ledger import run_ledger

    if not run_ledger(db, as_json):
        raise typer.Exit(ANSWER_NO)


def _simulator(arguments: list[str]) -> typer.Typer:
    """The sub-commands of `hymio sim`, imported only when they are asked for: the simulator is heavy and needs
    POSIX, and everything else must start at once and work without it."""
    stub = typer.Typer(name="sim", help=SIM_HELP)
    if "sim" not in arguments[:1]:
        return stub
    try:
        from hymio_sim.cli import app as simulator
    except ImportError as error:
        raise Failure(
            WRONG_USE,
            f"The simulator does not run here ({error}).",
            'It needs Linux or macOS: `pip install "hymio[sim]"` there.',
        ) from error
    return simulator


def _run(**options: object) -> object:
    app.add_typer(_simulator(sys.argv[1:]), name="sim", help=SIM_HELP, rich_help_panel=BENCH)
    return app(**options)


def main() -> None:
    """Entry point of the `hymio` command."""
    raise SystemExit(run_cli(_run))
