"""Which simulated terminals run on this machine, so that `hymio ports` finds them."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


def _directory() -> Path:
    return Path(tempfile.gettempdir()) / f"hymio-{getpass.getuser()}" / "terminals"


@contextlib.contextmanager
def registered(device_id: str, port: str) -> Iterator[None]:
    """Announces the terminal while the block runs. A file whose process is gone is stale: readers ignore it."""
    place = _directory() / f"{os.getpid()}-{device_id}.json"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_suffix(".new")
        fresh.write_text(json.dumps({"device_id": device_id, "port": port, "pid": os.getpid()}))
        fresh.replace(place)
    except OSError:
        pass  # the terminal works without being found
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            place.unlink()
