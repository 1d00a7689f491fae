"""Files with votes or secrets in them: nobody but its owner may read a new one, and an old one keeps its mode."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

PRIVATE_MODE: Final = 0o600
"""Read and written by the owner alone. Windows has no such mode: there the rights of the folder hold."""


def make_private(path: Path) -> None:
    """Makes an empty file that nobody else may read, unless there is a file already.

    Raises:
        OSError: it can't be made.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE_MODE))


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that nobody else may read at any moment; one that is there is overwritten, and keeps its mode."""
    make_private(path)
    path.write_bytes(content)
