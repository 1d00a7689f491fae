"""The commands of those who stand before one terminal with a cable: their options and examples."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from hymio.cli.options import JsonOption, examples, new_app
from hymio.common.errors import DONE, WRONG_USE, Failure
from hymio.common.interrupts import ends_well

FIELD = "Field: one terminal"

app = new_app()

PortOption = Annotated[
    str | None,
    typer.Option(
        "--port",
        metavar="PORT",
        help="The serial port, or rfc2217://HOST:PORT; not needed where there is only one terminal.",
    ),
]
SimOption = Annotated[
    bool, typer.Option("--sim", help="Instead: the only simulated terminal, wherever it was started.")
]


def _port(port: str | None, sim: bool) -> str | None:
    """The port that was asked for, None for the only one."""
    from hymio.cable.ports import choose_port

    return choose_port(port, simulated=True) if sim else port


@app.command(
    rich_help_panel=FIELD,
    epilog=examples("hymio status", "hymio status --port /dev/ttyUSB0 --json", "hymio status -f", "hymio status --sim"),
)
def status(
    port: PortOption = None,
    sim: SimOption = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on, a table that lives or a JSON line a second, until Ctrl-C.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """How a terminal is: clock, log, unsent presses, network."""
    with ends_well() if follow else nullcontext():
        from hymio.cable.status import run_status

    run_status(_port(port, sim), follow, as_json)


@app.command(
    rich_help_panel=FIELD,
    epilog=examples(
        "hymio logs", "hymio logs --port COM5 --follow", "hymio logs --since 2h", "hymio logs --since 120 --json"
    ),
)
def logs(
    port: PortOption = None,
    sim: SimOption = False,
    since: Annotated[
        str,
        typer.Option(metavar="WHEN", help="Only from this on: a line's number, 2h (ago), 2026-11-22T08:00 (UTC)."),
    ] = "0",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with every new line until Ctrl-C.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What a terminal says of itself in words: starts and why the last one ended, network, clock, errors."""
    with ends_well() if follow else nullcontext():
        from hymio.cable.text_log import run_text_log

    run_text_log(_port(port, sim), since, follow, as_json)


