"""Which simulated terminals run on this machine, so that `hymio ports` finds them."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from hymio.cable.ports import simulated_dir
from hymio.common.child_processes import is_running


def _prune(directory: Path) -> None:
    """Removes the files of simulators that were killed and could not do so themselves."""
    for place in directory.glob("*.json"):
        pid = place.name.split("-")[0]
        if pid.isdigit() and not is_running(int(pid)):
            with contextlib.suppress(OSError):
                place.unlink()


@contextlib.contextmanager
def registered(device_id: str, port: str) -> Iterator[None]:
    """Announces the terminal while the block runs.

    A file whose process is gone is stale, and readers ignore it.
    """
    place = simulated_dir() / f"{os.getpid()}-{device_id}.json"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _prune(place.parent)
        fresh = place.with_suffix(".new")
        said = {"device_id": device_id, "port": port, "pid": os.getpid(), "directory": str(Path.cwd())}
        fresh.write_text(json.dumps(said))
        fresh.replace(place)
    except OSError:
        pass  # the terminal works even if `hymio ports` can not find it
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            place.unlink()
