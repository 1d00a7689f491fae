"""Files with votes or secrets in them: a new one is its owner's alone, an old one keeps its mode."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

PRIVATE_MODE: Final = 0o600
"""Windows has no such thing: there the rights of the folder hold."""


def make_private(path: Path) -> None:
    """Makes an empty file that nobody else may read, unless there is one. OSError: that can't be done."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE_MODE))


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that nobody else may read at any moment, or over one that is there."""
    make_private(path)
    path.write_bytes(content)
