"""What the options of `hymio sim terminal` stand for, checked: addresses, files, and what can run here.

Where an option is wrong each function raises `Failure`, which says what was expected.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.text_files import read_utf8
from hymio_sim.board.board_files import find_tool
from hymio_sim.run.vm_command import Runtime


def broker_address(mqtt: str | None, mqtts: str | None, is_virtual: bool) -> tuple[str, int] | None:
    """The host and port of `--mqtt` or `--mqtts`, or None without either."""
    if not mqtts:
        return _address(mqtt) if mqtt else None
    if mqtt:
        raise Failure(WRONG_USE, "--mqtt and --mqtts: expected one of them.", "Leave one out.")
    if is_virtual:
        raise Failure(WRONG_USE, "--mqtts: there is no TLS in virtual time.", "Use --mqtt, or real time.")
    host, port = _address(mqtts, "--mqtts")
    if host not in ("localhost", "127.0.0.1"):
        hint = "The terminal finds its broker behind a proxy on this machine: tunnel the port of another one to it."
        raise Failure(WRONG_USE, f"--mqtts {mqtts}: expected localhost or 127.0.0.1 as host.", hint)
    return host, port


def tls_files(mqtts: str | None, pki: Path | None) -> tuple[Path, ...]:
    """The paths of ca.der, cert.der and key.der in the folder of `--pki`; of ca.der alone without a certificate."""
    if bool(mqtts) != bool(pki):
        raise Failure(WRONG_USE, "--mqtts and --pki go together.", "Give both: --mqtts localhost:8883 --pki DIR.")
    if pki is None:
        return ()
    files = [pki / name for name in ("ca.der", "cert.der", "key.der")]
    if not files[0].is_file() or files[1].is_file() != files[2].is_file():
        hint = "`hymio pki issue --device ID` makes such a directory."
        raise Failure(WRONG_USE, f"--pki {pki}: expected ca.der, cert.der and key.der in it.", hint)
    return tuple(file for file in files if file.is_file())


def _address(text: str, option: str = "--mqtt") -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if colon and host and port.isdigit() and 0 < int(port) < 65536:
        return host.strip("[]"), int(port)
    raise Failure(WRONG_USE, f"{option} {text}: expected HOST:PORT.", f"For example {option} 127.0.0.1:1883.")


def script_lines(path: Path | None) -> tuple[str, ...]:
    """The lines of the file of `--script`, none without it."""
    if path is None:
        return ()
    try:
        return tuple(read_utf8(path).splitlines())
    except OSError as error:
        raise Failure(WRONG_USE, f"--script {path}: {error}.", "Give a text file with one command a line.") from error


def board_files(files: Path | None, is_virtual: bool) -> Path | None:
    """The folder of `--files`, which has to hold a main.py; None without it."""
    if files is None:
        return None
    if not (files / "main.py").is_file():
        raise Failure(WRONG_USE, f"--files {files}: there is no main.py.", "Give a directory with a board's files.")
    if is_virtual:
        raise Failure(WRONG_USE, "--files needs the real VM.", "Leave out --clock virtual.")
    return files


def extra_config(path: Path | None) -> dict[str, Any] | None:
    """The JSON object in the file of `--config`, or None without it."""
    if path is None:
        return None
    hint = "Give a file with one JSON object, laid out as the terminal's config.json."
    try:
        value = json.loads(read_utf8(path))
    except (OSError, ValueError) as error:
        raise Failure(WRONG_USE, f"--config {path}: {error}.", hint) from error
    if not isinstance(value, dict):
        raise Failure(WRONG_USE, f"--config {path}: expected a JSON object.", hint)
    return value


def runtime_here(wanted: str, is_virtual: bool) -> Runtime:
    """What is to run the firmware: what is `wanted`, as far as it can be had here.

    In virtual time, and where there is no MicroPython, that is CPython; in the second case a line on stderr says so.
    """
    if is_virtual or wanted == "cpython":
        return "cpython"
    if find_tool("micropython") is None:
        print("There is no `micropython` program here: the firmware runs on CPython instead.", file=sys.stderr)
        return "cpython"
    return "micropython"
