"""What the command line of `hymio sim terminal` says, for either kind of time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hymio_sim.run.vm import Runtime


@dataclass(frozen=True)
class Settings:
    """What the command line says."""

    device_id: str
    flash: Path
    link: Path | None = None
    baud: int | None = None
    """How fast the serial line is; None: as fast as it goes."""
    broker: tuple[str, int] | None = None
    tls_files: tuple[Path, ...] = ()
    """ca.der, and cert.der and key.der, if the way to the broker is TLS."""
    runtime: Runtime = "micropython"
    heap: str = "96k"
    script: tuple[str, ...] = ()
    seed: int = 0
    extra_config: dict[str, Any] | None = None
    flash_times: str = "typical"
    files: Path | None = None
    """What is in the board's file system, if it is not this installation's firmware."""
    firmware: Path | None = None
    """Sources of another firmware than this installation's."""
    memory: bool = False
    """Whether the memory of a stock ESP32 is modelled, with the firmware in its file system."""
