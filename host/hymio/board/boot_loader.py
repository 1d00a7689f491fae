"""A board in the boot loader of its ROM: reading, erasing and writing its flash through esptool."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hymio.board import boot_loader_progress as esptool_progress
from hymio.board.partitions import SECTOR, TABLE_OFFSET, Change
from hymio.cable.network_ports import check_address
from hymio.cable.ports import cannot_open
from hymio.common.errors import ANSWERED_ERROR, BROKEN_OFF, NO_TERMINAL, Failure
from hymio.common.extras import missing_extra

if TYPE_CHECKING:
    from esptool import ESPLoader  # type: ignore[import-untyped]

_AGAIN = "Run the same command again; if the board does not start any more, write its MicroPython image again first."


_READ_ATTEMPTS = 6
"""How often a sector is asked for. A line, or a busy machine, that loses six answers in a row is of no use."""
_PAUSE_S = 0.1
"""The pause before a sector is asked for again; it doubles each time."""


@dataclass(frozen=True)
class ResetModes:
    """How esptool enters the boot loader (`before`) and leaves it (`after`), by the names in `esptool --help`."""

    before: str = "default-reset"
    after: str = "hard-reset"


class Loader:
    """A board in its boot loader. `chip` is esptool's name of the chip, such as `ESP32-S3`; sizes are in bytes."""

    def __init__(self, esp: ESPLoader) -> None:
        """Takes over a board with which esptool is connected."""
        self._esp = esp
        self.chip: str = esp.CHIP_NAME
        self.mac = bytes(esp.read_mac())
        self._knows_flash = False

    def flash_size(self) -> int:
        """The size of the flash chip, in bytes.

        Raises:
            OSError: the chip does not say.
        """
        from esptool.util import flash_size_bytes  # type: ignore[import-untyped]

        name = _esptool().detect_flash_size(self._esp)
        size = flash_size_bytes(name) if name else None
        if not size:
            raise OSError("the flash chip does not say how large it is")
        return int(size)

    def read(self, offset: int, size: int, advance: Callable[[float], None] = lambda share: None) -> bytes:
        """Reads flash as it stands.

        Args:
            offset: where, in bytes.
            size: how many bytes.
            advance: is called with the share that is done, 0..1.
        """
        found = b""
        while len(found) < size:
            # Sector by sector: a long read that fails in its middle would give nothing, and would have to begin anew.
            found += self._sector(offset + len(found), min(SECTOR, size - len(found)))
            advance(len(found) / size)
        return found

    def _sector(self, offset: int, size: int) -> bytes:
        """Reads up to 4096 bytes of flash; what gets lost on the line is asked for again."""
        from esptool.util import FatalError

        for attempt in range(_READ_ATTEMPTS):
            try:
                if self._knows_flash:
                    return bytes(self._esp.read_flash(offset, size))
                with esptool_progress.shown_by(lambda share: None):
                    # this tells the chip its size as well
                    found = bytes(_esptool().read_flash(self._esp, offset, size, None))
                self._knows_flash = True
                return found
            except FatalError:
                if attempt == _READ_ATTEMPTS - 1:
                    raise
                # What is still on its way would be taken for the next answer, so the line has to fall silent first.
                time.sleep(_PAUSE_S * 2**attempt)
                self._esp.flush_input()
        raise AssertionError("not reached")

    def write(
        self,
        offset: int,
        data: bytes,
        flash_size: str = "keep",
        advance: Callable[[float], None] = lambda share: None,
    ) -> None:
        """Writes, and compares a checksum of what stands in flash afterwards.

        Args:
            offset: where, a multiple of 4096.
            data: what to write.
            flash_size: the size that a boot loader among the data is told, as "8MB"; "keep" leaves what it says.
            advance: is called with the share that is done, 0..1.
        """
        with esptool_progress.shown_by(advance):
            _esptool().write_flash(self._esp, [(offset, data)], flash_size=flash_size)

    def erase(self, offset: int, size: int) -> None:
        """Makes a stretch of flash blank; offset and size are multiples of 4096."""
        _esptool().erase_region(self._esp, offset, size)

    def erase_all(self) -> None:
        """Makes the whole flash blank."""
        _esptool().erase_flash(self._esp)

    def checksum(self, offset: int, size: int) -> str:
        """The MD5, in hex, of what stands in flash; the board works it out."""
        return str(self._esp.flash_md5sum(offset, size))

    def leave(self, how: str) -> None:
        """Leaves the boot loader: starts the program, or does what else esptool's `after` says."""
        _esptool().reset_chip(self._esp, how)


