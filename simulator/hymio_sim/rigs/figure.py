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
