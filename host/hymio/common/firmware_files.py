"""Where the firmware files are: beside the package in a wheel, in the checkout otherwise; and how to run one here."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

_PACKAGE: Final = "_hymio_firmware"
"""The terminal's package in this process: nothing called `terminal` shall stand in anyone's sys.modules."""


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
    """The terminal's package in this process, of which `firmware_module` gives the modules."""
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
    """The firmware's module terminal/`name`.py, to be run in this process. Not `board`: it wants hardware."""
    return importlib.import_module(f"{firmware_package().__name__}.{name}")
