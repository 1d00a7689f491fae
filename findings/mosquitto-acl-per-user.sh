#!/usr/bin/env bash
# mosquitto 2.0.11 (Debian 12): an ACL file with a section for each user is read in quadratic time, and the broker answers
# nobody meanwhile.
#
# Behaviour: `acl_file` with N sections (`user NAME`, two `topic` lines). For each line the list of users so far is walked
#   from its head, so four times the users take more than sixteen times as long. It happens at start and at each reload
#   (SIGHUP), in the one thread that also serves the connections.
# Why it matters: one section a device is what a generator writes for a fleet, and it is fine with 500. With 25,000 every
#   added device is a pause of the broker, longer with each further line in a section: at ten lines each it outlasts
#   keep-alives, and the whole fleet comes back at once. `pattern` lines with %u or %c say the same in a few lines.
# Seen: SEEN below; CPU seconds until it served were 0.17 for 5,000 users, 4.2 for 20,000 and 5.8 for 25,000.
set -euo pipefail
work=$(mktemp -d)
broker=
trap '[ -z "$broker" ] || kill "$broker" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
chmod 755 "$work"
apt-get download mosquitto libmosquitto1 libwebsockets17 libdlt2 libcjson1 libuv1 libev4 >download.log 2>&1 || true
for package in *.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu"
mosquitto="$work/root/usr/sbin/mosquitto"
version=$({ "$mosquitto" -h || true; } | sed -n 1p)

cpu_until_listening() { # cpu_until_listening USERS: hundredths of CPU seconds
    for n in $(seq "$1"); do
        printf 'user device-%05d\ntopic write a/device-%05d/up\ntopic read a/device-%05d/down\n' "$n" "$n" "$n"
    done >acl
    chmod 644 acl
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    printf 'listener %s 127.0.0.1\nallow_anonymous true\nacl_file %s/acl\nuser root\n' "$port" "$work" >conf
    "$mosquitto" -c conf 2>log &
    broker=$!
    python3 - "$port" "$broker" <<'PY'
import socket
import sys
import time

end = time.monotonic() + 120
while time.monotonic() < end:
    try:
        with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=100) as broker:
            # The socket listens before the file is read: only an answer to CONNECT says that the broker serves.
            broker.sendall(bytes.fromhex("100c00044d51545404020005000000"))
            if broker.recv(4)[:2] == b"\x20\x02":
                break
    except OSError:
        time.sleep(0.05)
else:
    raise SystemExit("the broker did not come up")
ticks = open(f"/proc/{sys.argv[2]}/stat").read().rsplit(")", 1)[1].split()
print(int(ticks[11]) + int(ticks[12]))
PY
    kill "$broker"
    wait "$broker" || true
}

few=$(cpu_until_listening 5000)
many=$(cpu_until_listening 20000)
echo "$version: CPU 1/100 s until it serves: $few for 5,000 users, $many for 20,000" >&2
cat >seen <<'SEEN'
four times the users take more than eight times as long: yes
SEEN
echo "four times the users take more than eight times as long: $( ((many > 8 * (few > 0 ? few : 1))) && echo yes || echo no)" >came
diff seen came
echo "still so: $version"
