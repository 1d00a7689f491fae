"""Loads the firmware into this process: its modules once, and for each terminal a board with fakes of its own.

Only the module `board` imports hardware modules. So it alone is executed anew for each terminal, with an `__import__`
that gives it the `machine`, `esp32`, `network` and `neopixel` of that terminal. Thousands can live side by side.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Mapping
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any

from hymio.common.firmware_files import firmware_dir, firmware_package
from hymio_sim.board.board_files import FAKES


@functools.cache
def _code(path: Path) -> CodeType:
    return compile(path.read_text(), str(path), "exec")


def _executed(path: Path, name: str, package: str, modules: Mapping[str, Any]) -> ModuleType:
    """Executes the file as a module that imports those of `modules` by these names, and any others as usual."""

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
    """A `board.Board` of the firmware whose hardware is behind `port`.

    What a port has to offer stands in fakes/bus.py, "what the fake modules call". config: a whole configuration;
    random_bytes(n) stands in for `os.urandom`.
    """
    fakes: dict[str, Any] = {"bus": SimpleNamespace(port=port)}
    for name in ("machine", "esp32", "network", "neopixel"):
        fakes[name] = _executed(FAKES / f"{name}.py", name, "", fakes)
    modules = {**fakes, "os": SimpleNamespace(urandom=random_bytes)}
    path = firmware_dir() / "terminal" / "board.py"
    package = firmware_package().__name__
    module = _executed(path, f"{package}.board", package, modules)
    return module.Board(config)
