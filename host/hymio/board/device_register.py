"""The register of devices: a JSON file of what was provisioned when, and what was retired. It holds no secrets.

Only the fields of `DeviceEntry` are ever written, so nothing of a configuration can slip in.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from hymio.common.errors import ANSWERED_ERROR, WRONG_USE, Failure
from hymio.common.text_files import read_utf8

VERSION: Final = 1


@dataclass
class DeviceEntry:
    """What the register holds of a terminal. Times are seconds of 1970."""

    device_id: str
    mac: str = ""
    chip: str = ""
    board: str = ""
    experience_point: str = ""
    question: dict[str, str] = field(default_factory=dict)
    page: str = ""
    note: str = ""
    firmware: str = ""
    log_id: int | None = None
    provisioned_utc: float | None = None
    retired_utc: float | None = None


def read_register(path: Path) -> dict[str, DeviceEntry]:
    """Reads the entries, by device_id; there are none if there is no file.

    Raises:
        Failure: it is no register, or one of a newer hymio.
    """
    try:
        found = json.loads(read_utf8(path))
        if found["hymio_register"] != VERSION:
            raise Failure(
                ANSWERED_ERROR,
                f"{path} is a register of format {found['hymio_register']}, this version knows {VERSION}.",
                "Take a newer hymio.",
            )
        return {one["device_id"]: DeviceEntry(**one) for one in found["devices"]}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Failure(WRONG_USE, f"{path}: {error.strerror}.", "Give another --register.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(
            WRONG_USE, f"{path} is no register of devices ({error!r}).", "Give another --register, or move it away."
        ) from error


def write_register(path: Path, entries: dict[str, DeviceEntry]) -> None:
    """Writes the whole register beside the old one and renames it, so that it is never half written."""
    devices: list[dict[str, Any]] = [asdict(entries[device_id]) for device_id in sorted(entries)]
    text = json.dumps({"hymio_register": VERSION, "devices": devices}, ensure_ascii=False, indent=1) + "\n"
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
    except OSError as error:
        raise Failure(WRONG_USE, f"{path}: {error.strerror}.", "Give another --register.") from error


def put(path: Path, entry: DeviceEntry) -> None:
    """Enters the terminal, in the place of what was there of it."""
    write_register(path, {**read_register(path), entry.device_id: entry})
