"""The commands of those who build terminals: their options and examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hymio.cli.options import JsonOption, examples, new_app
from hymio.common.hidden_passwords import DB_VARIABLE

BENCH = "Bench: boards on a cable"

app = new_app()


@app.command(rich_help_panel=BENCH, epilog=examples("hymio ports", "hymio ports --json"))
def ports(as_json: JsonOption = False) -> None:
    """Which terminals can be reached from here, boards on a cable and simulated ones."""
    from hymio.cable.ports import run_ports

    run_ports(as_json)


@app.command(
    rich_help_panel=BENCH,
    epilog=examples(
        "hymio deploy --port /dev/ttyUSB0 --dry-run",
        "hymio deploy --port /dev/ttyUSB0 --config till-1.json",
        "hymio deploy --port COM5 --yes --json",
    ),
)
def deploy(
    port: Annotated[str, typer.Option("--port", metavar="PORT", help="The serial port of the board.")],
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Becomes the board's config.json; without it the one there is kept."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Add the partition for the log without asking: empties the file system.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only ask the board and tell what would be done; it starts anew.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Puts the firmware on an ESP32, S2, S3, C3 or C6 that runs MicroPython already; its files stay if they can."""
    from hymio.board.deploy import run_deploy

    run_deploy(port, config, yes, dry_run, as_json)


@app.command(
    rich_help_panel=BENCH,
    epilog=examples(
        "hymio flash ESP32_GENERIC-20260801-v1.29.0.bin --dry-run",
        "hymio flash ESP32_GENERIC-20260801-v1.29.0.bin --port /dev/ttyUSB0 --config till-1.json",
        "hymio flash ESP32_GENERIC_S3-20260801-v1.29.0.bin --all --json",
        "hymio flash ESP32_GENERIC-20260801-v1.29.0.bin --image factory.bin --flash-size 8MB",
    ),
)
def flash(
    stock: Annotated[
        Path, typer.Argument(metavar="IMAGE", help="A stock MicroPython image of the chip, from micropython.org.")
    ],
    port: Annotated[
        list[str] | None, typer.Option("--port", metavar="PORT", help="The board; again for more of them.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every board on a cable, all at once.")] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A config.json, or a provisioning file (.toml); without it what is there is kept."
        ),
    ] = None,
    image: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instead of a board: write a factory image, for offset 0.")
    ] = None,
    flash_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="With --image: of the boards, as 8MB; else what IMAGE is for.")
    ] = None,
    erase_votes: Annotated[
        bool, typer.Option("--erase-votes", help="Begin a new log: every vote on the board is lost.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only ask the board and print the plan; it starts anew.")
    ] = False,
    before: Annotated[
        str, typer.Option(metavar="HOW", help="How esptool gets into the boot loader; no-reset if it is there.")
    ] = "default-reset",
    after: Annotated[
        str, typer.Option(metavar="HOW", help="And out of it; with no-reset the start is not waited for.")
    ] = "hard-reset",
    as_json: JsonOption = False,
) -> None:
    """Makes terminals of boards (ESP32, S2, S3, C3, C6), whatever they ran; votes on them are kept."""
    from hymio.board.boot_loader import ResetModes
    from hymio.board.flash import run_flash

    resets = ResetModes(before, after)
    run_flash(stock, port or [], every, config, image, flash_size, erase_votes, dry_run, resets, as_json)


RegisterOption = Annotated[
    Path, typer.Option("--register", metavar="FILE", help="The register of devices; it holds no secrets.")
]


@app.command(
    rich_help_panel=BENCH,
    epilog=examples(
        "hymio provision till-1.toml --port /dev/ttyUSB0",
        "hymio provision site.toml --csv tills.csv --labels labels.pdf --dry-run",
        "hymio provision site.toml --csv tills.csv --only till-7 --port COM5 --json",
    ),
)
def provision(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The provisioning file (TOML); host/spec/bench.md has it.")
    ],
    table: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="A line for each terminal, laid over FILE.")
    ] = None,
    only: Annotated[str | None, typer.Option(metavar="ID", help="With --csv: this terminal alone.")] = None,
    port: Annotated[
        str | None,
        typer.Option("--port", metavar="PORT", help="Its serial port; not needed where there is only one board."),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save a sheet of labels with QR codes: .pdf or .png.")
    ] = None,
    register: RegisterOption = Path("terminals.json"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the files and save the labels; no board is touched.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Gives boards their identity, network, keys, buttons and hours, from files whose every value is checked."""
    from hymio.board.provision import run_provision

    run_provision(file, table, only, port, labels, register, dry_run, as_json)


@app.command(
    rich_help_panel=BENCH,
    epilog=examples(
        "hymio retire --port /dev/ttyUSB0 --yes",
        "hymio retire --port /dev/ttyUSB0 --db votes.db --yes --json",
        "hymio retire --port COM5 --votes-are-lost --yes",
    ),
)
def retire(
    port: Annotated[
        str | None,
        typer.Option("--port", metavar="PORT", help="Its serial port; not needed where there is only one board."),
    ] = None,
    db: Annotated[
        str | None,
        typer.Option(
            "--db", metavar="URL", envvar=DB_VARIABLE, help="The database that has to hold every press of it."
        ),
    ] = None,
    votes_are_lost: Annotated[
        bool, typer.Option("--votes-are-lost", help="Do not ask the terminal: for one that does not start any more.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Really; without it only what would be done is told.")] = False,
    register: RegisterOption = Path("terminals.json"),
    before: Annotated[
        str, typer.Option(metavar="HOW", help="How esptool gets into the boot loader.")
    ] = "default-reset",
    after: Annotated[str, typer.Option(metavar="HOW", help="And out of it.")] = "hard-reset",
    as_json: JsonOption = False,
) -> None:
    """Wipes a board for good, once every press of it is in the database or acknowledged."""
    from hymio.board.boot_loader import ResetModes
    from hymio.board.retire import run_retire

    run_retire(port, db, votes_are_lost, yes, register, ResetModes(before, after), as_json)
