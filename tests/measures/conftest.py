"""Makes the firmware importable for CPython: opening hours are compared with its own judge."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / "firmware", ROOT / "simulator" / "hymio_sim" / "fakes"):
    if str(folder) not in sys.path:
        # Last: the fakes must not shadow CPython's own modules for anybody else.
        sys.path.append(str(folder))
