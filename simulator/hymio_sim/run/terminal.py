"""A terminal that obeys commands, in either kind of time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from hymio.common.errors import DONE, WRONG_USE
from hymio_sim.board.hardware import PWRON_RESET, Hardware
from hymio_sim.board.switches import DEFAULT
from hymio_sim.flash.fault_orders import Fault, NoSuchPlace
from hymio_sim.run.commands import (
    AwaitSleep,
    BadCommand,
    Chord,
    Command,
    LetGo,
    PushButton,
    PutFinger,
    Quit,
    SetSupply,
    SetTime,
    TurnOnOff,
    Wait,
    parse,
)

BUTTONS: Final = (1, 2, 3, 4)
_CHORD_US: Final = 10_000
_LOOK_S: Final = 0.02
_SLEEPLESS_S: Final = 600.0


class Machine(Protocol):
    """What runs the firmware: a child process, or virtual time in this process."""

    def start(self, cause: int) -> None:
        """Boots for that reason, one of the reset causes in `hardware`."""
        ...

    def kill(self) -> None:
        """Stops the firmware at this instant."""
        ...


class CommandedTerminal:
    """A board and what runs its firmware, told what to do; `on_quit` is called once it has been told to quit."""

    def __init__(self, hardware: Hardware, machine: Machine) -> None:
        self.hardware = hardware
        self._machine = machine
        self._air_cut: Callable[[], None] = lambda: None
        self._engaged: set[int] = set()
        self.is_unfinished = False
        self._awaited_since_us: int | None = None
        self._refused = 0
        self.has_quit = False
        self.on_quit: Callable[[], None] = lambda: None

    def when_air_is_cut(self, cut: Callable[[], None]) -> None:
        """Has `cut` called when whatever is connected through the air is lost."""
        self._air_cut = cut

    def exit_status(self) -> int:
        """2 if a line of a script or a program could not be obeyed, else 0.

        A person at a keyboard has seen that a line was wrong and has gone on, so such a line does not count.
        """
        return WRONG_USE if self._refused else DONE

    def is_played_on(self) -> bool:
        """Whether a button still moves or is about to."""
        return bool(self._engaged) or any(self.hardware.is_moving(button) for button in BUTTONS)

    def obey(self, line: str, is_typed: bool = False) -> float | None:
        """Does what the line says; gives the seconds by which it holds up the next line, or None.

        If `is_unfinished` is true afterwards, this same line is to be obeyed again when these seconds are over.
        is_typed: by a person at a keyboard, see `exit_status`.
        """
        self.is_unfinished = False
        try:
            command = parse(line)
            if command is None or self.has_quit:
                return None
            return self._obey(command)
        except (BadCommand, NoSuchPlace) as error:
            self.hardware.journal.tell("error", line=line.strip(), message=str(error))
            self._refused += not is_typed
            return None

    def _obey(self, command: Command) -> float | None:
        hardware = self.hardware
        if isinstance(command, PushButton):
            self._still(command.button)
            hardware.push(command.button, command.contact_ms, command.profile)
        elif isinstance(command, PutFinger):
            self._still(command.button)
            hardware.put_finger(command.button, command.profile)
        elif isinstance(command, LetGo):
            if not hardware.is_held(command.button):
                raise BadCommand(f"up: expected a button with a finger on it, came {command.button}")
            hardware.let_go(command.button, command.least_ms)
        elif isinstance(command, Chord):
            self._still(command.first)
            self._still(command.second)
            second, contact_ms = command.second, command.contact_ms
            self._engaged.add(second)
            hardware.push(command.first, contact_ms, DEFAULT)
            later_us = hardware.clock.now_us() + _CHORD_US
            hardware.clock.call_at_us(later_us, lambda: self._second_of_chord(second, contact_ms))
        elif isinstance(command, TurnOnOff):
            self._switch(command.what, command.on)
        elif isinstance(command, SetTime):
            hardware.set_utc(command.utc)
        elif isinstance(command, Fault):
            hardware.fail(command)
        elif isinstance(command, Wait):
            return command.seconds
        elif isinstance(command, SetSupply):
            hardware.set_supply(command.supply_mv)
        elif isinstance(command, AwaitSleep):
            return self._await_sleep()
        elif isinstance(command, Quit):
            self.quit()
        return None

    def _await_sleep(self) -> float | None:
        hardware = self.hardware
        now_us = hardware.clock.now_us()
        since_us = now_us if self._awaited_since_us is None else self._awaited_since_us
        self._awaited_since_us = None
        if not hardware.powered:
            raise BadCommand("sleep: expected a terminal with power, came one without")
        if hardware.rtc.is_asleep:
            return None
        if now_us - since_us > _SLEEPLESS_S * 1e6:
            raise BadCommand(f"sleep: still awake after {_SLEEPLESS_S:g} s; expected power.profile `deep`")
        self._awaited_since_us = since_us
        self.is_unfinished = True
        return _LOOK_S

    def _still(self, button: int) -> None:
        hardware = self.hardware
        if button in self._engaged or hardware.is_held(button) or hardware.is_moving(button):
            raise BadCommand(f"button {button} is still moving: expected a button at rest; wait for its release")

    def _second_of_chord(self, button: int, contact_ms: float) -> None:
        self._engaged.discard(button)
        if not self.has_quit:
            self.hardware.push(button, contact_ms, DEFAULT)

    def _switch(self, what: str, on: bool) -> None:
        hardware = self.hardware
        if what == "wifi":
            if not on:
                self._air_cut()
            hardware.set_wifi(on)
        elif on:
            self.power_on()
        else:
            self.power_off()

    def power_on(self) -> None:
        """Puts the plug in, if it is out."""
        hardware = self.hardware
        was_powered = hardware.powered
        hardware.powered = True
        hardware.journal.tell("power", on=True)
        if not was_powered:
            self._machine.start(PWRON_RESET)

    def power_off(self) -> None:
        """Pulls the plug, if it is in."""
        hardware = self.hardware
        if hardware.powered:
            self._air_cut()
            self._machine.kill()
            hardware.power_lost()
        hardware.journal.tell("power", on=False)

    def quit(self) -> None:
        """Switches the power off; no command is obeyed after this."""
        if self.has_quit:
            return
        if self.hardware.powered:
            self.power_off()
        self.has_quit = True
        self.on_quit()


class Commands:
    """One source of command lines, which are obeyed in order.

    A `wait` holds up the next line of the same source, and of no other. are_typed: by a person at a keyboard.
    """

    def __init__(self, terminal: CommandedTerminal, are_typed: bool = False) -> None:
        self._terminal = terminal
        self._are_typed = are_typed
        self._lines: deque[str] = deque()
        self._held_up = True

    def add(self, line: str) -> None:
        """Adds one more line."""
        self._lines.append(line)
        self._go_on()

    def begin(self) -> None:
        """Lets the lines be obeyed from now on."""
        self._held_up = False
        self._go_on()

    @property
    def is_done(self) -> bool:
        """Whether all lines have been obeyed and the last wait is over."""
        return not self._lines and not self._held_up

    def _go_on(self) -> None:
        clock = self._terminal.hardware.clock
        while self._lines and not self._held_up:
            seconds = self._terminal.obey(self._lines[0], self._are_typed)
            if not self._terminal.is_unfinished:
                self._lines.popleft()
            if seconds:
                self._held_up = True
                clock.call_at_us(clock.now_us() + round(seconds * 1e6), self.begin)