@contextlib.contextmanager
def opened(port: str, before: str, chip: str | None = None) -> Iterator[Loader]:
    """Brings the board on `port` into its boot loader, and gives the board.

    Args:
        port: a serial port or the address of one.
        before: how, see `ResetModes`.
        chip: the chip that it has to be; None: any.

    Raises:
        Failure: 3 or 5; nothing was written.
    """
    check_address(port)
    tool = _esptool()
    with (
        esptool_fails_as(
            NO_TERMINAL, "Its boot loader does not answer", "Hold the button BOOT down while this command starts."
        ),
        _port_told(port),
    ):
        esp = tool.detect_chip(port, connect_mode=before)
    try:
        with esptool_fails_as(ANSWERED_ERROR, "The boot loader does not let us read the flash", "Nothing was changed."):
            found = esp.CHIP_NAME
            if chip is not None and found != chip:
                raise OSError(f"the boot loader says {found}, MicroPython says {chip}")
            if esp.secure_download_mode or esp.get_secure_boot_enabled() or esp.get_flash_encryption_enabled():
                raise OSError("secure boot or flash encryption is switched on")
            esp = tool.run_stub(esp)
            tool.attach_flash(esp)
            loader = Loader(esp)
        yield loader
    finally:
        with contextlib.suppress(OSError):
            esp._port.close()


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
    """Writes the table on the board on `port`, empties the old file system, and resets the board.

    The file system goes first: a cut between the two steps leaves a board that starts, and the command can be repeated.
    The other way round MicroPython would find a file system larger than its partition and give up.

    Args:
        port: a serial port or the address of one.
        chip: esptool's name of the chip, `ESP32` or `ESP32-S3`.
        old_sector: what MicroPython read as the partition table; nothing is written if the boot loader reads another.
        change: the new table, and what becomes of the file system.
        tell: is called with a line for a person before each step.
        before: how the boot loader is entered, see `ResetModes`.
        after: how it is left.

    Raises:
        Failure: 3 or 5 if nothing was written, 6 if something was.
    """
    tell("Waking the boot loader ...")
    with opened(port, before, chip) as loader:
        with esptool_fails_as(ANSWERED_ERROR, "The boot loader does not let us read the flash", "Nothing was changed."):
            found = loader.read(TABLE_OFFSET, SECTOR)
        if found != old_sector:
            raise Failure(
                ANSWERED_ERROR,
                "The boot loader reads another partition table than MicroPython.",
                "Nothing was changed. Unplug the board, plug it in and run the same command again.",
            )
        with esptool_fails_as(BROKEN_OFF, "Broken off while the partition table was written", _AGAIN):
            if change.erase:
                tell("Emptying the file system ...")
                loader.erase(*change.erase)
            tell("Writing the partition table ...")
            loader.write(TABLE_OFFSET, change.sector)
            if loader.read(TABLE_OFFSET, SECTOR) != change.sector:
                raise OSError("it does not read back as written")
            loader.leave(after)


def require_esptool() -> None:
    """Fails if esptool is not installed: at once, and not after questions have been asked."""
    _esptool()


def _esptool() -> Any:
    try:
        import esp_idf_defs  # type: ignore[import-untyped]  # noqa: F401
        from esptool import cmds
    except ImportError as error:
        raise missing_extra("flash", error) from error
    esptool_progress.install()
    return cmds


@contextlib.contextmanager
def _port_told(port: str) -> Iterator[None]:
    """Tells why a port stays shut in the words of the other commands; esptool's own message leaves that open."""
    from esptool.util import FatalError
    from serial import SerialException  # type: ignore[import-untyped]

    try:
        yield
    except FatalError as error:
        cause = error.__context__
        if isinstance(cause, SerialException) and str(error).startswith("Could not open"):
            raise cannot_open(port, cause) from error
        raise
    except ValueError as error:  # an address of a kind that pyserial does not know
        raise cannot_open(port, error) from error


@contextlib.contextmanager
def esptool_fails_as(status: int, message: str, hint: str) -> Iterator[None]:
    """Turns what esptool raises within into a Failure with this status, message and hint."""
    from esptool.util import FatalError

    try:
        yield
    except (FatalError, OSError) as error:  # the exceptions of pyserial are OSErrors
        raise Failure(status, f"{message}: {' '.join(str(error).split())}", hint) from error
