"""What draws current on a board, as the hardware tells it to whoever measures."""

from __future__ import annotations

from typing import Protocol


class Loads(Protocol):
    """Loads and their states: `cpu` (waking, awake, light, deep, off), `radio` (on, off), `flash` (program, erase,
    idle), `buzzer` (on, off), `light 1`..`light 4` (percent). All are off, or 0, before they are told."""

    def switched(self, load: str, state: str | int) -> None:
        """From now on the load is in that state."""
        ...

    def worked(self, what: str) -> None:
        """The program has done `start`, `step`, `record` or `nap`, for which no time passes in virtual time."""
        ...


class Unmetered:
    """Nobody measures."""

    def switched(self, load: str, state: str | int) -> None:
        pass

    def worked(self, what: str) -> None:
        pass
