"""A terminal in virtual time: the very same firmware and commands, and time that jumps to the next due moment.

`virtual_machine` is its processor, `virtual_port` the way from the program to the hardware, `virtual_link` the air.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, Self

from hymio.common.firmware_files import firmware_module
from hymio_sim.board.board_files import merged
from hymio_sim.board.hardware import PWRON_RESET, SSID, Hardware, Pins
from hymio_sim.board.journal import Event, Journal
from hymio_sim.board.sim_time import VirtualClock
from hymio_sim.energy.data import Install
from hymio_sim.flash.chip import TIMES, NorFlash
from hymio_sim.flash.faults import Faults
from hymio_sim.run.terminal import CommandedTerminal, Commands
from hymio_sim.run.virtual_link import USUAL_TIMES, Air, AirTimes
from hymio_sim.run.virtual_machine import VirtualMachine

START_UTC: Final = 1_800_000_000
"""The true time at t = 0, in seconds of 1970."""


class VirtualTerminal:
    """A terminal for tests, fleets and scripts.

    with VirtualTerminal("till-1") as terminal:
        terminal.press(1)
        terminal.run(2.0)
        assert terminal.of("record")[0]["verdict"] == "counted"
    """

    def __init__(
        self,
        device_id: str = "till-1",
        *,
        flash: Path | None = None,
        flash_times: str = "typical",
        flash_model: Faults | None = None,
        network: bool = False,
        seed: int = 0,
        config: dict[str, Any] | None = None,
        install: Install = "frozen",
        air_times: AirTimes = USUAL_TIMES,
        home: Path | None = None,
        make_air: Callable[[VirtualClock, Callable[[], float]], Air] | None = None,
        show: Callable[[Event], None] = lambda _: None,
    ) -> None:
        """Boots the terminal and lets it run until it is ready.

        config: laid over the board's config.json; flash_model: what is wrong with the flash chip; home: a folder for
        the board's files, without which it keeps none; make_air(clock, utc): gives another network than the usual one.
        """
        self.events: list[Event] = []
        self._show = show
        self.clock = VirtualClock()
        self.flash = NorFlash(flash, times=TIMES[flash_times], faults=flash_model)
        journal = Journal(self.clock, 0, self._happened)
        given = merged(_config(device_id, network), config or {})
        if home is not None:
            (home / "config.json").write_text(json.dumps(given))
        settings = firmware_module("config").build(given)
        self.hardware = Hardware(
            device_id,
            self.flash,
            self.clock,
            journal,
            seed=seed,
            utc_offset_us=START_UTC * 1_000_000,
            has_network=network,
            runtime="cpython",
            pins=Pins(neopixel=settings["pins"]["neopixel"], buzzer=settings["pins"]["buzzer"]),
        )
        self._journal = journal
        self.air: Air | None = None
        if network:
            utc = lambda: self.hardware.utc  # noqa: E731
            self.air = make_air(self.clock, utc) if make_air else Air(utc)
        self.machine = VirtualMachine(self.hardware, self.clock, settings, seed, self.air, install, air_times, home)
        self.terminal = CommandedTerminal(self.hardware, self.machine)
        self.terminal.when_air_is_cut(self.machine.cut_link)
        self.machine.start(PWRON_RESET)
        self.run_until(lambda: bool(self.events), 30.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Switches the power off, unless that has been done."""
        self.terminal.quit()
        self.flash.close()

    def _happened(self, event: Event) -> None:
        self.events.append(event)
        self._show(event)

    def of(self, name: str) -> list[Event]:
        """The events of that name that have happened so far."""
        return [event for event in self.events if event["event"] == name]

    def obey(self, line: str, is_typed: bool = False) -> None:
        """Does what a command line says; a `wait` lets time pass, until no flash operation is under way.

        is_typed: by a person at a keyboard, see `CommandedTerminal.exit_status`.
        """
        while seconds := self.terminal.obey(line, is_typed):
            self.run(seconds)
            if not self.terminal.is_unfinished:
                break

    def script(self, lines: Iterable[str]) -> None:
        """Obeys all lines, each exactly at its moment, even in the middle of a flash operation."""
        commands = Commands(self.terminal)
        for line in lines:
            commands.add(line)
        commands.begin()
        while not (commands.is_done or self.terminal.has_quit):
            due_us = self.clock.next_due_us()
            assert due_us is not None, "a wait is always due"
            self.clock.advance_to(due_us)

    def press(self, button: int, contact_ms: float = 120.0, profile: str = "kpb22") -> None:
        """Pushes a button now, for `contact_ms` of contact."""
        self.obey(f"press {button} {contact_ms} profile {profile}")

    def run(self, seconds: float) -> None:
        """Lets time pass, a little longer than asked if a flash operation is under way then.

        The firmware can not be left in the middle of a flash operation, but by what happens to the board; `script` can
        do that.
        """
        self.clock.advance_to(self.clock.now_us() + round(seconds * 1e6))

    def leap(self, days: float, stride_h: float = 8.0) -> None:
        """Lets days pass in strides, and lets the firmware run for two seconds after each of them.

        What was due within a stride happens late. So weeks in which nothing happens cost no more than minutes do.
        """
        end_us = self.clock.now_us() + round(days * 86_400e6)
        stride_us = round(stride_h * 3600e6)
        while (left_us := end_us - self.clock.now_us()) > 0:
            self.clock.leap_us(min(left_us, stride_us))
            self.run(2.0)

    def run_until(self, done: Callable[[], bool], limit_s: float) -> bool:
        """Lets time pass until `done()` is true, or for `limit_s`; gives whether it became true."""
        limit_us = self.clock.now_us() + round(limit_s * 1e6)
        while not done():
            due_us = self.clock.next_due_us()
            if due_us is None or due_us > limit_us:
                self.clock.advance_to(limit_us)
                return done()
            self.clock.advance_to(due_us)
        return True

    def exchange_flash(self, chip: NorFlash) -> NorFlash:
        """Puts another flash chip onto the board, which must be without power; gives the chip that was there."""
        before, self.flash = self.flash, chip
        self.hardware.exchange_flash(chip)
        return before

    def exit(self) -> int:
        """Switches the power off and tells the last event; gives the exit status."""
        self.close()
        status = self.terminal.exit_status()
        self._journal.tell("exit", status=status)
        return status


def _config(device_id: str, network: bool) -> dict[str, Any]:
    config: dict[str, Any] = {"device_id": device_id}
    if network:
        # Names that say what they are; nobody resolves them here.
        config["wifi"] = {"ssid": SSID}
        config["mqtt"] = {"host": "broker", "port": 1883}
        config["ntp"] = {"host": "time", "port": 123}
    return config
