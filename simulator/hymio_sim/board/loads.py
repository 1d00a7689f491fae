"""What draws current on a board, as the hardware tells it to whoever measures."""

from __future__ import annotations

from typing import Protocol


class Loads(Protocol):
    """Somebody who is told what draws current.

    The loads and their states are `cpu` (waking, awake, light, deep, off), `radio` (on, off), `flash` (program, erase,
    idle), `buzzer` (on, off) and `light 1` to `light 4` (percent). A load that has not been told yet is off.
    """

    def switched(self, load: str, state: str | int) -> None:
        """The load is in that state from now on."""
        ...

    def worked(self, what: str) -> None:
        """The program has done `start`, `step`, `record` or `nap`, which take no time in virtual time."""
        ...


class Unmetered:
    """Stands in for `Loads` where nobody measures."""

    def switched(self, load: str, state: str | int) -> None:
        """Does nothing."""
        pass

    def worked(self, what: str) -> None:
        """Does nothing."""
        pass
