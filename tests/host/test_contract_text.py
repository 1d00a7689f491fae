"""The text of the contract, host/spec/contract.md, tells of every command and every key that programs may rely on."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

ROOT = Path(__file__).parents[2]
CONTRACT = (ROOT / "host" / "spec" / "contract.md").read_text(encoding="utf-8")
MQTT = (ROOT / "firmware" / "spec" / "mqtt.md").read_text(encoding="utf-8")
SCHEMAS = sorted((ROOT / "tests" / "schemas").glob("*.json"))


def section(text: str, heading: str) -> str:
    """From a heading, of whatever level, to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"no heading {heading!r}"
    return found[1]


def is_told(key: str, text: str) -> bool:
    return re.search(rf"[\"`\[]{re.escape(key)}[\"`\]]", text) is not None


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """(name, command) of everything that does something: groups that only have sub-commands do not."""
    children = getattr(command, "commands", None)
    if not children or command.invoke_without_command:
        yield name, command
    for child, one in (children or {}).items():
        yield from commands(one, f"{name} {child}")


def program(names: tuple[str, ...]) -> Any:
    """The click command of the first of these modules that has an app."""
    for name in names:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        if isinstance(getattr(module, "app", None), typer.Typer):
            return typer.main.get_command(module.app)
    raise AssertionError(f"none of {names} has an app")


COMMANDS = {
    **dict(commands(program(("hymio.cli.app", "hymio.cli")), "hymio")),
    **dict(commands(program(("hymio_sim.cli",)), "hymio sim")),
}


def test_every_command_has_a_heading_and_every_heading_is_a_command() -> None:
    headings = set(re.findall(r"^### `(hymio [a-z -]+)`$", CONTRACT, re.MULTILINE))
    assert headings == COMMANDS.keys()


SHARED = {"--json", "--port", "--sim", "--db", "--broker", "--ca", "--cert", "--key", "--dir"}
"""Told once, for all commands that have them."""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_told_in_its_section(name: str) -> None:
    said = section(CONTRACT, f"`{name}`")
    for parameter in COMMANDS[name].params:
        options = {option for option in parameter.opts if option.startswith("--")}
        if not options or options & SHARED or options & {"--install-completion", "--show-completion", "--version"}:
            continue
        assert any(re.search(rf"{re.escape(option)}(?![\w-])", said) for option in options), (name, options)


@pytest.mark.parametrize("option", sorted(SHARED))
def test_options_of_many_commands_are_told_once(option: str) -> None:
    assert f"`{option}`" in CONTRACT or f"`{option} " in CONTRACT


def keys_of(schema: Any) -> Iterator[str]:
    """Every key that an object has to have, however deep it stands."""
    if isinstance(schema, dict):
        yield from schema.get("required", ())
        for name, part in schema.items():
            if name != "properties" or "required" not in schema:
                yield from keys_of(part)
            else:
                yield from (key for one in part.values() for key in keys_of(one))
    elif isinstance(schema, list):
        for part in schema:
            yield from keys_of(part)


def told_of(name: str, schema: dict[str, Any]) -> str:
    """Where the text tells of that schema: the section of the command that its title names."""
    if name == "error":
        return section(CONTRACT, "Exit status of every command")
    if name == "state":
        return section(MQTT, "State")
    if name == "discovery":
        return section(CONTRACT, "Topics of the broker")
    named = re.findall(r"`(hymio [a-z -]+)", schema["title"])
    assert named, schema["title"]
    words = [re.sub(r" (--|-)?json$| --.*$| forget$", "", one.strip()).strip() for one in named]
    return "\n".join(section(CONTRACT, f"`{one}`") for one in words)


OF_THEIR_OWN = ("discovery", "sim-event")
"""What is in these is Home Assistant's, or told row by row, see below: their first level is enough here."""


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_every_key_of_a_schema_is_told_in_its_section(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    assert f"`{path.name}`" in CONTRACT
    said = told_of(path.stem, schema)
    keys = set(schema["required"]) if path.stem in OF_THEIR_OWN else set(keys_of(schema))
    assert keys
    assert not {key for key in keys if not is_told(key, said)}


def test_every_event_of_a_simulated_terminal_is_told_with_its_keys() -> None:
    schema = json.loads((ROOT / "tests" / "schemas" / "sim-event.json").read_text(encoding="utf-8"))
    events, _ = section(CONTRACT, "`hymio sim terminal`").split("\nCommands ")
    rows = {
        name: row
        for row in events.splitlines()
        for name in re.findall(r"`(\w+)`", row.split(" | ")[0])
        if row.startswith("| `")
    }
    assert set(schema["properties"]["event"]["enum"]) <= rows.keys()
    for rule in schema["allOf"]:
        name = rule["if"]["properties"]["event"]["const"]
        for key in rule["then"].get("required", ()):
            assert re.search(rf"\b{key}\b", rows[name].split(" | ")[1]), (name, key)
