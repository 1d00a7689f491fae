"""Makes the firmware and the portable fakes importable for CPython."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / "firmware", ROOT / "simulator" / "hymio_sim" / "fakes"):
    if str(folder) not in sys.path:
        # Last: the fakes must not shadow CPython's own modules for anybody else.
        sys.path.append(str(folder))
