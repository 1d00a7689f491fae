"""The NOR flash chip: bits only fall, erases lift whole sectors, power cuts tear both, faults are silent."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hymio_sim.flash.chip import SECTOR, TIMES, FlashFileError, NorFlash
from hymio_sim.flash.faults import Faults
from hymio_sim.rigs.power_cut import Recorder, torn_images
from hymio_sim.run.virtual import VirtualTerminal


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


# ---- faults ----


def blank(faults, sectors=4):
    return NorFlash(size=sectors * SECTOR, faults=faults)


def erase(flash, sector):
    flash.begin_erase(sector)
    flash.finish()


def test_a_program_that_does_nothing_is_silent():
    flash = blank(Faults(program_noop=2))
    for byte in (b"\x01", b"\x02", b"\x03"):
        program(flash, 0, byte)
    assert flash.read(0, 1) == b"\x03"


def test_an_erase_that_does_nothing_is_silent():
    flash = blank(Faults(erase_noop=1))
    program(flash, 0, b"\0")
    erase(flash, 0)
    assert flash.read(0, 1) == b"\0" and flash.wear[0] == 1
    erase(flash, 0)
    assert flash.read(0, 1) == b"\xff"


def test_a_read_glitch_is_one_wrong_bit_for_one_processor_s_read():
    flash = blank(Faults(read_glitch=1))
    program(flash, 0, bytes(16))
    assert flash.read(0, 16) == bytes(16)
    assert int.from_bytes(flash.fetch(0, 16), "big").bit_count() == 1
    assert flash.fetch(0, 16) == bytes(16)


@pytest.mark.parametrize("kind", ["program_noop_rate", "erase_noop_rate", "read_glitch_rate"])
def test_faults_at_a_rate_are_the_same_for_the_same_seed(kind):
    def run(seed):
        flash = blank(Faults(**{kind: 0.25}, seed=seed))  # type: ignore[arg-type]
        seen = []
        for n in range(400):
            program(flash, 0, bytes([n & 0xFE]))
            seen.append(flash.fetch(0, 1))
            erase(flash, 0)
            seen.append(flash.fetch(0, 1))
        return seen

    assert run(1) == run(1) != run(2)
    sound = blank(None)
    right = []
    for n in range(400):
        right += [bytes([n & 0xFE]), b"\xff"]
    share = sum(a != b for a, b in zip(run(1), right, strict=True)) / 400
    assert 0.1 < share < 0.6 and sound.fetch(0, 1) == b"\xff"


def test_a_bad_sector_takes_neither_programs_nor_erases_nor_cuts():
    flash = blank(Faults())
    program(flash, SECTOR, b"\x0f")
    flash.faults.bad_sectors.add(1)
    program(flash, SECTOR - 1, b"\0\0\0")
    erase(flash, 1)
    flash.begin_erase(1)
    flash.tear(0.5, random.Random(1))
    assert flash.read(SECTOR - 1, 3) == b"\0\x0f\xff"


def test_stuck_bits_are_as_they_are_whatever_is_done(tmp_path):
    path = tmp_path / "votes.bin"
    with NorFlash(path, faults=Faults(stuck_bits={5: (0x81, 0x80)})) as flash:
        assert flash.read(5, 1) == b"\xfe"
        program(flash, 5, b"\0")
        assert flash.read(5, 1) == b"\x80"
        erase(flash, 0)
        assert flash.read(4, 3) == b"\xff\xfe\xff"
        flash.stick(5, 0x02, 0x00)
        assert flash.read(5, 1) == b"\xfc"
    assert path.read_bytes()[4:7] == b"\xff\xfc\xff"


def test_wear_beyond_endurance_leaves_ever_more_cells_programmed():
    flash = blank(Faults(endurance=100, seed=3), sectors=5)

    def left_after(erases):
        while flash.wear[2] < erases:
            program(flash, 2 * SECTOR, bytes(SECTOR))
            erase(flash, 2)
        return int.from_bytes(flash.read(2 * SECTOR, SECTOR), "big") ^ (1 << 8 * SECTOR) - 1

    assert left_after(100) == 0
    some, more = left_after(160), left_after(300)
    assert 0 < some.bit_count() < more.bit_count() <= 64
    assert some & more == some, "a worn cell has healed"
    assert flash.read(SECTOR, SECTOR) == b"\xff" * SECTOR, "the neighbours are not worn"
    erase(flash, 2)
    fresh = flash.read(2 * SECTOR, SECTOR)
    assert int.from_bytes(fresh, "big").bit_count() < 8 * SECTOR


def test_sectors_do_not_wear_out_at_the_same_time():
    flash = blank(Faults(endurance=20, seed=1), sectors=8)
    first = {}
    for n in range(32):
        for sector in range(8):
            program(flash, sector * SECTOR, bytes(SECTOR))
            erase(flash, sector)
            if flash.read(sector * SECTOR, SECTOR) != b"\xff" * SECTOR:
                first.setdefault(sector, n + 1)
    assert len(first) == 8 and min(first.values()) > 20 and len(set(first.values())) > 3


def test_rot_flips_the_bits_that_it_is_told_to():
    flash = blank(None)
    flash.rot(7, 3)
    assert flash.read(7, 1) == b"\xf7"
    flash.rot(7, 3)
    assert flash.read(7, 1) == b"\xff"


def test_bits_rot_at_their_rate_and_none_without():
    def rotten(rate, days):
        flash = blank(Faults(rot_per_day=rate))
        flash.age(days)
        return sum(byte != 255 for byte in flash.image())

    assert rotten(0, 1e6) == 0
    assert 60 < rotten(0.1, 1000) < 140


def test_read_disturb_is_off_unless_asked_for_and_an_erase_ends_it():
    flash = blank(None)
    for _ in range(1000):
        flash.fetch(0, 16)
    assert flash.image() == b"\xff" * flash.size
    flash.faults.read_disturb = 100
    for _ in range(2):
        for _ in range(99):
            flash.fetch(0, 16)
        assert flash.read(0, SECTOR) == b"\xff" * SECTOR
        erase(flash, 0)
    for _ in range(200):
        flash.fetch(0, 16)
    assert 1 <= sum(byte != 255 for byte in flash.read(0, SECTOR)) <= 2


# ---- the terminal on a faulty chip ----


@pytest.mark.parametrize("fault", ["program-noop", "erase-noop", "read-glitch", "read-glitch 3", "read-glitch 6"])
def test_a_press_is_counted_once_on_a_chip_that_fails_in_silence(fault):
    with VirtualTerminal() as terminal:
        terminal.run(5)
        terminal.obey(f"fault {fault}")
        terminal.press(2)
        terminal.run(2)
        assert [event["button"] for event in terminal.of("record")] == [2]
        assert [event["led"] for event in terminal.of("led") if event["on"]] == [2]
        terminal.script(["power off", "power on", "wait 3"])
        terminal.press(3)
        terminal.run(8)
        assert [event["button"] for event in terminal.of("record")] == [2, 3]


def test_a_bad_sector_is_stepped_over():
    with VirtualTerminal(flash_model=Faults(bad_sectors={0})) as terminal:
        terminal.press(1)
        terminal.run(2)
        assert len(terminal.of("record")) == 1
        assert terminal.flash.read(0, SECTOR) == b"\xff" * SECTOR
        assert terminal.flash.read(SECTOR, 4) == b"HYML"


def test_time_that_passes_rots_bits():
    with VirtualTerminal(flash_model=Faults(rot_per_day=24_000.0)) as terminal:
        terminal.run(3_600)
        terminal.press(1)
        terminal.run(2)
        assert sum(byte != 255 for byte in terminal.flash.read(200 * SECTOR, 56 * SECTOR)) > 100


# ---- power cuts, shape by shape ----


def moments_of_a_program_and_an_erase():
    recorder = Recorder(4)
    recorder.writeblocks(1, b"\0" * 16, 32)
    recorder.ioctl(6, 1)
    return recorder.moments


def test_a_program_is_cut_at_every_byte_in_every_shape():
    moment = moments_of_a_program_and_an_erase()[0]
    at = SECTOR + 32
    states = {name.split("-")[1]: image[at : at + 16] for name, image in torn_images(moment)}
    assert states["none"] == b"\xff" * 16 and states["all"] == bytes(16)
    for cut in range(1, 16):
        assert states[f"head{cut}"] == bytes(cut) + b"\xff" * (16 - cut)
        assert states[f"tail{cut}"] == b"\xff" * cut + bytes(16 - cut)
    torn = [name for name in states if name.startswith(("high", "low", "some"))]
    assert {name.rstrip("0123456789") for name in torn} == {"high", "low", "some"} and len(torn) >= 12
    assert all(image[at + 16 :] == moment.before[at + 16 :] for _, image in torn_images(moment))


def test_an_erase_is_cut_in_every_shape():
    moment = moments_of_a_program_and_an_erase()[1]
    states = {name.split("-")[1]: image[SECTOR : 2 * SECTOR] for name, image in torn_images(moment)}
    assert states["none"] == moment.before[SECTOR : 2 * SECTOR]
    assert states["all"] == b"\xff" * SECTOR and states["zeros"] == bytes(SECTOR)
    assert {"zeroshead", "rising", "noise", "almost"} <= set(states)
    assert len(set(states.values())) == len(states)


def test_a_cut_changes_nothing_in_a_bad_sector():
    recorder = Recorder(4, faults=Faults(bad_sectors={1}))
    recorder.writeblocks(1, b"\0" * 16, 32)
    recorder.ioctl(6, 1)
    for moment in recorder.moments:
        assert [image for _, image in torn_images(moment)] == [b"\xff" * 4 * SECTOR]
