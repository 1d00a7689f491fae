"""A stock MicroPython image of an ESP32: what it is made for, and what stands where in it.

Headers are read by `esp_idf_defs`, the format is ESP-IDF's:
https://docs.espressif.com/projects/esptool/en/latest/esp32/advanced-topics/firmware-image-format.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hymio.board.factory_files import OLDEST, Version
from hymio.board.partitions import SECTOR, TABLE_OFFSET, PartitionEntry, PartitionError, entries
from hymio.common.errors import WRONG_USE, Failure
from hymio.common.extras import missing_extra

CHIPS: Final = ("ESP32", "ESP32-S2", "ESP32-S3", "ESP32-C3", "ESP32-C6")
"""The names that esptool has for the chips whose wiring the firmware knows."""
_HINT: Final = "Take an image of a whole flash, ESP32_GENERIC-....bin, from micropython.org/download."
_BANNER: Final = re.compile(rb"(?<![A-Za-z])MicroPython v(\d+)\.(\d+)(?:\.(\d+))?")
"""What MicroPython prints when its prompt is opened:
https://github.com/micropython/micropython/blob/master/py/mpconfig.h"""


@dataclass(frozen=True)
class StockImage:
    """An image that was read. Offsets are those in flash, sizes are in bytes."""

    chip: str
    """The name that esptool has for the chip."""
    offset: int
    """Where in flash `data` begins."""
    data: bytes
    micropython: Version
    flash_size: int
    """The size of the flash that the image was made for."""
    table: bytes
    """The 4096 bytes of the partition table."""
    partitions: tuple[PartitionEntry, ...]

    def part(self, offset: int, size: int) -> bytes:
        """What the image has at this place; less than `size` bytes where it ends."""
        begin = offset - self.offset
        return self.data[begin : begin + size]


def read_stock(path: Path) -> StockImage:
    """Reads the image in a file.

    Raises:
        Failure: it is no image, is damaged, or is not for this firmware.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Failure(WRONG_USE, f"{path}: {error.strerror}.", "Give the path of a MicroPython image.") from error
    try:
        return _parsed(data)
    except (ValueError, PartitionError) as error:
        raise Failure(WRONG_USE, f"{path} is no stock MicroPython image for the ESP32: {error}.", _HINT) from error


def _parsed(data: bytes) -> StockImage:
    loader = _metadata(data, "boot loader").header
    chip = str(loader.chip_id.chip_name)
    name, offset = _chip(chip)
    if name not in CHIPS:
        raise ValueError(f"it is for the {name}, expected one of {', '.join(CHIPS)}")
    table = data[TABLE_OFFSET - offset : TABLE_OFFSET - offset + SECTOR]
    if len(table) < SECTOR:
        raise ValueError("it ends before the partition table")
    try:
        partitions = tuple(entries(table))
    except PartitionError as error:
        raise ValueError("it holds no partition table; is it the image of the application alone?") from error
    app = next((entry for entry in partitions if entry.is_app), None)
    if app is None:
        raise ValueError("its partition table names no application")
    program = data[app.offset - offset : app.end - offset]
    _metadata(program, "application")  # this raises an error if the program is damaged
    version = _version(program)
    if version < OLDEST:
        raise ValueError(f"it is MicroPython {'.'.join(map(str, version))}, the firmware needs 1.23 or newer")
    return StockImage(name, offset, data, version, 0x100000 << int(loader.spi_size), table, partitions)


def _metadata(data: bytes, what: str) -> Any:
    try:
        from esp_idf_defs.image_metadata import ImageMetadata  # type: ignore[import-untyped]
    except ImportError as error:
        raise missing_extra("flash", error) from error
    try:
        return ImageMetadata.from_bytes(data)
    except (ValueError, IndexError, LookupError, ArithmeticError, AttributeError, TypeError) as error:
        raise ValueError(f"its {what} is damaged or missing ({str(error) or type(error).__name__})") from error
    except Exception as error:
        if type(error).__module__ == "struct":
            raise ValueError(f"its {what} is cut short") from error
        raise


def _chip(chip: str) -> tuple[str, int]:
    """The name that esptool has for the chip, and where the boot loader stands on it."""
    from esptool.targets import CHIP_DEFS  # type: ignore[import-untyped]

    target = CHIP_DEFS.get(chip)
    if target is None:
        raise ValueError(f"it is for the {chip}, expected one of {', '.join(CHIPS)}")
    return str(target.CHIP_NAME), int(target.BOOTLOADER_FLASH_OFFSET)


def _version(program: bytes) -> Version:
    """The version of MicroPython, by its banner alone.

    ESP-IDF's description of the application has the version of any program.
    """
    banner = _BANNER.search(program)
    if banner is None:
        raise ValueError("its application is not MicroPython, or does not say which")
    major, minor, patch = (int(number) for number in banner.groups(default=b"0"))
    return major, minor, patch
