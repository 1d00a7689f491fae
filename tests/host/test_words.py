"""Numbers in sentences, and the sentence for what is not installed."""

from __future__ import annotations

import builtins
import importlib
import re
import shlex
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hymio_process import hymio

from hymio.common import extras
from hymio.common.addresses import parse_listen
from hymio.common.errors import WRONG_USE, Failure
from hymio.common.words import counted, if_one

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("number", "thing", "said"),
    [
        (0, "press", "0 presses"),
        (1, "press", "1 press"),
        (2, "press", "2 presses"),
        (1, "bad sector", "1 bad sector"),
        (64, "byte", "64 bytes"),
        (2, "push", "2 pushes"),
    ],
)
def test_a_number_and_what_it_counts(number: int, thing: str, said: str) -> None:
    assert counted(number, thing) == said
    assert if_one(number, "has", "have") == ("has" if number == 1 else "have")


THINGS = (
    "press", "vote", "record", "line", "sector", "header", "slot", "spike", "contact", "network", "file", "label",
    "upload", "push", "total",
)  # fmt: skip
ALWAYS_MANY = ("There are {len(", "of {log['capacity']} records", "{len(terminals)} labels do not fit")
"""What is only said of two and more."""


def test_no_sentence_puts_a_number_before_a_plural_by_itself() -> None:
    """`1 presses`: whoever writes a new sentence finds `counted`."""
    plural = re.compile(
        r"\{[^{}]+\} (?:(?:burned|bad|damaged|unreadable|more) )?(?:"
        + "|".join(counted(2, thing)[2:] for thing in THINGS)
        + r")\b"
    )
    found = [
        f"{path.name}: {line.strip()}"
        for path in sorted((ROOT / "host" / "hymio").glob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if plural.search(line) and not any(known in line for known in ALWAYS_MANY) and "FormatError" not in line
    ]
    assert found == []


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """These packages are not installed."""
    whole = builtins.__import__

    def partly(name: str, *more: Any, **named: Any) -> Any:
        if name.partition(".")[0] in packages:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return whole(name, *more, **named)

    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", partly)


def needs_broker(_: Path) -> None:
    from hymio.office.embedded_broker import run_broker

    run_broker("127.0.0.1:0", True)


def needs_labels(folder: Path) -> None:
    from hymio.board.labels import write_labels
    from hymio.settings.provisioning_file import ProvisionedTerminal

    write_labels(folder / "labels.pdf", [ProvisionedTerminal("till-1", {}, {})])


def needs_esptool(_: Path) -> None:
    from hymio.board.boot_loader import require_esptool

    require_esptool()


def needs_littlefs(_: Path) -> None:
    from hymio.board.factory_files import require_littlefs

    require_littlefs()


def reads_files(superblock: bytes) -> None:
    from hymio.board.own_files import FilesPlace, own_files

    own_files(FilesPlace(lambda offset, size: superblock.ljust(8192, b"\xff")[offset : offset + size], 0, 8192))


def reads_littlefs(_: Path) -> None:
    reads_files(b"\xff" * 8 + b"littlefs" + struct.pack("<IIII", 0, 0, 4096, 2))


def reads_fat(_: Path) -> None:
    reads_files((b"\xeb" + bytes(10) + struct.pack("<H", 4096)).ljust(510, b"\0") + b"\x55\xaa")


def needs_postgres(_: Path) -> None:
    from hymio.store.database import open_store

    open_store("postgresql://u@127.0.0.1:1/x")


def needs_pki(_: Path) -> None:
    from hymio.pki import certificates

    importlib.reload(certificates)


@pytest.mark.parametrize(
    ("package", "extra", "use"),
    [
        ("iotcore", "broker", needs_broker),
        ("fpdf", "labels", needs_labels),
        ("segno", "labels", needs_labels),
        ("uharfbuzz", "labels", needs_labels),
        ("pymupdf_fonts", "labels", needs_labels),
        ("esptool", "flash", needs_esptool),
        ("littlefs", "flash", needs_littlefs),
        ("littlefs", "flash", reads_littlefs),
        ("fatfs", "flash", reads_fat),
        ("psycopg", "postgres", needs_postgres),
        ("cryptography", "pki", needs_pki),
    ],
)
def test_a_missing_extra_is_one_status_and_the_command_that_installs_it(
    package: str, extra: str, use: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse_listen("127.0.0.1:0")  # what it imports is there
    without(monkeypatch, package)
    with pytest.raises(Failure, match=package) as failed:
        use(tmp_path)
    assert failed.value.exit_status == WRONG_USE and "is not installed here" in failed.value.message
    assert failed.value.hint == f"Type: {extras.install_command(extra)}"


def test_no_sentence_names_a_command_that_fails_today() -> None:
    """hymio is in no index: neither it nor its extras can be installed by name."""
    by_name = re.compile(r"pip install (--upgrade )?.?hymio")
    sources = [*(ROOT / "host" / "hymio").glob("*.py"), *(ROOT / "simulator" / "hymio_sim").glob("*.py")]
    assert [path.name for path in sources if by_name.search(path.read_text(encoding="utf-8"))] == []


def test_the_command_is_one_that_works_from_this_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """hymio is in no index: what pip has written down says where it came from."""
    assert shlex.split(extras.install_command("labels")) == [
        sys.executable, "-m", "pip", "install", "-e", f"{ROOT}[labels]",
    ]  # fmt: skip


@pytest.mark.parametrize("there", [True, False])
def test_and_from_a_wheel_or_without_it(there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "a folder" / "hymio-0.1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    if there:
        wheel.touch()

    class Found:
        requires = ("typer", "fpdf2<3,>=2.8; extra == 'labels'", "segno>=1.6; extra == 'labels'", "x; extra == 'flash'")

        def read_text(self, name: str) -> str:
            assert name == "direct_url.json"
            return '{"url": "' + wheel.as_uri() + '", "archive_info": {}}'

    monkeypatch.setattr(extras, "distribution", lambda name: Found())
    parts = [f"{wheel}[labels]"] if there else ["fpdf2<3,>=2.8", "segno>=1.6"]
    assert shlex.split(extras.install_command("labels")) == [sys.executable, "-m", "pip", "install", *parts]


def test_a_version_is_looked_up_when_it_is_asked_for() -> None:
    assert re.fullmatch(r"hymio \d+\.\d+\.\d+\n", hymio("--version").stdout)
