"""Little scenes that a visitor may have played before the terminal: what goes wrong with terminals in the field."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

HISTORY: Final = 975
"""How many visitors were there before, see `history`."""

Scene = list[tuple[float, str]]
"""(seconds from its beginning, lines of the simulator's contract), in the order of time."""


def _child(dice: random.Random) -> Scene:
    """A child for eight seconds, five times a second: one button first, then any."""
    first = dice.randint(1, 4)
    buttons = [first] * 15 + [dice.randint(1, 4) for _ in range(25)]
    return [(0.2 * n, f"press {button} 70") for n, button in enumerate(buttons)]


def _visitors(dice: random.Random) -> Scene:
    """Two minutes of a rush hour: 50 visitors, most of them content; who follows another at once is a repeat."""
    scene, at_s = [], 0.0
    for _ in range(50):
        scene.append((at_s, f"press {dice.choices((1, 2, 3, 4), (1, 1, 2, 4))[0]} {dice.randint(60, 300)}"))
        at_s += dice.uniform(1.6, 3.2)
    return scene


SCENES: Final[dict[str, Callable[[random.Random], Scene]]] = {
    "visitors": _visitors,
    "child": _child,
    # Somebody presses the wrong face, and the right one 0.7 s later.
    "correction": lambda _: [(0.0, "press 1"), (0.7, "press 4")],
    # A cleaner's cloth lies on a button for 12 s.
    "cloth": lambda _: [(0.0, "hold 2 12")],
    # A hand on two buttons at once.
    "two-at-once": lambda _: [(0.0, "chord 1 4")],
    # A switch that bounces for 47 ms.
    "worn-switch": lambda _: [(0.0, "press 3 200 profile worn")],
    # The battery falls out 5 ms after first contact: before, while or after the press gets into flash.
    "cut-mid-press": lambda dice: [
        (0.0, f"press {dice.randint(1, 4)}\nwait {dice.uniform(0.004, 0.012):.4f}\npower off"),
        (2.0, "power on"),
    ],
}
"""By name; each takes the dice that make it differ from time to time."""


def history(dice: random.Random) -> str:
    """The script of a terminal that has stood where there is no network, for visitors that have not been sent yet.

    They leave `stands.SECTORS` so full that the rush hour of `SCENES` has the oldest sector erased.
    """
    lines = []
    for _ in range(HISTORY):
        lines += [f"press {dice.choices((1, 2, 3, 4), (1, 1, 2, 3))[0]}", f"wait {dice.uniform(5.5, 9):.1f}"]
    return "\n".join([*lines, "quit", ""])
