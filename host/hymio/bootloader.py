"""Rewrites a board's partition table through the boot loader in its ROM. Everything else goes through MicroPython."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from hymio.errors import ANSWERED_ERROR, BROKEN_OFF, NO_TERMINAL, WRONG_USE, Failure
from hymio.partitions import SECTOR, TABLE_OFFSET, Change

if TYPE_CHECKING:
    from esptool import ESPLoader  # type: ignore[import-untyped]

_AGAIN = "Run the same command again; if the board does not start any more, write its MicroPython image again first."


def rewrite(
    port: str,
    chip: str,
    old_sector: bytes,
    change: Change,
    *,
    tell: Callable[[str], None] = lambda text: None,
    before: str = "default-reset",
    after: str = "hard-reset",
) -> None:
    """Brings the board on `port` into its boot loader, writes the table, empties the old file system, resets it.

    The file system goes first: a cut between the two steps leaves a board that starts, and the command can be
    repeated. The other way round MicroPython would find a file system larger than its partition and give up.

    Args:
        chip: esptool's name of it, `ESP32` or `ESP32-S3`.
        old_sector: what MicroPython read as the partition table; nothing is written if the boot loader reads another.
        tell: is called with a line for each step.
        before: how esptool gets into the boot loader, see `esptool --help`.
        after: and out of it.

    Raises:
        Failure: with NO_TERMINAL or ANSWERED_ERROR nothing was written, with BROKEN_OFF something was.
    """
    loader = _esptool()
    tell("Waking the boot loader ...")
    with _told(NO_TERMINAL, "Its boot loader does not answer", "Hold the button BOOT down while this command starts."):
        esp = loader.detect_chip(port, connect_mode=before)
    try:
        with _told(ANSWERED_ERROR, "The boot loader does not let us read the flash", "Nothing was changed."):
            esp = _ready(loader, esp, chip)
            found = loader.read_flash(esp, TABLE_OFFSET, SECTOR, None, no_progress=True)
        if found != old_sector:
            raise Failure(
                ANSWERED_ERROR,
                "The boot loader reads another partition table than MicroPython.",
                "Nothing was changed. Unplug the board, plug it in and run the same command again.",
            )
        with _told(BROKEN_OFF, "Broken off while the partition table was written", _AGAIN):
            if change.erase:
                tell("Emptying the file system ...")
                loader.erase_region(esp, *change.erase)
            tell("Writing the partition table ...")
            loader.write_flash(esp, [(TABLE_OFFSET, change.sector)], no_progress=True)
            if loader.read_flash(esp, TABLE_OFFSET, SECTOR, None, no_progress=True) != change.sector:
                raise OSError("it does not read back as written")
            loader.reset_chip(esp, after)
    finally:
        with contextlib.suppress(OSError):
            esp._port.close()


def require_esptool() -> None:
    """Fails now rather than after questions have been asked if esptool is not installed."""
    _esptool()


def _esptool() -> Any:
    try:
        import esp_idf_defs  # type: ignore[import-untyped]  # noqa: F401
        from esptool import cmds
        from esptool.logger import log  # type: ignore[import-untyped]
    except ImportError as error:
        raise Failure(
            WRONG_USE,
            f"Adding the partition `votes` needs esptool, which is not installed ({error}).",
            'Type: pip install "hymio[flash]"',
        ) from error
    log.set_verbosity("silent")  # it would print on stdout, which is the answer's
    return cmds


def _ready(loader: Any, esp: ESPLoader, chip: str) -> ESPLoader:
    found = esp.CHIP_NAME
    if found != chip:
        raise OSError(f"the boot loader says {found}, MicroPython says {chip}")
    if esp.secure_download_mode or esp.get_secure_boot_enabled() or esp.get_flash_encryption_enabled():
        raise OSError("secure boot or flash encryption is switched on")
    esp = loader.run_stub(esp)
    loader.attach_flash(esp)
    return esp


@contextlib.contextmanager
def _told(status: int, message: str, hint: str) -> Iterator[None]:
    """What esptool raises, as a failure."""
    from esptool.util import FatalError  # type: ignore[import-untyped]

    try:
        yield
    except (FatalError, OSError) as error:  # pyserial's exceptions are OSErrors
        raise Failure(status, f"{message}: {' '.join(str(error).split())}", hint) from error
