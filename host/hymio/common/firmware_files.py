"""Where the firmware's files are (beside the package in a wheel, else in the checkout), and how one is run here."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

_PACKAGE: Final = "_hymio_firmware"
"""The name of the terminal's package in this process: it is not `terminal`, which may be anyone's in sys.modules."""


def firmware_dir() -> Path:
    """The directory that holds `main.py` and `terminal/`.

    Raises:
        FileNotFoundError: the installation has lost its firmware files.
    """
    here = Path(__file__).resolve().parents[1]
    for candidate in (here / "firmware", here.parents[1] / "firmware"):
        if (candidate / "main.py").exists():
            return candidate
    raise FileNotFoundError(f"no firmware beside {here}; install hymio again")


@functools.cache
def firmware_package() -> ModuleType:
    """The terminal's package in this process; `firmware_module` gives its modules."""
    directory = firmware_dir() / "terminal"
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, directory / "__init__.py", submodule_search_locations=[str(directory)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = module
    spec.loader.exec_module(module)
    return module


def firmware_module(name: str) -> Any:
    """The firmware's module terminal/`name`.py, to be run in this process. `board` can't be: it needs hardware."""
    return importlib.import_module(f"{firmware_package().__name__}.{name}")
