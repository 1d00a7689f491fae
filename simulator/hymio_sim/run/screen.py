"""The terminal as a person sees it: four faces with their lights, in a text window; keys press the buttons."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import termios
import tty
from collections import deque
from collections.abc import Iterator
from typing import Final

from rich.align import Align
from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hymio.common.words import counted
from hymio_sim.board.hardware import BUTTONS
from hymio_sim.board.journal import Event
from hymio_sim.run.real_time import RealTerminal, new_loop
from hymio_sim.run.settings import Settings

_FACES: Final = {
    1: ("red", "  .---.  ", " / x x \\ ", " | .-. | ", " \\_/ \\_/ "),
    2: ("magenta", "  .---.  ", " / o o \\ ", " | .-. | ", "  \\___/  "),
    3: ("cyan", "  .---.  ", " / o o \\ ", " | '-' | ", "  \\___/  "),
    4: ("green", "  .---.  ", " / ^ ^ \\ ", " | \\_/ | ", "  \\___/  "),
}
_KEYS: Final = "1-4 press   w Wi-Fi   p power   q quit"
_LINES: Final = 8


def describe(event: Event) -> str | None:
    """The event as a line for people, or None if it is not worth a line."""
    kind = event["event"]
    if kind == "ready":
        return f"ready: boot {event['boot']} of {event['device_id']}, serial port {event['serial']}"
    if kind == "record":
        return f"button {event['button']}: {event['verdict']}  (record {event['seq']})"
    if kind == "amended":
        return f"record {event['seq']} is {event['verdict']} now"
    if kind == "folded":
        return (
            f"button {event['button']}: {counted(event['count'], 'press')}, {event['verdict']}  (record {event['seq']})"
        )
    if kind == "published":
        return f"records {event['first_seq']} to {event['last_seq']} have left for the broker"
    if kind == "acked":
        return f"committed at the far end up to record {event['seq']}" if event["seq"] >= 0 else None
    if kind in ("power", "wifi"):
        return f"{'Wi-Fi' if kind == 'wifi' else kind} {'on' if event['on'] else 'off'}"
    if kind == "error":
        return str(event["message"])
    return None


class Screen:
    """What the window shows, drawn by rich from what the events say."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._lit: set[int] = set()
        self._down: dict[int, int] = {}
        self.powered = True
        self.wifi = True

    def take(self, event: Event) -> None:
        """Takes in an event that has happened."""
        kind = event["event"]
        if kind == "led":
            (self._lit.add if event["on"] else self._lit.discard)(event["led"])
        elif kind == "press":
            self._down[event["push"]] = event["button"]
        elif kind == "release":
            self._down.pop(event["push"], None)
        elif kind == "power":
            self.powered = event["on"]
        elif kind == "wifi":
            self.wifi = event["on"]
        line = describe(event)
        if line:
            self._lines.append(f"{event['t']:8.2f}  {line}")

    def __rich__(self) -> RenderableType:
        faces = Table.grid(padding=(0, 3))
        faces.add_row(*(self._face(button) for button in BUTTONS))
        state = f"power {'on' if self.powered else 'off'}   Wi-Fi {'on' if self.wifi else 'off'}"
        lines = Text("\n".join([*self._lines] + [""] * (_LINES - len(self._lines))))
        return Panel(
            Group(Align.center(faces), Text(""), lines, Text(state, "bold"), Text(_KEYS, "dim")), title="hymio"
        )

    def _face(self, button: int) -> Text:
        colour, *drawing = _FACES[button]
        style = f"bold black on {colour}" if button in self._lit else colour
        below = "pushed" if button in self._down.values() else f"[{button}]"
        return Text("\n".join([*drawing, below.center(9)]), style)


@contextlib.contextmanager
def _single_keys() -> Iterator[None]:
    """Has the terminal window give keys one by one, without Enter and without echo, while the block runs."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def run_screen(settings: Settings) -> int:
    """Runs one terminal with its screen; gives the exit status."""
    screen = Screen()
    screen.wifi = settings.broker is not None

    async def run() -> int:
        with Live(screen, auto_refresh=False, screen=False) as live:

            def show(event: Event) -> None:
                screen.take(event)
                live.refresh()

            terminal = RealTerminal(settings, show)

            def key() -> None:
                for letter in os.read(sys.stdin.fileno(), 64).decode(errors="replace"):
                    line = command_of(letter, screen)
                    if line:
                        terminal.command(line)

            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), key)
            return await terminal.run(stdin=False)

    with _single_keys(), asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(run())


def command_of(letter: str, screen: Screen) -> str | None:
    """The command line that a key stands for on that screen, or None."""
    if letter in "1234":
        return f"press {letter}"
    if letter == "w":
        return f"wifi {'off' if screen.wifi else 'on'}"
    if letter == "p":
        return f"power {'off' if screen.powered else 'on'}"
    return "quit" if letter in "q\x04" else None
