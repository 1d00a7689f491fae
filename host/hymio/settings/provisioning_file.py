"""Provisioning files: one TOML for one terminal, or one with a CSV of what differs for many; every value is checked.

"Provisioning" in host/spec/bench.md has the keys. What is not the host's own is the firmware's configuration, checked
by the firmware's own rules.
"""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.mac_addresses import EXAMPLE, mac_of
from hymio.common.output import note
from hymio.common.text_files import read_utf8, separator_told
from hymio.common.words import counted
from hymio.settings.board_pins import read_board
from hymio.settings.configuration_rules import HINT, check, checked_wiring

_TEXTS: Final = {"experience_point": 80, "page": 300, "note": 200}
"""The host's own keys that are plain texts, and how many characters they may have."""
_OWN: Final = (*_TEXTS, "board", "question", "pki")
CERTIFICATES: Final = {"ca": "certs/ca.der", "cert": "certs/cert.der", "key": "certs/key.der"}
"""By key in `mqtt.tls`: the path on the board. The file of the same name stands in the CA's directory."""
_COLUMNS: Final = ("port", "mac")
OWN_KEYS: Final = (*_OWN, *_COLUMNS)
"""What a file may say beside the terminal's configuration."""

_SAVE_AS_CSV: Final = 'Save it as "CSV UTF-8" (Excel has it among its file types) and run the same command again.'
_SEPARATORS: Final = ",;\t"
"""What may separate cells; spreadsheets take the semicolon where the comma stands in decimal numbers."""
_KEEP_BLANKS: Final = ("ssid", "password", "username")
"""The last parts of keys whose values may begin or end with a blank, which belongs to the name or the secret."""


@dataclass(frozen=True)
class ProvisionedTerminal:
    """What one board is to become."""

    device_id: str
    config: dict[str, Any] = field(repr=False)
    """The content of its config.json, which holds secrets."""
    certificates: dict[str, bytes] = field(repr=False)
    """The certificates, by path on the board."""
    board: str = ""
    chip: str = ""
    """The name that esptool has for the chip; "" if the file does not tell."""
    question: dict[str, str] = field(default_factory=dict)
    """The question by language; "" where the file names no language."""
    experience_point: str = ""
    page: str = ""
    """The address behind the QR code."""
    note: str = ""
    port: str = ""
    mac: str = ""

    def files(self) -> dict[str, bytes]:
        """Everything that goes on the board, by path."""
        text = json.dumps(self.config, ensure_ascii=False, indent=1)
        return {"config.json": text.encode(), **self.certificates}


def read_terminals(path: Path, table: Path | None = None, only: str | None = None) -> list[ProvisionedTerminal]:
    """The terminals of a provisioning file.

    Args:
        path: the TOML.
        table: a CSV; each row is laid over the TOML and is a terminal.
        only: the device_id of the one terminal that is wanted; None: all.

    Raises:
        Failure: 2, naming file, row and key, what was expected and what came.
    """
    base = read_toml(path)
    if table is None:
        terminals = [_terminal(base, str(path), path.parent)]
    else:
        rows = _rows(table)
        terminals = [_terminal(_laid_over(base, row, source), source, path.parent) for source, row in rows]
    for name in ("device_id", "mac", "port"):
        _all_different(name, [getattr(terminal, name) for terminal in terminals], table or path)
    if only is not None:
        terminals = [terminal for terminal in terminals if terminal.device_id == only]
        if not terminals:
            raise Failure(WRONG_USE, f"--only: {table or path} has no device_id {only}.", HINT)
    return terminals


def read_toml(path: Path) -> dict[str, Any]:
    """Reads a file in TOML.

    Raises:
        Failure: 2, it can't be read, or is no TOML.
    """
    try:
        return tomllib.loads(read_utf8(path))
    except OSError as error:
        raise Failure(WRONG_USE, f"{path}: {error.strerror}.", "Give the path of a provisioning file.") from error
    except tomllib.TOMLDecodeError as error:
        raise Failure(WRONG_USE, f"{path} is not TOML: {error}.", HINT) from error


def _rows(path: Path) -> list[tuple[str, dict[str, str]]]:
    """The rows of a CSV as spreadsheets save it: for each terminal where the row stands, and its cells by column.

    A row of empty cells is no terminal.
    """
    try:
        text = read_utf8(path, _SAVE_AS_CSV)
    except OSError as error:
        raise Failure(WRONG_USE, f"{path}: {error.strerror}.", "Give the path of a CSV.") from error
    separator, skipped = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        numbered = [(reader.line_num, row) for row in reader][skipped:]
    except csv.Error as error:
        raise Failure(WRONG_USE, f"{path} is not CSV: {error}.", HINT) from error
    numbered = [(number, row) for number, row in numbered if any(cell.strip() for cell in row)]
    names = [name.strip() for name in numbered[0][1]] if numbered else []
    if "device_id" not in names:
        first = repr(text.splitlines()[skipped][:60]) if len(text.splitlines()) > skipped else "nothing"
        said = f"{path}: device_id: expected a column of this name in the first line, came {first}."
        raise Failure(WRONG_USE, said, "Columns are separated by a comma, a semicolon or a tab. Nothing was changed.")
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice is not None:
        raise Failure(WRONG_USE, f"{path}: {twice}: expected one column of this name, came more.", HINT)
    rows = []
    for number, row in numbered[1:]:
        source = f"{path} line {number}"
        beyond = [cell for name, cell in zip(names, row, strict=False) if not name] + row[len(names) :]
        if len(row) < len(names) or any(cell.strip() for cell in beyond):
            said = f"{source}: expected {counted(len(names), 'value')}, one for each name in line 1."
            raise Failure(WRONG_USE, said, HINT)
        rows.append((source, {name: cell for name, cell in zip(names, row, strict=False) if name}))
    if not rows:
        raise Failure(WRONG_USE, f"{path}: expected a line for each terminal, came none.", HINT)
    return rows


