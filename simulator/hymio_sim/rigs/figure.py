"""One number that `make bench` has measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table; `peer` is what people use instead, measured or published."""

    name: str
    value: float
    unit: str
    goal: str = ""
    peer: str = ""
    peer_value: float | None = None


def short(number: int) -> str:
    """A number in short, for the name of a figure: 640, 10k or 5m."""
    for size, sign in ((1_000_000, "m"), (1000, "k")):
        if number >= size and number % size == 0:
            return f"{number // size}{sign}"
    return str(number)
