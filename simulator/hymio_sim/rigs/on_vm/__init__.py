"""What proofs, benchmarks and tests run on the MicroPython VM: scripts, and the modules that those import.

The VM imports the modules by their bare names (`ram_flash`, `hand_board`, `cable_frames`), with this folder in its
search path. They are written in the common subset of MicroPython and CPython, so tests on CPython use the same ones.
"""

from pathlib import Path

ON_VM = Path(__file__).resolve().parent
"""The folder of these files, for command lines and search paths."""
