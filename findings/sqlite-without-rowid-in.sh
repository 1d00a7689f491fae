#!/usr/bin/env bash
# SQLite 3.51.1 (apsw 3.51.1.0; the same with Debian 12's 3.40.1): on a WITHOUT ROWID table an IN list does not use an index
# that does not hold all columns asked for; a BETWEEN over the same column does.
#
# Behaviour: a table WITHOUT ROWID has the key (device, log, seq) and an index on (device, log, target). Asked for
#   `device = ? AND log = ? AND target IN (?, ?)` the planner takes the first two columns of the primary key and walks
#   through every row of that log; with `BETWEEN` it takes the index. If the index also holds the column that is selected,
#   or if the table has a rowid, IN takes the index as well. ANALYZE has not been run, the table is empty.
# Why it matters: the statement is right and quick in every test, and its cost grows with the age of the log. An index for
#   IN lists has to cover what is selected.
# Seen: the lines behind SEEN below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'apsw==3.51.1.0'
timeout 60 "$work/venv/bin/python" >"$work/came" <<'PY'
import apsw

CONDITIONS = {"IN": "target IN (?, ?)", "BETWEEN": "target BETWEEN ? AND ?"}
INDEXES = {"narrow index": "(device, log, target)", "covering index": "(device, log, target, code)"}

for kind in (" WITHOUT ROWID", ""):
    for index, columns in INDEXES.items():
        for name, condition in CONDITIONS.items():
            db = apsw.Connection(":memory:")
            db.execute(
                "CREATE TABLE records (device TEXT, log INT, seq INT, target INT, code INT, body BLOB,"
                f" PRIMARY KEY (device, log, seq)){kind}"
            )
            db.execute(f"CREATE INDEX by_target ON records {columns}")
            query = f"EXPLAIN QUERY PLAN SELECT code FROM records WHERE device = ? AND log = ? AND {condition}"
            plan = db.execute(query, ("a", 1, 2, 3)).fetchone()[3]
            found = "by_target" if "by_target" in plan else "the whole log"
            print(f"{kind.strip() or 'with rowid'}, {index}, {name}: {found}")
PY
diff - "$work/came" <<'SEEN'
WITHOUT ROWID, narrow index, IN: the whole log
WITHOUT ROWID, narrow index, BETWEEN: by_target
WITHOUT ROWID, covering index, IN: by_target
WITHOUT ROWID, covering index, BETWEEN: by_target
with rowid, narrow index, IN: by_target
with rowid, narrow index, BETWEEN: by_target
with rowid, covering index, IN: by_target
with rowid, covering index, BETWEEN: by_target
SEEN
echo "as described"
