"""Loads the firmware into this process: the rooms once, and for each terminal a board of its own with its own fakes.

Only `board` imports hardware modules, so it alone is executed anew for each terminal, with an `__import__` that hands
it that terminal's `machine`, `esp32`, `network` and `neopixel`. Thousands can live side by side.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any

from hymio.firmware_files import firmware_dir
from hymio_sim.boardfiles import FAKES

_PACKAGE = "hymio_sim_firmware"
"""The application's package in this process: nothing called `terminal` shall stand in anyone's sys.modules."""


@functools.cache
def _package() -> ModuleType:
    directory = firmware_dir() / "terminal"
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, directory / "__init__.py", submodule_search_locations=[str(directory)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = module
    spec.loader.exec_module(module)
    return module


def room(name: str) -> Any:
    """The application's module of that name, shared by all terminals. "" is the package."""
    _package()
    return importlib.import_module(f"{_PACKAGE}.{name}") if name else sys.modules[_PACKAGE]


@functools.cache
def _code(path: Path) -> CodeType:
    return compile(path.read_text(), str(path), "exec")


def _executed(path: Path, name: str, package: str, modules: Mapping[str, Any]) -> ModuleType:
    """The module in the file, for which `modules` take the place of those that it would import by these names."""

    def private_import(
        wanted: str,
        its_globals: Mapping[str, object] | None = None,
        its_locals: Mapping[str, object] | None = None,
        fromlist: tuple[str, ...] = (),
        level: int = 0,
    ) -> Any:
        if level == 0 and wanted in modules:
            return modules[wanted]
        return builtins.__import__(wanted, its_globals, its_locals, fromlist, level)

    module = ModuleType(name)
    module.__package__ = package
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": private_import}
    exec(_code(path), module.__dict__)
    return module


def private_board(port: Any, config: dict[str, Any], random_bytes: Any) -> Any:
    """A `board.Board` whose hardware is behind `port` (see fakes/bus.py, "what the fake modules call")."""
    _package()
    fakes: dict[str, Any] = {"bus": SimpleNamespace(port=port)}
    for name in ("machine", "esp32", "network", "neopixel"):
        fakes[name] = _executed(FAKES / f"{name}.py", name, "", fakes)
    modules = {**fakes, "os": SimpleNamespace(urandom=random_bytes)}
    path = firmware_dir() / "terminal" / "board.py"
    module = _executed(path, f"{_PACKAGE}.board", _PACKAGE, modules)
    return module.Board(config)
