"""The places for terminals on the screen: so many at a time, each with a name and a flash chip that stay."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hymio.wire.records import SECTOR_BYTES

SECTORS: Final = 5
"""The flash of such a terminal: small, so that one can watch it run full."""


@dataclass(frozen=True, slots=True)
class Stand:
    """One place for a terminal: what it is called, and where its flash chip lies while nobody is there."""

    device_id: str
    flash: Path

    def renew(self) -> None:
        """Puts a new flash chip into the place of the old one, which takes its log with it."""
        self.flash.write_bytes(b"\xff" * SECTORS * SECTOR_BYTES)


class Stands:
    """All places, `training-1` and so on; a terminal stays there as its last visitor has left it, but for its power."""

    def __init__(self, count: int) -> None:
        """There will be `count` places, once they are furnished."""
        self.names = tuple(f"training-{number}" for number in range(1, count + 1))
        self._free: list[Stand] = []

    def furnish(self, folder: Path) -> None:
        """Makes the places, none of them taken, which keep their flash in `folder`."""
        self._free = [Stand(name, folder / f"{name}.bin") for name in self.names]

    @property
    def free(self) -> frozenset[str]:
        """The device ids of the places that nobody has taken."""
        return frozenset(stand.device_id for stand in self._free)

    def take(self, wanted: str | None) -> Stand | None:
        """Takes the place that is wanted, if it is free, or else the first free one; None: there is none."""
        if not self._free:
            return None
        stand = next((stand for stand in self._free if stand.device_id == wanted), self._free[0])
        self._free.remove(stand)
        if not stand.flash.exists():
            stand.renew()
        return stand

    def give_back(self, stand: Stand) -> None:
        """Has the place free for the next visitor."""
        self._free.append(stand)
        self._free.sort(key=lambda one: self.names.index(one.device_id))
