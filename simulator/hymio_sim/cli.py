"""The command line of `hymio sim`: its sub-commands with their options and examples."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from hymio.cli.options import examples, new_app
from hymio.common.errors import WRONG_USE, Failure, run_cli
from hymio.common.extras import missing_extra
from hymio.common.interrupts import ends_well
from hymio.common.words import counted
from hymio_sim import cli_options as options
from hymio_sim.board.journal import Event

app = new_app(name="sim", help="Simulated terminals that run the real firmware.", no_args_is_help=True)

_DEVICE_ID = re.compile(r"[a-z0-9][a-z0-9-]{2,31}")


class RuntimeName(StrEnum):
    """What runs the firmware."""

    micropython = "micropython"
    cpython = "cpython"


class ClockName(StrEnum):
    """In which time it runs."""

    real = "real"
    virtual = "virtual"


class FlashTimesName(StrEnum):
    """How fast the flash chip is."""

    typical = "typical"
    worst = "worst"


class ProfileName(StrEnum):
    """How a terminal sleeps."""

    mains = "mains"
    light = "light"
    deep = "deep"


@app.callback()
def _sim() -> None:
    pass


@app.command(
    epilog=examples(
        "hymio sim terminal --device-id till-1 --flash till-1.bin",
        "hymio sim terminal --device-id till-1 --flash till-1.bin --mqtt 127.0.0.1:1883 --link ./till-1 --json",
        "hymio sim terminal --device-id till-1 --flash till-1.bin --mqtts localhost:8883 --pki pki/issued/till-1",
        "printf 'press 4\\nwait 2\\n' | hymio sim terminal --device-id till-1 --flash till-1.bin --clock virtual",
    )
)
def terminal(
    device_id: Annotated[str, typer.Option(metavar="ID", help="Name of the terminal: 3 to 32 of a-z, 0-9 and -.")],
    flash: Annotated[
        Path, typer.Option(metavar="FILE", help="Image of the flash partition `votes`; 1 MiB, made if it is not there.")
    ],
    link: Annotated[Path | None, typer.Option(metavar="PATH", help="Symbolic link to the serial port.")] = None,
    baud: Annotated[
        int | None,
        typer.Option(
            "--baud", min=300, metavar="BAUD", help="Let the serial port be no faster than a line of so many baud."
        ),
    ] = None,
    mqtt: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="The broker (a simulated one in virtual time). Without it: no network."),
    ] = None,
    mqtts: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="The broker, by TLS; HOST is localhost or 127.0.0.1.")
    ] = None,
    pki: Annotated[
        Path | None, typer.Option(metavar="DIR", help="With --mqtts: what `hymio pki issue` made for this terminal.")
    ] = None,
    runtime: Annotated[
        RuntimeName, typer.Option(metavar="|".join(RuntimeName), help="The MicroPython VM, or CPython.")
    ] = RuntimeName.micropython,
    heap: Annotated[
        str, typer.Option(metavar="BYTES", help="Heap of the MicroPython VM, in bytes or with k or m.")
    ] = "96k",
    memory: Annotated[
        bool, typer.Option("--memory", help="Model the memory of a stock ESP32: one budget for heap, Wi-Fi and TLS.")
    ] = False,
    firmware: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Sources of another firmware than this installation's.")
    ] = None,
    script: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File with commands, obeyed once the terminal is ready.")
    ] = None,
    clock: Annotated[
        ClockName, typer.Option(metavar="|".join(ClockName), help="Real time, or simulated time on CPython.")
    ] = ClockName.real,
    seed: Annotated[
        int, typer.Option(metavar="N", help="For bounce, torn flash and, in virtual time, everything else.")
    ] = 0,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON object laid over the terminal's config.json.")
    ] = None,
    flash_times: Annotated[
        FlashTimesName, typer.Option(metavar="|".join(FlashTimesName), help="Data-sheet times of the flash chip.")
    ] = FlashTimesName.typical,
    files: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Directory with the files of a board, to start instead of this firmware."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Events as JSON Lines, also on a terminal.")] = False,
) -> None:
    """One terminal: four buttons, four lights, flash, Wi-Fi, a USB serial port.

    It obeys commands on stdin or from a script: `press N [MS] [profile NAME]`, `hold N SECONDS`, `down N`, `up N [MS]`
    (a finger that stays until it is told to leave), `chord N M [MS]`, `wifi on|off`, `power on|off`, `battery MV` (the
    supply, millivolts), `time SECONDS`, `wait SECONDS`, `sleep` (waits until it sleeps deeply), `fault ...`, `quit`. It
    tells what its hardware sees, a JSON object a line. A line that it can't obey is told as an `error`, and at the end
    as status 2, unless a person types. In real time it goes on when stdin has ended; in virtual time that is the end.
    On a terminal window it shows the four faces instead: keys 1-4 press, w Wi-Fi, p power, q quit.
    """
    from hymio_sim.flash.chip import FlashFileError
    from hymio_sim.run.settings import Settings

    if not _DEVICE_ID.fullmatch(device_id):
        raise Failure(
            WRONG_USE,
            f"--device-id {device_id}: expected 3 to 32 of a-z, 0-9 and -, not beginning with -.",
            "Choose another name, for example till-1.",
        )
    if not re.fullmatch(r"[1-9][0-9]*[kmKM]?", heap):
        raise Failure(WRONG_USE, f"--heap {heap}: expected bytes, or a number with k or m.", "For example --heap 96k.")
    if baud is not None and clock is ClockName.virtual:
        raise Failure(WRONG_USE, "--baud: there is no serial port in virtual time.", "Leave one of the two out.")
    is_virtual = clock is ClockName.virtual
    settings = Settings(
        device_id=device_id,
        flash=flash,
        link=link,
        baud=baud,
        broker=options.broker_address(mqtt, mqtts, is_virtual),
        tls_files=options.tls_files(mqtts, pki),
        runtime=options.runtime_here(runtime.value, is_virtual),
        heap=heap.lower(),
        script=options.script_lines(script),
        seed=seed,
        extra_config=options.extra_config(config),
        flash_times=flash_times.value,
        files=options.board_files(files, is_virtual),
        firmware=firmware,
        memory=memory,
    )
    try:
        if clock is ClockName.virtual:
            with ends_well(is_service=True):
                from hymio_sim.run.virtual_run import run_terminal as run_virtual
            status = run_virtual(settings, _printer())
        elif sys.stdout.isatty() and sys.stdin.isatty() and not as_json:
            with _needs_posix(), ends_well(is_service=True):
                from hymio_sim.run.screen import run_screen
            status = run_screen(settings)
        else:
            with _needs_posix(), ends_well(is_service=True):
                from hymio_sim.run.real_time import run_terminal
            status = run_terminal(settings, _printer())
    except FlashFileError as error:
        raise Failure(WRONG_USE, f"--flash: {error}.", "Give another file, or none that is there yet.") from error
    except OSError as error:
        for path in (flash, link):
            if path and str(path) in (str(error.filename), str(error.filename2)):
                hint = "Give a path that can be written, in a directory that is there."
                raise Failure(WRONG_USE, f"{path}: {error.strerror}.", hint) from error
        raise
    raise typer.Exit(status)


@app.command(
    epilog=examples(
        "hymio sim demo",
        "hymio sim demo --keep",
    )
)
def demo(
    runtime: Annotated[
        RuntimeName, typer.Option(metavar="|".join(RuntimeName), help="The MicroPython VM, or CPython.")
    ] = RuntimeName.micropython,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running at the end, until Ctrl-C.")] = False,
) -> None:
    """A minute in the life of three terminals, with power cuts, no Wi-Fi and killed servers.

    Then the books are compared with what the fingers did. Exit status 0 only if they agree.
    """
    if find_spec("iotcore") is None:
        raise missing_extra("demo", ModuleNotFoundError("No module named 'iotcore'", name="iotcore"))
    with _needs_posix():
        import pty  # noqa: F401  its terminals have one each

        from hymio_sim.rigs.demo import run_demo
    raise typer.Exit(run_demo(options.runtime_here(runtime.value, is_virtual=False), keep))


@app.command(
    epilog=examples(
        "hymio sim energy --votes-per-day 200 --uploads-per-day 4 --profile deep --battery 2xAA",
        "hymio sim energy --data",
    )
)
def energy(
    votes_per_day: Annotated[int, typer.Option(min=0, max=5000, metavar="N", help="Presses, over twelve hours.")] = 200,
    uploads_per_day: Annotated[
        int, typer.Option(min=1, max=96, metavar="N", help="Scheduled ones, each with a TLS handshake.")
    ] = 4,
    profile: Annotated[
        ProfileName, typer.Option(metavar="|".join(ProfileName), help="power.profile of the configuration.")
    ] = ProfileName.deep,
    battery: Annotated[str, typer.Option(metavar="CELLS", help="2xAA (lithium cells) or 2xAA-alkaline.")] = "2xAA",
    days: Annotated[int, typer.Option("--days", min=1, max=31, metavar="DAYS", help="Days to simulate.")] = 3,
    seed: Annotated[int, typer.Option(metavar="N", help="For the presses and everything else.")] = 0,
    data: Annotated[bool, typer.Option("--data", help="Print the currents and times behind it, and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """How long a battery lasts, and on what it is spent.

    The real firmware runs in virtual time, with every sleep, wake, light, flash operation and second of radio charged
    by a table of measured and data-sheet currents.

    Twice: with the firmware frozen into the image, and in the file system, where each wake takes nine times as long.
    """
    from rich.console import Console

    from hymio_sim.energy.data import BATTERIES
    from hymio_sim.energy.life import INSTALLS, as_json_object
    from hymio_sim.energy.table import show, show_data
    from hymio_sim.run.battery_days import measure

    console = Console()
    if data:
        show_data(console)
        return
    if battery not in BATTERIES:
        raise Failure(WRONG_USE, f"--battery {battery}: expected one of {', '.join(BATTERIES)}.", "Choose one of them.")
    with Console(stderr=True).status("living some days"):
        lives = [
            measure(
                install,
                votes=votes_per_day,
                uploads=uploads_per_day,
                profile=profile.value,
                battery=battery,
                days=days,
                seed=seed,
            )
            for install in INSTALLS
        ]
    asked = {"profile": profile.value, "battery": battery}
    counts = {"votes_per_day": votes_per_day, "uploads_per_day": uploads_per_day}
    if as_json:
        print(json.dumps(as_json_object(lives, **asked, **counts)))
    else:
        show(
            console,
            lives,
            f"{counted(votes_per_day, 'vote')} and {counted(uploads_per_day, 'upload')} a day, profile {profile.value}",
        )


@contextlib.contextmanager
def _needs_posix() -> Iterator[None]:
    """Around the import of what needs pseudo-terminals, because a serial port is one.

    Raises:
        Failure: this system has none.
    """
    try:
        yield
    except ImportError as error:
        if error.name not in ("pty", "tty", "termios", "fcntl"):
            raise
        raise Failure(
            WRONG_USE,
            "This system has no pseudo-terminals, so there is no serial port to simulate.",
            "Simulated time works here: hymio sim terminal --clock virtual. Linux, macOS and WSL have them.",
        ) from error


def _printer() -> Callable[[Event], None]:
    def show(event: Event) -> None:
        try:
            print(json.dumps(event), flush=True)
        except BrokenPipeError:
            # Nobody listens any more, so this ends the terminal as SIGTERM does; what it still tells goes nowhere.
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  until the process ends
            os.kill(os.getpid(), signal.SIGTERM)

    return show


def main() -> None:
    """Runs `hymio sim` for `python -m hymio_sim`."""
    raise SystemExit(run_cli(app, program="hymio sim"))