@app.command(
    rich_help_panel=FIELD,
    epilog=examples(
        "hymio votes --port COM5",
        "hymio votes --port /dev/ttyUSB0 --json > presses.jsonl",
        "hymio votes --csv > presses.csv",
        "hymio votes --port /dev/ttyUSB0 --db votes.db",
        "hymio votes --image votes.bin --json",
        "hymio votes --image votes.bin --device-id till-1 --db votes.db",
    ),
)
def votes(
    port: PortOption = None,
    sim: SimOption = False,
    db: Annotated[
        str | None,
        typer.Option(
            "--db",
            metavar="URL",
            # This option changes what is done, so it is not taken from the environment.
            help="Commit them to this database instead of printing them (HYMIO_DB does not count here; @FILE does).",
        ),
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
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated, with a line of names.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Every press still in a terminal's log, whatever its verdict; changes nothing on the terminal."""
    from hymio.cable.votes import Form, run_image, run_votes

    if as_csv and (as_json or db is not None):
        raise Failure(WRONG_USE, "--csv does not go with --json or --db.", "Give one of them.")
    form: Form = "json" if as_json else "csv" if as_csv else "table"
    if image is not None:
        if port is not None or sim or ack:
            raise Failure(
                WRONG_USE,
                "An image is read without a terminal: --port, --sim and --ack do not go with it.",
                "Leave them out, or leave out --image.",
            )
        run_image(image, device_id, mac, db, form)
        return
    if device_id is not None or mac is not None:
        raise Failure(WRONG_USE, "--device-id and --mac go with --image only.", "A terminal on a cable says who it is.")
    run_votes(_port(port, sim), db, ack, form)


@app.command(
    rich_help_panel=FIELD, epilog=examples("hymio clock", "hymio clock --set", "hymio clock --port COM5 --json")
)
def clock(
    port: PortOption = None,
    sim: SimOption = False,
    wants_set: Annotated[bool, typer.Option("--set", help="Give it the time of this computer.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What time a terminal has; presses of this start that have no date get one when it is set."""
    from hymio.cable.terminal_clock import run_clock

    run_clock(_port(port, sim), wants_set, as_json)


@app.command(rich_help_panel=FIELD, epilog=examples("hymio identify", "hymio identify --port /dev/ttyUSB1"))
def identify(port: PortOption = None, sim: SimOption = False, as_json: JsonOption = False) -> None:
    """Which of many terminals is on this port: it says its name and all its lights blink for ten seconds."""
    from hymio.cable.identify import run_identify

    run_identify(_port(port, sim), as_json)


@app.command(
    rich_help_panel=FIELD,
    epilog=examples(
        "hymio selftest",
        "hymio selftest --port /dev/ttyUSB0 --operator Aino --report till-1.html",
        "hymio selftest --auto --skip buttons --json",
    ),
)
def selftest(
    port: PortOption = None,
    sim: SimOption = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The report as a page to print (.html) or as .json.")
    ] = None,
    store: Annotated[Path, typer.Option(metavar="DIR", help="Keeps every report: DIR/DEVICE_ID/UTC.json.")] = Path(
        "selftests"
    ),
    operator: Annotated[str | None, typer.Option(metavar="NAME", help="Who tests; stands in the report.")] = None,
    skip: Annotated[
        list[str] | None, typer.Option(metavar="CHECK", help="Leave out: buttons, wifi, ...; again for more of them.")
    ] = None,
    auto: Annotated[
        bool, typer.Option("--auto", help="Ask nobody: what only a person sees is skipped; a jig presses.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Answer every question with yes.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Flash, files, lights, buttons, buzzer, Wi-Fi, TLS, battery, clock. Status 0: the board is good, 1: something has
    failed, 7: good as far as it was tested.
    """
    from hymio.selftest.command import SelftestOptions, run_selftest

    status = run_selftest(SelftestOptions(_port(port, sim), report, store, operator, skip or [], auto, yes, as_json))
    if status != DONE:
        raise typer.Exit(status)


config_app = new_app(no_args_is_help=True)
app.add_typer(
    config_app,
    name="config",
    rich_help_panel=FIELD,
    help="The configuration of a terminal, by cable value by value, by the broker as a whole.",
)
CABLE = "By cable: the terminal before you, value by value"
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="As in config.json, with dots: mqtt.host.")]


@config_app.command(
    "get",
    rich_help_panel=CABLE,
    epilog=examples("hymio config get mqtt.host", "hymio config get windows.lockout_ms --json"),
)
def config_get(key: KeyArgument, port: PortOption = None, sim: SimOption = False, as_json: JsonOption = False) -> None:
    """One value, as it is saved or the default."""
    from hymio.cable.configure import run_get

    run_get(_port(port, sim), key, as_json)


@config_app.command(
    "set",
    rich_help_panel=CABLE,
    epilog=examples(
        "hymio config set mqtt.host broker.example",
        "hymio config set windows.lockout_ms 500 --restart",
        "hymio config set wifi.password --default",
    ),
)
def config_set(
    key: KeyArgument,
    value: Annotated[
        str | None, typer.Argument(metavar="VALUE", help="A text as it is, anything else as JSON.")
    ] = None,
    default: Annotated[bool, typer.Option("--default", help="Instead of VALUE: the default again.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Start the terminal with it at once.")] = False,
    port: PortOption = None,
    sim: SimOption = False,
    as_json: JsonOption = False,
) -> None:
    """Saves one value, if the terminal finds the whole good; it holds from its next start."""
    from hymio.cable.configure import run_set

    if (value is None) is not default:
        raise Failure(WRONG_USE, "Expected either VALUE or --default.", "`hymio config set --help` shows examples.")
    run_set(_port(port, sim), key, value, restart, as_json)


@config_app.command("list", rich_help_panel=CABLE, epilog=examples("hymio config list", "hymio config list --json"))
def config_list(port: PortOption = None, sim: SimOption = False, as_json: JsonOption = False) -> None:
    """All values; passwords and keys are not given away."""
    from hymio.cable.configure import run_list

    run_list(_port(port, sim), as_json)
