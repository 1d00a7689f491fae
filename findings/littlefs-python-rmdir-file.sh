#!/usr/bin/env bash
# littlefs-python 0.19.0: rmdir() deletes a file, and truncate(n) of an open file cuts at its position instead of at n.
#
# Behaviour: LittleFS.rmdir() passes any name on to lfs_remove, which takes files and empty directories alike, so
#   rmdir("votes.txt") succeeds and the file is gone; POSIX, os.rmdir and MicroPython's os.rmdir refuse (ENOTDIR).
#   A file object's truncate(8) with the position at 4 leaves 4 bytes; io.RawIOBase says that the argument is the size.
#   Nothing is raised in either case, and truncate returns 0 instead of the new size.
# Why it matters: who edits the file system of a board's image with it (provisioning, repairs) loses a file, or the
#   tail of one, without an error. Ask stat() for the type first, and seek to n before truncate().
# Seen: the lines behind SEEN below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'littlefs-python==0.19.0'
timeout 60 "$work/venv/bin/python" >"$work/came" <<'PY'
from littlefs import LittleFS

fs = LittleFS(block_size=512, block_count=64)
with fs.open("votes.txt", "wb") as file:
    file.write(b"0123456789")
with fs.open("votes.txt", "r+b") as file:
    file.seek(4)
    print("truncate(8) at position 4 gives", file.truncate(8))
print("size:", fs.stat("votes.txt").size)
fs.rmdir("votes.txt")
print("after rmdir of the file:", fs.listdir("/"))
PY
diff - "$work/came" <<'SEEN'
truncate(8) at position 4 gives 0
size: 4
after rmdir of the file: []
SEEN
echo "as described"
