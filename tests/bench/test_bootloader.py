"""Rewriting a partition table through esptool, against a mock of the boot loader in the chip's ROM."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial  # type: ignore[import-untyped]
from mock_board import ESPTOOL_NAMES, flash, mock_board
from test_partitions import MIB, STOCK_1_23, entries_of, sector_of

from hymio.board import boot_loader
from hymio.board.boot_loader import Loader, rewrite
from hymio.board.partitions import SECTOR, TABLE_OFFSET, add_votes
from hymio.common.errors import ANSWERED_ERROR, NO_TERMINAL, Failure

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the mock needs pseudo-terminals")


@pytest.fixture(params=["esp32", "esp32s3"])
def chip(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def port(chip: str, tmp_path: Path) -> Iterator[str]:
    with mock_board(chip, tmp_path) as port:
        yield port


def test_the_table_is_written_and_the_file_system_blank(port: str, chip: str) -> None:
    old = sector_of(STOCK_1_23)
    old_files = b"\x5a" * (8 * SECTOR)
    flash(port, {TABLE_OFFSET: old, 2 * MIB: old_files, 3 * MIB: old_files}, (TABLE_OFFSET, SECTOR))
    change = add_votes(old, 4 * MIB)
    steps: list[str] = []
    rewrite(port, ESPTOOL_NAMES[chip], old, change, tell=steps.append, before="no-reset", after="no-reset")
    assert len(steps) == 3
    names = [entry[0] for entry in entries_of(flash(port, {}, (TABLE_OFFSET, SECTOR)))]
    assert names == ["nvs", "phy_init", "factory", "vfs", "votes"]
    assert flash(port, {}, (2 * MIB, 2 * SECTOR)) == b"\xff" * (2 * SECTOR)
    assert flash(port, {}, (3 * MIB, SECTOR)) == old_files[:SECTOR]  # the log begins itself


def test_another_table_than_expected_is_left_alone(port: str, chip: str) -> None:
    old = sector_of(STOCK_1_23)
    other = sector_of(STOCK_1_23[:-1])
    flash(port, {TABLE_OFFSET: other}, (TABLE_OFFSET, SECTOR))
    with pytest.raises(Failure) as failed:
        rewrite(port, ESPTOOL_NAMES[chip], old, add_votes(old, 4 * MIB), before="no-reset", after="no-reset")
    assert failed.value.exit_status == ANSWERED_ERROR
    assert flash(port, {}, (TABLE_OFFSET, SECTOR)) == other


def test_another_chip_than_expected_is_left_alone(port: str, chip: str) -> None:
    old = sector_of(STOCK_1_23)
    with pytest.raises(Failure, match="MicroPython says") as failed:
        rewrite(port, "ESP32-C3", old, add_votes(old, 4 * MIB), before="no-reset", after="no-reset")
    assert failed.value.exit_status == ANSWERED_ERROR


class ShakyLine:
    """What esptool has of a board, on a line that loses things: every answer listed comes as often as it says."""

    CHIP_NAME = "ESP32"

    def __init__(self, losses: dict[int, int]) -> None:
        self.losses = dict(losses)
        self.asked: list[tuple[int, int]] = []
        self.flushed = 0

    def read_mac(self) -> list[int]:
        return [0x24, 0x0A, 0xC4, 0, 0, 1]

    def read_flash(self, offset: int, size: int, advance: object = None) -> bytes:
        from esptool.util import FatalError

        self.asked.append((offset, size))
        if self.losses.get(offset, 0) > 0:
            self.losses[offset] -= 1
            raise FatalError("Corrupt data, expected 0x1000 bytes but received 0x20 bytes.")
        return bytes((offset + at) * 7 % 251 for at in range(size))

    def flush_input(self) -> None:
        self.flushed += 1


def shaky(monkeypatch: pytest.MonkeyPatch, losses: dict[int, int]) -> tuple[Loader, ShakyLine]:
    from esptool import cmds

    line = ShakyLine(losses)
    monkeypatch.setattr(boot_loader, "_PAUSE_S", 0.0)
    monkeypatch.setattr(cmds, "read_flash", lambda esp, offset, size, out: esp.read_flash(offset, size))
    return Loader(line), line


def test_a_sector_that_gets_lost_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    loader, line = shaky(monkeypatch, {0: 1, 2 * SECTOR: 3})
    shares: list[float] = []
    assert loader.read(0, 3 * SECTOR + 5, shares.append) == bytes(at * 7 % 251 for at in range(3 * SECTOR + 5))
    assert [offset // SECTOR for offset, _ in line.asked] == [0, 0, 1, 2, 2, 2, 2, 3] and line.flushed == 4
    assert all(size <= SECTOR for _, size in line.asked)
    assert shares == sorted(shares) and shares[-1] == 1.0


def test_a_sector_that_never_comes_is_an_error_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    from esptool.util import FatalError

    loader, line = shaky(monkeypatch, {SECTOR: 10**6})
    with pytest.raises(FatalError, match="Corrupt data"):
        loader.read(0, 3 * SECTOR)
    assert len(line.asked) < 10


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("/dev/no-such-port", "There is no port /dev/no-such-port"),
        ("/dev/null", "/dev/null is no serial port"),
        ("/", "/ is no serial port"),
        ("nix://board", "cannot be opened: invalid URL"),
    ],
)
def test_a_port_that_stays_shut_is_one_sentence(wrong: str, said: str) -> None:
    old = sector_of(STOCK_1_23)
    with pytest.raises(Failure, match=said) as failed:
        rewrite(wrong, "ESP32", old, add_votes(old, 4 * MIB))
    assert failed.value.exit_status == NO_TERMINAL and "BOOT" not in failed.value.hint


def test_a_port_that_another_program_uses(port: str) -> None:
    old = sector_of(STOCK_1_23)
    with serial.Serial(port, exclusive=True), pytest.raises(Failure, match="in use by another program"):
        rewrite(port, "ESP32", old, add_votes(old, 4 * MIB))
