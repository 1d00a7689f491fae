"""The command line of the child process that runs the firmware, and how large the heap of the VM has to be."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

Runtime = Literal["micropython", "cpython"]
"""What runs the firmware: the real MicroPython VM, or CPython."""

FAKES_HEAP: Final = 94 * 1024
"""How many bytes are added to the heap that is asked for, because a board would not spend them: 17 KiB for fakes and
shim, the rest for names, which a frozen image has in flash. `shim.py` fills their tables first, 64-bit ones here; their
letters take 12 KiB (`micropython.qstr_info()`)."""
MODEL_HEAP: Final = 480 * 1024
"""The whole heap of the VM with the model of the chip's memory, which fills with ballast what a chip would not have."""
TLS_HEAP: Final = 64 * 1024
"""How many bytes are added with TLS: on the VM mbedTLS lives in the heap of the firmware, on a board beside it."""


def _bytes(size: str) -> int:
    """The number of bytes that `98304`, `96k` or `1m` stands for."""
    factor = {"k": 1 << 10, "m": 1 << 20}.get(size[-1].lower())
    return int(size[:-1]) * factor if factor else int(size)


def child_command(
    runtime: Runtime, interpreter: str, heap: str, start_file: Path, has_tls: bool = False, has_memory: bool = False
) -> list[str]:
    """The command line of the child: the VM with a heap limit and a REPL at the end, or CPython without site-packages.

    heap: bytes, or a number with k or m; has_tls and has_memory: whether more is needed for TLS, or for the model of
    the chip's memory.
    """
    if runtime == "micropython":
        size = MODEL_HEAP + FAKES_HEAP if has_memory else _bytes(heap) + FAKES_HEAP + (TLS_HEAP if has_tls else 0)
        return [interpreter, "-X", f"heapsize={size}", "-i", str(start_file)]
    return [interpreter, "-B", "-S", "-u", str(start_file)]