def _separator(text: str) -> tuple[str, int]:
    """What separates the cells, and how many rows say nothing else: `sep=;` in the first row is meant for Excel."""
    told = separator_told(text)
    if told is not None:
        return told or "\t", 1  # a tab is a blank at the end, which an editor may have taken off
    first = text.partition("\n")[0].strip()
    head: Iterable[str]
    for separator in _SEPARATORS:
        head = next(csv.reader([first], delimiter=separator), [])
        if "device_id" in (name.strip() for name in head):
            return separator, 0
    return _SEPARATORS[0], 0


def _laid_over(base: Mapping[str, Any], row: Mapping[str, str], source: str) -> dict[str, Any]:
    """The configuration `base` with a row laid over it. A column is a key with dots; an empty cell says nothing."""
    result: dict[str, Any] = json.loads(json.dumps(base, default=str))
    for key, text in row.items():
        *tables, last = key.split(".")
        if not text.strip():
            continue
        place = result
        for name in tables:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise Failure(WRONG_USE, f"{source}: {key}: expected a table at {name}, came {place!r}.", HINT)
        if last not in _KEEP_BLANKS:
            text = text.strip()
        elif text != text.strip():
            note(f"{source}: {key} begins or ends with a blank; it is taken as it stands.")
        place[last] = _typed(key, text)
    return result


def _typed(key: str, text: str) -> Any:
    """The value of a cell: a text if the default is one, otherwise what it means in TOML."""
    default: Any = check({}, "defaults")
    for name in key.split("."):
        default = default.get(name) if isinstance(default, dict) else None
    if key in OWN_KEYS or isinstance(default, str):
        return text
    if text in ("TRUE", "FALSE"):  # Excel writes them like this
        return text == "TRUE"
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _terminal(given: Mapping[str, Any], source: str, beside: Path) -> ProvisionedTerminal:
    own = {key: given[key] for key in OWN_KEYS if key in given}
    config = {key: value for key, value in given.items() if key not in own}
    if "device_id" not in config:
        raise Failure(WRONG_USE, f"{source}: device_id: expected one, came none.", HINT)
    chip = ""
    if "board" in own:
        board = read_board(_text(own, "board", 80, source))
        chip = board.chip
        pins = config.get("pins", {})
        config["pins"] = {**board.pins, **pins} if isinstance(pins, dict) else pins
    check(config, source)  # the values are used after this
    device_id = str(config["device_id"])
    certificates: dict[str, bytes] = {}
    if "pki" in own:
        certificates = read_certificates(beside / _text(own, "pki", 300, source), device_id, source)
        mqtt = config.setdefault("mqtt", {})
        mqtt["tls"] = dict(CERTIFICATES)
        check(config, source)
    if chip:
        checked_wiring(config, chip, source)
    texts = {key: _text(own, key, most, source) for key, most in _TEXTS.items() if key in own}
    page = texts.get("page", "").replace("{device_id}", device_id)
    if page and not page.startswith(("https://", "http://")):
        raise _wrong(source, "page", "an address that begins with https:// or http://", page)
    mac = mac_of(_text(own, "mac", 40, source)) if own.get("mac") else b""
    if mac is None:
        raise _wrong(source, "mac", f"an address like {EXAMPLE}", own["mac"])
    return ProvisionedTerminal(
        device_id,
        config,
        certificates,
        board=str(own.get("board", "")),
        chip=chip,
        question=_question(own.get("question", {}), source),
        experience_point=texts.get("experience_point", ""),
        page=page,
        note=texts.get("note", ""),
        port=_text(own, "port", 200, source) if "port" in own else "",
        mac=mac.hex(":"),
    )


def read_certificates(pki: Path, device_id: str, source: str) -> dict[str, bytes]:
    """Reads CA, certificate and key of a terminal, by path on the board.

    Raises:
        Failure: 2, the CA has not issued them.
    """
    try:
        issued = pki / "issued" / device_id
        return {path: (issued / path.rpartition("/")[2]).read_bytes() for path in CERTIFICATES.values()}
    except OSError as error:
        raise Failure(
            WRONG_USE,
            f"{source}: pki: expected the directory of a CA that has issued a certificate for {device_id}, came {pki}.",
            f"hymio pki issue --dir {pki} {device_id}",
        ) from error


def _question(given: Any, source: str) -> dict[str, str]:
    texts = {"": given} if isinstance(given, str) else given
    if not isinstance(texts, dict):
        raise _wrong(source, "question", "a text, or a table of texts by language", given)
    for language, text in texts.items():
        if not isinstance(text, str) or not 1 <= len(text) <= 200:
            raise _wrong(source, f"question.{language}".rstrip("."), "a text of 1 to 200 characters", text)
    return dict(texts)


def _text(own: Mapping[str, Any], key: str, most: int, source: str) -> str:
    value = own[key]
    if not isinstance(value, str) or len(value) > most:
        raise _wrong(source, key, f"a text of at most {most} characters", value)
    return value


def _wrong(source: str, key: str, expected: str, came: object) -> Failure:
    return Failure(WRONG_USE, f"{source}: {key}: expected {expected}, came {json.dumps(came, default=str)}.", HINT)


def _all_different(name: str, values: list[str], path: Path) -> None:
    seen = set()
    for value in filter(None, values):
        if value in seen:
            raise Failure(WRONG_USE, f"{path}: {name}: expected different ones, came {value} twice.", HINT)
        seen.add(value)
