import sys, time, os, sqlite3, cProfile, pstats, tempfile, gc
from hymio.store.database import open_store
from hymio.store.transaction import Transaction, commit
from hymio.store.arrivals import UnreadBatch, judge
from hymio.wire.batches import Batch, encode_batch
from hymio.wire.records import Boot, Time, Press

LOG = 7


def messages(terminals, rounds, every_s=60):
    out = []
    for r in range(rounds):
        for t in range(terminals):
            dev = f"till-{t:05}"
            first = r * 16 + (2 if r else 0)
            recs = []
            seq = first
            if r == 0:
                recs = [(0, Boot(1, 0, 1, 0)), (1, Time(1, 0, 1, 1_790_000_000))]
                seq = 2
            totals = [0, 0, 0, 0]
            for n in range(r * 16):
                totals[n * n % 4] += 1
            for k in range(16):
                n = r * 16 + k
                recs.append(
                    (
                        seq,
                        Press(
                            1,
                            int(every_s * 1000) * n + 517,
                            1 + n * n % 4,
                            (0, 0, 0, 1, 0, 0, 0, 2)[n % 8],
                            0,
                            5,
                            65535,
                        ),
                    )
                )
                seq += 1
            slots = seq - first
            b = Batch(LOG, 1 + r, 1, True, first, slots, first, 0, tuple(totals), tuple(recs))
            out.append((dev, encode_batch(b, dev)))
    return out


def main(terminals=1000, rounds=10, prof=False, db=None):
    d = tempfile.mkdtemp(dir="/tmp/hy/bench")
    store = open_store(db or d + "/v.db", create=True)
    msgs = messages(terminals, rounds)
    now = 1_790_000_000.0
    n = 0
    t0 = time.perf_counter()
    c0 = time.process_time()
    if prof:
        pr = cProfile.Profile()
        pr.enable()
    for i in range(0, len(msgs), 200):
        items = [judge(f"hymio/{dev}/votes", p, now + i / 200) for dev, p in msgs[i : i + 200]]
        c = commit(store, Transaction.of(items))
        n += sum(o.rows for o in c.outcomes)
        assert not c.refused
    if prof:
        pr.disable()
    dt = time.perf_counter() - t0
    ct = time.process_time() - c0
    print(f"ours: {n} votes {n / dt:,.0f}/s  wall {1e6 * dt / n:.1f} us  cpu {1e6 * ct / n:.1f} us/vote")
    store.close()
    if prof:
        pstats.Stats(pr).sort_stats("tottime").print_stats(38)
    if db:
        return
    # raw
    con = sqlite3.connect(d + "/v.db")
    rows = con.execute("select * from presses order by arrival, device_id, log_id, seq").fetchall()
    schema = [s for (s,) in con.execute("select sql from sqlite_master where tbl_name='presses' and sql is not null")]
    cells = con.execute("select count(*) from cells").fetchone()
    con.close()
    raw = sqlite3.connect(d + "/raw.db", isolation_level=None)
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("PRAGMA synchronous=FULL")
    for s in schema:
        raw.execute(s)
    marks = ",".join("?" * len(rows[0]))
    t0 = time.perf_counter()
    c0 = time.process_time()
    for i in range(0, len(rows), 3200):
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany(f"INSERT INTO presses VALUES ({marks})", rows[i : i + 3200])
        raw.execute("COMMIT")
    dr = time.perf_counter() - t0
    cr = time.process_time() - c0
    print(
        f"raw: {len(rows) / dr:,.0f}/s  wall {1e6 * dr / len(rows):.1f} us cpu {1e6 * cr / len(rows):.1f}; ratio {dr / dt:.2f} cpu {cr / ct:.2f} cells {cells}"
    )
    import shutil

    shutil.rmtree(d)


if __name__ == "__main__":
    a = sys.argv[1:]
    main(int(a[0]) if a else 1000, int(a[1]) if len(a) > 1 else 10, "prof" in a)
