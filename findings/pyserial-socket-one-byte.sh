#!/usr/bin/env bash
# pyserial 3.5: on a socket:// port `in_waiting` is 0 or 1 however much waits, so read_all() gives a single byte.
#
# Behaviour: a server has sent 300 bytes. `in_waiting` says 1, read_all() and read(port.in_waiting) give one byte, and
#   `out_waiting` does not exist at all. On a local port and on rfc2217:// the same calls give what is there.
# Why it matters: the idiom `data = port.read(port.in_waiting or 1)` works with every kind of port, and on this one it works
#   byte by byte: a text of 64 kB becomes 65,536 calls, each with a select. Reading a fixed size with a short timeout does not.
# Seen: the lines behind SEEN below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'pyserial==3.5'
timeout 60 "$work/venv/bin/python" >"$work/came" <<'PY'
import socket
import time

import serial

with socket.create_server(("127.0.0.1", 0)) as server:
    port = serial.serial_for_url(f"socket://127.0.0.1:{server.getsockname()[1]}", timeout=1)
    peer, _ = server.accept()
    peer.sendall(bytes(300))
    time.sleep(1)
    print("in_waiting:", port.in_waiting)
    print("read_all():", len(port.read_all()), "byte")
    print("has out_waiting:", hasattr(port, "out_waiting"))
    print("read(1000):", len(port.read(1000)), "bytes")
    port.close()
    peer.close()
PY
diff - "$work/came" <<'SEEN'
in_waiting: 1
read_all(): 1 byte
has out_waiting: False
read(1000): 299 bytes
SEEN
echo "as described"
