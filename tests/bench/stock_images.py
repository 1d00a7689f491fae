"""Images as micropython.org has them, but for what runs: headers by esptool's own writer, a stock partition table."""

from __future__ import annotations

import struct
from pathlib import Path

from esptool.bin_image import ImageSegment
from esptool.targets import CHIP_DEFS
from test_partitions import Entry, sector_of

MIB = 0x100000
NVS = ("nvs", 1, 2, 0x9000, 0x6000)
PHY = ("phy_init", 1, 1, 0xF000, 0x1000)
FACTORY = ("factory", 0, 0, 0x10000, 0x1F0000)
STOCK = [NVS, PHY, FACTORY]

_ROM_DATA = {"esp32": 0x3F400020, "esp32s2": 0x3F000020, "esp32s3": 0x3C000020}
_SIZE_CODES = {4 * MIB: 0x2F, 8 * MIB: 0x3F, 16 * MIB: 0x4F}


def loader_offset(chip: str) -> int:
    """Where the image begins in flash."""
    return int(CHIP_DEFS[chip].BOOTLOADER_FLASH_OFFSET)


def program(chip: str, payload: bytes, scratch: Path, flash_size: int = 4 * MIB) -> bytes:
    """A valid image that esptool makes of one segment."""
    image = CHIP_DEFS[chip].BOOTLOADER_IMAGE()
    image.segments = [ImageSegment(_ROM_DATA.get(chip, 0x42000020), payload)]
    image.entrypoint = 0x40080000
    image.flash_mode = 2
    image.flash_size_freq = _SIZE_CODES[flash_size]
    image.append_digest = True
    path = scratch / "program.bin"
    image.save(str(path))
    return path.read_bytes()


def description(version: str, project: str = "micropython") -> bytes:
    """esp_app_desc_t: docs.espressif.com/projects/esp-idf/en/stable/esp32/api-reference/system/app_image_format.html"""
    texts = struct.pack("<32s32s16s16s32s", version.encode(), project.encode(), b"12:00:00", b"Aug 1 2026", b"v5.4.2")
    return (struct.pack("<IIII", 0xABCD5432, 0, 0, 0) + texts).ljust(256, b"\0")


def stock_image(
    chip: str,
    scratch: Path,
    version: str = "v1.26.0",
    table: list[Entry] | None = None,
    program_size: int = 40_000,
    flash_size: int = 4 * MIB,
    banner: str | None = None,
    project: str = "micropython",
) -> Path:
    """A file like ESP32_GENERIC-20260801-v1.26.0.bin; with another banner or project it is no MicroPython."""
    if banner is None:
        banner = f"MicroPython {version} on 2026-08-01; Generic module"
    code = bytes(i * i & 255 for i in range(program_size))
    offset = loader_offset(chip)
    image = program(chip, b"boots" * 1000, scratch, flash_size).ljust(0x8000 - offset, b"\xff")
    image += sector_of(table or STOCK)
    image = image.ljust(0x10000 - offset, b"\xff")
    image += program(chip, description(version, project) + banner.encode() + code, scratch, flash_size)
    path = scratch / f"{chip.upper()}_GENERIC-{version}.bin"
    path.write_bytes(image)
    return path
