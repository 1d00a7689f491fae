"""What the command line of `hymio sim terminal` asks for, in either kind of time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hymio_sim.run.vm_command import Runtime


@dataclass(frozen=True)
class Settings:
    """The options of one simulated terminal, checked and read."""

    device_id: str
    flash: Path
    link: Path | None = None
    baud: int | None = None
    """The speed of the serial line in baud; None: as fast as this machine can."""
    broker: tuple[str, int] | None = None
    tls_files: tuple[Path, ...] = ()
    """The paths of ca.der, and of cert.der and key.der, if the broker is reached by TLS."""
    runtime: Runtime = "micropython"
    heap: str = "96k"
    script: tuple[str, ...] = ()
    seed: int = 0
    extra_config: dict[str, Any] | None = None
    flash_times: str = "typical"
    files: Path | None = None
    """A folder with all files of the board, if it is not to run this installation's firmware."""
    firmware: Path | None = None
    """A folder with the sources of another firmware than this installation's."""
    memory: bool = False
    """Whether the memory of a stock ESP32 is modelled, with the firmware in its file system."""
