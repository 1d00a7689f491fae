"""The commands of those who order terminals about from afar, through the broker: their options and examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hymio.cli.field_commands import config_app
from hymio.cli.options import (
    DEFAULT_BROKER,
    BrokerOption,
    CaOption,
    CertOption,
    JsonOption,
    KeyOption,
    examples,
    new_app,
)
from hymio.common.hidden_passwords import DB_VARIABLE

OFFICE = "Office: many terminals"
FAR = "By the broker: a terminal far away, all of its configuration at once"

app = new_app()

DeviceArgument = Annotated[str, typer.Argument(metavar="DEVICE_ID", help="Which terminal.")]


@app.command(
    "cmd",
    rich_help_panel=OFFICE,
    epilog=examples(
        "hymio cmd till-1 identify --broker mqtt://127.0.0.1:1883",
        "hymio cmd till-1 send-log --broker mqtts://broker.example --ca ca.pem --cert cert.pem --key key.pem",
        "hymio cmd till-1 resync --from 5000 --to 5999 --json",
        "hymio cmd till-1 reboot --wait 7h",
        "hymio cmd till-9 forget --db votes.db",
    ),
)
def command(
    device_id: DeviceArgument,
    do: Annotated[str, typer.Argument(metavar="COMMAND", help="reboot, identify, send-log or resync; forget.")],
    broker: BrokerOption = DEFAULT_BROKER,
    from_seq: Annotated[
        int | None, typer.Option("--from", metavar="SEQ", help="With resync: the first seq to be sent once more.")
    ] = None,
    to_seq: Annotated[
        int | None, typer.Option("--to", metavar="SEQ", help="With resync: the last one; else the newest.")
    ] = None,
    lasts: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="A terminal that gets it later does nothing.")
    ] = "60s",
    wait: Annotated[
        str, typer.Option(metavar="TIME", help="For the answer; for one that sleeps, until it uploads.")
    ] = "30s",
    db: Annotated[
        str | None,
        typer.Option(
            "--db", metavar="URL", envvar=DB_VARIABLE, help="With forget: where the collectors find that it is retired."
        ),
    ] = None,
    home_assistant: Annotated[
        str, typer.Option(metavar="PREFIX", help="With forget: the prefix that the collector was given.")
    ] = "homeassistant",
    ca: CaOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Gives one order to a terminal far away and waits for its answer: reboot, identify, send-log, resync.

    `forget` goes to no terminal: one that is retired is taken out of Home Assistant and off the broker. Its votes stay.
    """
    from hymio.mqtt.broker_tls import TlsFiles

    if do == "forget":
        from hymio.office.forget import run_forget

        run_forget(broker, TlsFiles(ca, cert, key), db, device_id, home_assistant, as_json)
        return
    from hymio.office.order import run_command

    run_command(broker, TlsFiles(ca, cert, key), device_id, do, {"from": from_seq, "to": to_seq}, lasts, wait, as_json)


@config_app.command(
    "push",
    rich_help_panel=FAR,
    epilog=examples(
        "hymio config push till-1 hours.toml --broker mqtt://127.0.0.1:1883",
        "hymio config push till-1 wifi.json --with-secrets --wait 12m --json",
        "hymio config push till-1 hours.toml --wait 0s",
    ),
)
def config_push(
    device_id: DeviceArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As config.json, or a provisioning file (.toml).")],
    broker: BrokerOption = DEFAULT_BROKER,
    version: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What this configuration is called; else it is the time.")
    ] = None,
    with_secrets: Annotated[
        bool,
        typer.Option("--with-secrets", help="Passwords in FILE may lie on the broker until the terminal has answered."),
    ] = False,
    wait: Annotated[
        str | None, typer.Option(metavar="TIME", help="For what becomes of it; 60s, with wifi or mqtt in it 12m.")
    ] = None,
    ca: CaOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Checks a whole configuration, leaves it on the broker for a terminal, and waits for what becomes of it there.

    What FILE does not name has its default; wifi and mqtt stay as they are if they are not named, device id and pins
    in any case. Another network or broker is on trial: the terminal goes back if no ack comes.
    """
    from hymio.mqtt.broker_tls import TlsFiles
    from hymio.office.config_push import run_push

    run_push(broker, TlsFiles(ca, cert, key), device_id, file, version, with_secrets, wait, as_json)


@config_app.command(
    "show",
    rich_help_panel=FAR,
    epilog=examples("hymio config show till-1 --broker mqtt://127.0.0.1:1883", "hymio config show till-1 --json"),
)
def config_show(
    device_id: DeviceArgument,
    broker: BrokerOption = DEFAULT_BROKER,
    ca: CaOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which version is in force on a terminal, and what became of the last one that was pushed."""
    from hymio.mqtt.broker_tls import TlsFiles
    from hymio.office.config_push import run_show

    run_show(broker, TlsFiles(ca, cert, key), device_id, as_json)
