"""The memory of a chip: its model, and a TLS terminal that is read by cable and loses its broker, again and again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hymio.firmware_files import firmware_dir
from hymio_sim.boardfiles import find_tool
from hymio_sim.fakes import chipmemory
from hymio_sim.memoryproof import Broken, Stage, whole_kind

NEEDED = ("mosquitto", "micropython", "mpy-cross")
is_complete = all(find_tool(name) for name in NEEDED) and Path("/proc/self").is_dir()
needs_all = pytest.mark.skipif(not is_complete, reason=f"needs /proc and {', '.join(NEEDED)}")
NEW_LINE = "gc.threshold(4096)"
OLD_LINE = "gc.threshold(gc.mem_free() // 4)"
KB = 1000


# ---- the model against what was measured on a stock ESP32 ----


def test_a_fresh_board_has_what_a_stock_image_shows():
    idf = chipmemory.Idf()
    assert chipmemory.pool(chipmemory.FIRST) == 56_000
    # mem_free() of a stock image is 165,376: what is free in the heap, and the largest block beside it.
    assert chipmemory.pool(chipmemory.FIRST) + idf.largest() == pytest.approx(165_376, abs=1500)


def test_with_wifi_up_a_clean_interpreter_leaves_98_kB_of_which_57_are_one_block():
    idf = chipmemory.Idf()
    assert idf.take_all(chipmemory.WIFI)
    assert idf.free() == pytest.approx(98 * KB, abs=KB)
    assert idf.largest() == pytest.approx(57 * KB, abs=KB)


def test_a_handshake_takes_some_25_kB():
    assert sum(chipmemory.SESSION) + chipmemory.SHAKING == pytest.approx(25 * KB, abs=KB)


def test_the_heap_doubles_and_then_takes_whatever_there_is():
    idf = chipmemory.Idf()
    pools = chipmemory.pool(chipmemory.FIRST)
    second = chipmemory.new_segment(64, pools, idf.largest())
    assert chipmemory.pool(second) == pools, "twice as large as before"
    block = idf.take(second)
    assert idf.take_all(chipmemory.WIFI)
    left = idf.largest()
    assert chipmemory.new_segment(64, 2 * pools, left) == left, "all of the largest block, at the expense of TLS"
    assert chipmemory.new_segment(left, 2 * pools, left) == 0, "it would not be enough"
    idf.give(block)


def test_blocks_join_again_when_they_are_given_back():
    idf = chipmemory.Idf()
    free, largest = idf.free(), idf.largest()
    blocks = [idf.take(1000) for _ in range(50)]
    for block in blocks[::2] + blocks[1::2]:
        idf.give(block)
    assert (idf.free(), idf.largest()) == (free, largest)
    assert idf.take(largest + 1) is None


# ---- the terminal in it ----


@needs_all
def test_read_by_cable_it_comes_back_to_its_broker_twenty_times(tmp_path: Path) -> None:
    with Stage(tmp_path).open() as stage:
        tally = stage.rounds(20, whole_kind)
    assert tally.rounds == 20
    assert tally.presses == tally.rows == 5
    # Who still reads by cable may cost an attempt; what lies scattered after all, now and then a fresh start.
    assert tally.resets <= 2
    assert tally.refused <= 12


@needs_all
def test_the_line_that_looked_at_mem_free_is_found_out(tmp_path: Path) -> None:
    firmware = tmp_path / "firmware"
    shutil.copytree(firmware_dir(), firmware)
    compat = firmware / "terminal" / "compat.py"
    text = compat.read_text(encoding="utf-8")
    assert text.count(NEW_LINE) == 1
    compat.write_text(text.replace(NEW_LINE, OLD_LINE), encoding="utf-8")
    folder = tmp_path / "site"
    folder.mkdir()
    with (
        Stage(folder, firmware, patience_s=20.0).open() as stage,
        pytest.raises(Broken, match="no connection for 20 s"),
    ):
        stage.rounds(4)
