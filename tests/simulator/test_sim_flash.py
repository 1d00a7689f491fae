"""The NOR flash chip: bits only fall, erases lift whole sectors, power cuts leave something in between."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hymio_sim.flash import SECTOR, TIMES, FlashFileError, NorFlash


def program(flash, address, data):
    flash.begin_program(address, data)
    flash.finish()


def test_programming_clears_bits_and_never_sets_them():
    flash = NorFlash(size=4 * SECTOR)
    program(flash, 10, b"\xf0\x0f")
    program(flash, 10, b"\xff\x33")
    assert flash.read(9, 4) == b"\xff\xf0\x03\xff"


def test_erasing_lifts_one_sector_and_counts():
    flash = NorFlash(size=4 * SECTOR)
    program(flash, SECTOR - 1, b"\0\0")
    flash.begin_erase(1)
    flash.finish()
    assert flash.read(SECTOR - 1, 2) == b"\0\xff"
    assert list(flash.wear) == [0, 1, 0, 0]


def test_nothing_changes_before_the_operation_is_over():
    flash = NorFlash(size=4 * SECTOR)
    flash.begin_program(0, b"\0")
    assert flash.read(0, 1) == b"\xff"
    with pytest.raises(RuntimeError):
        flash.begin_erase(0)
    flash.finish()
    assert flash.read(0, 1) == b"\0"


@pytest.mark.parametrize(
    ("address", "length", "pages"), [(0, 16, 1), (250, 16, 2), (0, 256, 1), (1, 256, 2), (0, 4096, 16)]
)
def test_a_program_takes_its_time_for_each_page(address, length, pages):
    flash = NorFlash(size=4 * SECTOR, times=TIMES["worst"])
    assert flash.begin_program(address, bytes(length)).duration_us == pages * 3_000


@given(before=st.binary(min_size=16, max_size=16), data=st.binary(min_size=16, max_size=16), seed=st.integers(0, 999))
def test_a_torn_program_stands_between_before_and_after(before, data, seed):
    rng = random.Random(seed)
    flash = NorFlash(size=4 * SECTOR)
    program(flash, 0, before)
    flash.begin_program(0, data)
    flash.tear(rng.random(), rng)
    for old, new, now in zip(before, data, flash.read(0, 16), strict=True):
        assert now & ~old == 0, "a bit has risen"
        assert (old & new) & ~now == 0, "a bit has fallen that nobody programmed"


def test_a_program_torn_at_its_very_end_is_whole_and_at_its_start_void():
    for seed in range(20):
        rng = random.Random(seed)
        flash = NorFlash(size=4 * SECTOR)
        flash.begin_program(0, bytes(range(16)))
        flash.tear(1.0, rng)
        assert flash.read(0, 16) == bytes(range(16))
        flash.begin_program(16, b"\0")
        flash.tear(0.0, rng)
        flash.begin_erase(0)
        flash.tear(1.0, rng)
        assert flash.read(0, SECTOR) == b"\xff" * SECTOR


def test_the_file_holds_what_was_done(tmp_path):
    path = tmp_path / "votes.bin"
    with NorFlash(path) as flash:
        assert flash.size == 1 << 20
        program(flash, 77, b"abc")
    assert path.stat().st_size == 1 << 20
    with NorFlash(path) as flash:
        assert flash.read(77, 3) == b"abc"
        with pytest.raises(FlashFileError, match="in use"):
            NorFlash(path)


def test_a_file_of_the_wrong_size_is_refused(tmp_path):
    path = tmp_path / "votes.bin"
    path.write_bytes(b"x" * 5000)
    with pytest.raises(FlashFileError, match="multiple of 4096"):
        NorFlash(path)
    assert path.read_bytes() == b"x" * 5000
