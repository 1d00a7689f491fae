#!/usr/bin/env bash
# CPython's zoneinfo (seen with 3.11.7): a POSIX TZ rule of the form `n` (day of the year from 0) begins a day early.
#
# Behaviour: POSIX says that `n` counts the days of a year from 0, so 59 is the 1st of March of 2023, the same day as
#   the form J60, which counts from 1. zoneinfo changes to summer time on the 28th of February for 59 and on the 1st of
#   March for J60. The C library agrees with POSIX.
# Why it matters: devices without a zone database are configured by such strings, and a host that checks or replays their
#   local time by zoneinfo is wrong for a day at each change, by an hour, for rules of this form only.
# Seen: the lines behind SEEN below. The zone is a file that ends in the string, as those in /usr/share/zoneinfo do.
set -euo pipefail
timeout 60 python3 >/tmp/came.$$ <<'PY' || { rm -f /tmp/came.$$; exit 1; }
import datetime
import io
import os
import struct
import time
from zoneinfo import ZoneInfo

NOON = datetime.datetime(2023, 2, 28, 12, tzinfo=datetime.timezone.utc)


def zone(rule):
    """A TZif file, version 2, without a transition of its own: the footer rules."""
    head = struct.pack(">4s1s15x6l", b"TZif", b"2", 0, 0, 0, 0, 1, 4)
    body = struct.pack(">lbb", 0, 0, 0) + b"STD\0"
    return ZoneInfo.from_file(io.BytesIO(head + body + head + body + b"\n" + rule.encode() + b"\n"))


def hours(rule, by):
    """Hours of offset at noon of the 28th of February and of the 1st of March."""
    moments = [NOON, NOON + datetime.timedelta(days=1)]
    if by == "zoneinfo":
        return [int(moment.astimezone(zone(rule)).utcoffset().total_seconds() // 3600) for moment in moments]
    os.environ["TZ"] = rule
    time.tzset()
    return [time.localtime(moment.timestamp()).tm_gmtoff // 3600 for moment in moments]


for rule in ("STD0DST,J60,J300", "STD0DST,59,299"):
    for by in ("C library", "zoneinfo"):
        print(rule, by, hours(rule, by))
PY
trap 'rm -f /tmp/came.$$' EXIT
diff - /tmp/came.$$ <<'SEEN'
STD0DST,J60,J300 C library [0, 1]
STD0DST,J60,J300 zoneinfo [0, 1]
STD0DST,59,299 C library [0, 1]
STD0DST,59,299 zoneinfo [1, 1]
SEEN
echo "as described"
