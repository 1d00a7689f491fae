"""Figures that only the real MicroPython VM can tell: `micropython vm_figures.py WHAT COUNT` prints them as JSON.

WHAT is `append` or `rewrite`, where COUNT votes are kept as one would without a log, on VfsLfs2 with its own settings
in 1 MiB; or `heap`, where there are COUNT presses in the running application.
"""

# mypy: ignore-errors

import gc
import json
import sys

from hand_board import app_on
from ram_flash import RamFlash

_PRESS_EVERY_S = 216  # on average, on the standard day
_MOUNTS = 64


def append_line(n):
    """Keeps vote n as one line of CSV, time and button."""
    with open("/flash/votes.csv", "a") as file:
        file.write("%d,%d\n" % (1800000000 + _PRESS_EVERY_S * n, 1 + n % 4))


def rewrite_counters(n):
    """Keeps vote n by writing a JSON file of counters anew."""
    with open("/flash/votes.json", "w") as file:
        json.dump({"1": (n + 4) // 4, "2": (n + 3) // 4, "3": (n + 2) // 4, "4": (n + 1) // 4}, file)


def filesystem(store, count):
    """The flash traffic of `count` votes through `store(n)`, and then what a mount and one more vote read."""
    import vfs

    flash = RamFlash(256)
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), "/flash")
    before = flash.programs, flash.programmed_bytes, sum(flash.erases)
    for n in range(count):
        store(n)
    found = {
        "programs": flash.programs - before[0],
        "programmed_bytes": flash.programmed_bytes - before[1],
        "erases": sum(flash.erases) - before[2],
        "wear_spread": max(flash.erases) - min(flash.erases),
    }
    reads, read_bytes = flash.reads, flash.read_bytes
    for n in range(count, count + _MOUNTS):
        vfs.umount("/flash")
        vfs.mount(vfs.VfsLfs2(flash), "/flash")
        store(n)
    found["mount_reads"] = (flash.reads - reads) / _MOUNTS
    found["mount_bytes"] = (flash.read_bytes - read_bytes) / _MOUNTS
    return found


def heap(count):
    """How many bytes are allocated from the edge of a press until its thanks, in a running application."""
    app, board = app_on(RamFlash(6))
    allocated = 0
    for i in range(count):
        for _ in range(60):
            board.now_ms += 1000
            app.step(board.now_ms)
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        app.edge(board.now_ms, 1 + i % 4)
        board.closed = 1 << i % 4
        for _ in range(10):
            app.step(board.now_ms)
            board.now_ms += 2
        allocated += gc.mem_alloc() - before
        gc.enable()
        board.closed = 0
    return {"allocated_bytes": allocated, "stored": sum(app.log.totals), "thanked": board.lit}


def main():
    """Prints what the command line asks for."""
    what, count = sys.argv[1], int(sys.argv[2])
    if what == "heap":
        found = heap(count)
    else:
        found = filesystem({"append": append_line, "rewrite": rewrite_counters}[what], count)
    print(json.dumps(found))


main()
