"""Faults of the flash chip that somebody orders while it works, and how they are put into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hymio_sim.flash.chip import NorFlash


@dataclass(frozen=True)
class FailNext:
    """The next `count` operations of one kind fail in silence.

    The kinds are "program-noop" and "erase-noop", which change nothing, and "read-glitch", where one bit is read wrong.
    """

    kind: str
    count: int


@dataclass(frozen=True)
class BadSector:
    """Programs and erases change nothing in that sector any more."""

    sector: int


@dataclass(frozen=True)
class FlipBit:
    """A bit of the flash changes by itself, once."""

    address: int
    bit: int


@dataclass(frozen=True)
class StickBit:
    """A bit of the flash keeps the value that is given, whatever is done to it."""

    address: int
    bit: int
    value: int


Fault = FailNext | BadSector | FlipBit | StickBit
"""A fault that somebody orders while the chip works."""


class NoSuchPlace(ValueError):
    """The chip has no such sector or address; args[0] tells a person what was expected and what came."""


def inflict(flash: NorFlash, fault: Fault) -> dict[str, Any]:
    """Gives the chip that fault, from now on; gives the keys of the event `fault` that tells of it.

    Raises:
        NoSuchPlace: the chip has no such sector or address.
    """
    if isinstance(fault, FailNext):
        name = fault.kind.replace("-", "_")
        setattr(flash.faults, name, getattr(flash.faults, name) + fault.count)
        return {"kind": fault.kind, "count": fault.count}
    if isinstance(fault, BadSector):
        _check("sector", fault.sector, flash.sectors)
        flash.faults.bad_sectors.add(fault.sector)
        return {"kind": "bad", "sector": fault.sector}
    _check("address", fault.address, flash.size)
    if isinstance(fault, FlipBit):
        flash.rot(fault.address, fault.bit)
        return {"kind": "flip", "address": fault.address, "bit": fault.bit}
    flash.stick(fault.address, 1 << fault.bit, fault.value << fault.bit)
    return {"kind": "stuck", "address": fault.address, "bit": fault.bit, "value": fault.value}


def _check(what: str, number: int, end: int) -> None:
    if number >= end:
        raise NoSuchPlace(f"{what}: expected 0 to {end - 1}, came {number}")
