"""Rewriting a partition table through esptool, against a mock of the boot loader in the chip's ROM."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial  # type: ignore[import-untyped]
from mock_board import ESPTOOL_NAMES, flash, mock_board
from test_partitions import MIB, STOCK_1_23, entries_of, sector_of

from hymio.bootloader import rewrite
from hymio.errors import ANSWERED_ERROR, NO_TERMINAL, Failure
from hymio.partitions import SECTOR, TABLE_OFFSET, add_votes

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
