"""Makes the firmware, the fakes, and the modules that are written for the VM importable for CPython."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIMULATOR = ROOT / "simulator" / "hymio_sim"
for folder in (ROOT / "firmware", SIMULATOR / "fakes", SIMULATOR / "rigs" / "on_vm"):
    if str(folder) not in sys.path:
        # Last: the fakes must not shadow CPython's own modules for anybody else.
        sys.path.append(str(folder))
