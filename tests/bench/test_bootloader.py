"""Rewriting a partition table through esptool, against a mock of the boot loader in the chip's ROM."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
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
    """A chip in its boot loader behind a pseudo-terminal."""
    program = Path(sys.executable).with_name("esp32-mock-bootloader")
    log = tmp_path / "mock.log"
    with log.open("w") as out:
        mock = subprocess.Popen([program, "run", "--chip", chip, "--pty"], stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 20
        while "/dev/" not in log.read_text():
            assert mock.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield log.read_text().split()[0]
    finally:
        mock.terminate()
        mock.wait(10)


def flash(port: str, chip: str, writes: dict[int, bytes], read: tuple[int, int]) -> bytes:
    """Writes pieces of flash and reads one back, with esptool alone."""
    from esptool import cmds

    with cmds.detect_chip(port, connect_mode="no-reset") as esp:
        esp = cmds.run_stub(esp)
        cmds.attach_flash(esp)
        if writes:
            cmds.write_flash(esp, list(writes.items()), no_progress=True)
        data = cmds.read_flash(esp, *read, None, no_progress=True)
        assert isinstance(data, bytes)
        return data


def esptool_name(chip: str) -> str:
    return {"esp32": "ESP32", "esp32s3": "ESP32-S3"}[chip]


def test_the_table_is_written_and_the_file_system_blank(port: str, chip: str) -> None:
    old = sector_of(STOCK_1_23)
    old_files = b"\x5a" * (8 * SECTOR)
    flash(port, chip, {TABLE_OFFSET: old, 2 * MIB: old_files, 3 * MIB: old_files}, (TABLE_OFFSET, SECTOR))
    change = add_votes(old, 4 * MIB)
    steps: list[str] = []
    rewrite(port, esptool_name(chip), old, change, tell=steps.append, before="no-reset", after="no-reset")
    assert len(steps) == 3
    names = [entry[0] for entry in entries_of(flash(port, chip, {}, (TABLE_OFFSET, SECTOR)))]
    assert names == ["nvs", "phy_init", "factory", "vfs", "votes"]
    assert flash(port, chip, {}, (2 * MIB, 2 * SECTOR)) == b"\xff" * (2 * SECTOR)
    assert flash(port, chip, {}, (3 * MIB, SECTOR)) == old_files[:SECTOR]  # the log begins itself


def test_another_table_than_expected_is_left_alone(port: str, chip: str) -> None:
    old = sector_of(STOCK_1_23)
    other = sector_of(STOCK_1_23[:-1])
    flash(port, chip, {TABLE_OFFSET: other}, (TABLE_OFFSET, SECTOR))
    with pytest.raises(Failure) as failed:
        rewrite(port, esptool_name(chip), old, add_votes(old, 4 * MIB), before="no-reset", after="no-reset")
    assert failed.value.exit_status == ANSWERED_ERROR
    assert flash(port, chip, {}, (TABLE_OFFSET, SECTOR)) == other


def test_another_chip_than_expected_is_left_alone(port: str, chip: str) -> None:
    old = sector_of(STOCK_1_23)
    with pytest.raises(Failure, match="MicroPython says") as failed:
        rewrite(port, "ESP32-C3", old, add_votes(old, 4 * MIB), before="no-reset", after="no-reset")
    assert failed.value.exit_status == ANSWERED_ERROR


def test_no_port_is_no_traceback() -> None:
    old = sector_of(STOCK_1_23)
    with pytest.raises(Failure, match="does not answer") as failed:
        rewrite("/dev/no-such-port", "ESP32", old, add_votes(old, 4 * MIB))
    assert failed.value.exit_status == NO_TERMINAL
