"""Checks a board's configuration by the firmware's own rules, before a board is touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.firmware_files import firmware_module
from hymio.common.text_files import read_utf8

HINT: Final = "Correct it and run the same command again. Nothing was changed."


def checked_config(path: Path, chip: str | None = None) -> Path:
    """The file, if the firmware would take it as its config.json.

    Args:
        path: the file.
        chip: the name that esptool has for the chip, if the pins are to be checked as well.

    Raises:
        Failure: 2, with what is wrong with it.
    """
    try:
        given = json.loads(read_utf8(path))
    except OSError as error:
        raise Failure(WRONG_USE, f"{path}: {error.strerror}.", "Give the path of a config.json.") from error
    except ValueError as error:
        raise Failure(WRONG_USE, f"{path} is not JSON: {error}.", HINT) from error
    check(given, str(path))
    if chip:
        checked_wiring(given, chip, str(path))
    return path


def check(given: Any, source: str) -> dict[str, Any]:
    """The configuration with its defaults, as the firmware would see it.

    Args:
        given: the configuration.
        source: what an error names as its place.

    Raises:
        Failure: 2, naming the key, what was expected and what came.
    """
    config = firmware_module("config")
    try:
        built: dict[str, Any] = config.build(given)
    except config.ConfigError as error:
        raise Failure(WRONG_USE, f"{source}: {error}.", HINT) from error
    return built


def checked_wiring(given: Any, chip: str, source: str) -> None:
    """Checks that the pins can be used like that on the chip (by the name that esptool has for it).

    Raises:
        Failure: 2, naming the key.
    """
    built = check(given, source)
    try:
        firmware_module("wiring").Wiring(chip.lower().replace("-", ""), built["pins"], built["power"])
    except ValueError as error:
        raise Failure(WRONG_USE, f"{source}: {error}.", HINT) from error
