"""What --help prints of every command: all that was written, and no heavy library for it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from hymio_process import hymio_here
from typer.testing import CliRunner

from hymio.cli.app import app
from hymio.cli.options import only
from hymio.store.database import open_store
from hymio_sim.cli import app as simulator

WIDE = {"COLUMNS": "1000", "TERMINAL_WIDTH": "1000", "NO_COLOR": "1"}
HEAVY = (
    "aiomqtt",
    "cryptography",
    "esptool",
    "fpdf",
    "markdown_it",
    "mpremote",
    "pydantic",
    "rich",
    "serial",
    "smpclient",
    "sqlalchemy",
)


def commands(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, *path, name)


ALL = [
    *(pytest.param(app, *one, id=" ".join(one[0])) for one in commands(typer.main.get_command(app))),
    *(
        pytest.param(simulator, *one, id=" ".join(("sim", *one[0])))
        for one in commands(typer.main.get_command(simulator))
    ),
]


@pytest.mark.parametrize(("root", "path", "command"), ALL)
def test_no_word_of_a_help_text_is_swallowed(root: typer.Typer, path: tuple[str, ...], command: Any) -> None:
    """Where help is Markdown, what looks like a tag, a link or emphasis vanishes from it."""
    done = CliRunner().invoke(root, [*path, "--help"], env=WIDE)
    assert done.exit_code == 0, done.output
    shown = " ".join(re.sub(r"[│╭╮╰╯─]", " ", done.output).split())
    texts = [command.help, command.epilog, *(getattr(one, "help", None) for one in command.params)]
    words = [word for text in texts for word in (text or "").replace("\b", "").split()]
    assert len(words) > 3 and [word for word in words if word not in shown] == []


@pytest.mark.parametrize(("root", "path", "command"), ALL)
def test_every_option_and_argument_says_in_a_word_what_it_takes(
    root: typer.Typer, path: tuple[str, ...], command: Any
) -> None:
    """`DAYS`, `FILE`, `deep|light`; a type in angle brackets is for programmers."""
    takers = [one for one in command.params if not (getattr(one, "is_flag", False) or one.name == "help")]
    assert [one.name for one in takers if not re.fullmatch(r"[^<>]+", one.metavar or "")] == []
    # Typer calls an option by its metavar where that is the same word in capitals.
    assert [name for one in command.params for name in one.opts if name.startswith("-") and name != name.lower()] == []
    assert not re.search(r"<(str|int|path|text|float)", CliRunner().invoke(root, [*path, "--help"], env=WIDE).output)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("statsu", "status"),
        ("lgos", "logs"),
        ("colect", "collect"),
        ("led", "ledger"),
        ("re", "report or replay or retire"),
        ("bogus", None),
        ("x", None),
        ("xyzzy", None),
    ],
)
def test_only_a_name_that_is_near_is_suggested(typed: str, meant: str | None) -> None:
    told = hymio_here(typed).stderr.splitlines()[0]
    assert told == f"No such command '{typed}'." + (f" Did you mean {meant}?" if meant else "")


def test_no_help_imports_anything_heavy() -> None:
    """What counts is what is imported, not what a clock says on a busy machine: `rich` alone costs 0.1 s."""
    calls = [["--version"], *([*path, "--help"] for path, _ in commands(typer.main.get_command(app)))]
    code = f"""
import contextlib, io, sys
from hymio.cli import app
for call in {calls!r}:
    sys.argv = ["hymio", *call]
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as said:
        app.main()
    heavy = sorted({{name.partition(".")[0] for name in sys.modules}} & set({HEAVY!r}))
    print(call, len(said.getvalue()) > 5, heavy)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.splitlines() == [f"{call} True []" for call in calls], done.stdout


@pytest.mark.parametrize(("root", "path", "command"), [one for one in ALL if one.values[0] is app])
def test_a_command_that_is_made_alone_is_the_same(root: typer.Typer, path: tuple[str, ...], command: Any) -> None:
    alone = only(root, "".join(path[:1]))
    assert (alone is root) is (path == ())
    helps = [CliRunner().invoke(one, [*path, "--help"], env=WIDE).output for one in (root, alone)]
    assert helps[0] == helps[1]
    made = [path for path, _ in commands(typer.main.get_command(alone))]
    assert path == () or {one[:1] for one in made} == {(), path[:1]}


def test_a_report_imports_what_it_uses(tmp_path: Path) -> None:
    """Neither another database's dialect, nor the site and its clocks, nor what draws, serves or upgrades."""
    db = str(tmp_path / "votes.db")
    open_store(db, create=True).close()
    code = f"""
import sys
from hymio.cli import app
sys.argv = ["hymio", "report", "--db", {db!r}, "--json"]
try:
    app.main()
finally:
    print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    report, modules = done.stdout.splitlines()
    assert json.loads(report) == {"terminals": []}
    imported = set(modules.split())
    assert not (set(HEAVY) - {"sqlalchemy"} | {"alembic", "altair", "fastapi", "pyarrow"}) & imported
    assert not {"sqlalchemy.dialects.postgresql", "hymio.site", "hymio.figures", "hymio.mqtt"} & imported
    assert "sqlalchemy.dialects.sqlite" in imported
