"""The pin maps of common boards: firmware/boards/*.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.firmware_files import firmware_dir


@dataclass(frozen=True)
class BoardMap:
    """How a board that can be bought is wired."""

    name: str
    """What its maker calls it."""
    chip: str
    """The name that esptool has for its chip."""
    image: str
    """The beginning of the names of MicroPython's images for it."""
    maker: str
    """The page on which its maker describes it."""
    pins: dict[str, Any]
    """The section `pins` of the configuration."""
    printed: dict[str, Any]
    """What is printed on the board at these pins, by the same keys."""


def boards() -> list[str]:
    """The names that `read_board` takes."""
    return sorted(path.stem for path in (firmware_dir() / "boards").glob("*.toml"))


def read_board(name: str) -> BoardMap:
    """Reads the map of that name.

    Raises:
        Failure: 2, there is none.
    """
    if name not in boards():
        raise Failure(
            WRONG_USE, f"board: expected one of {', '.join(boards())}, came {name}.", "Other boards: name the pins."
        )
    return BoardMap(**tomllib.loads((firmware_dir() / "boards" / f"{name}.toml").read_text(encoding="utf-8")))
