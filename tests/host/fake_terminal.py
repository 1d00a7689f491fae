"""A terminal's end of the cable, just enough of it: SMP group 72 over a PTY, with the ways in which cables fail."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import tty
from collections.abc import Iterator
from dataclasses import dataclass, field

import cbor2
from smp import packet
from smp.error import MGMT_ERR
from smp.header import OP, Header

from hymio.cable.smp_messages import GROUP
from hymio.wire.batches import Batch, encode_batch
from hymio.wire.records import Press, Record, Run

LOG_ID = 0x1A2B3C4D


@dataclass
class FakeTerminal:
    """What the terminal behind the PTY holds, and how it misbehaves."""

    records: list[Record | None]
    device_id: str = "fake-1"
    slots_per_answer: int = 5
    oldest_seq: int = 0
    cursor: int = 0
    problem: str | None = None
    drop_requests: int = 0
    """Requests that get lost on the way."""
    chatter: bytes = b""
    """Log output before every answer."""
    says: bytes | None = None
    """Answers everything with this text instead: a prompt, a boot loop; b"" is silence."""
    answers_left: int = 10**6
    """After so many answers it is silent."""
    lines_left: int = 10**6
    """After so many lines of answers somebody pulls the cable."""
    short_of_memory: int = 0
    """Requests that it has no heap for."""
    boot: int = 7
    requests: list[tuple[int, dict[str, object]]] = field(default_factory=list)

    def totals(self, seq: int) -> tuple[int, int, int, int]:
        sums = [0, 0, 0, 0]
        for record in self.records[:seq]:
            if isinstance(record, Press | Run):
                sums[record.button - 1] += record.count if isinstance(record, Run) else 1
        return sums[0], sums[1], sums[2], sums[3]

    def batch(self, seq: int) -> Batch:
        first = max(seq, self.oldest_seq)
        slots = max(0, min(self.slots_per_answer, len(self.records) - first))
        kept = tuple((at, r) for at in range(first, first + slots) if (r := self.records[at]) is not None)
        behind = max(0, len(self.records) - first - slots)
        return Batch(LOG_ID, 1, 1, False, first, slots, first - self.oldest_seq, behind, self.totals(first), kept)

    def answer(self, command: int, request: dict[str, object]) -> dict[str, object]:
        next_seq = len(self.records)
        match command:
            case 0:
                facts: dict[str, object] = {
                    "device_id": self.device_id, "firmware": "0.1.0", "boot": self.boot, "reset_cause": 1,
                    "uptime_ms": 61_500, "utc_ms": 0, "heap_free": 60_000, "wifi": 0, "later": "ignored",
                }  # fmt: skip
                if self.problem:
                    return facts | {"problem": self.problem}
                return facts | {
                    "mqtt": 0, "pressed": list(self.totals(next_seq)), "log_id": LOG_ID, "capacity": 1000,
                    "next_seq": next_seq, "oldest_seq": self.oldest_seq, "acked_seq": self.cursor - 1,
                    "unsent": next_seq - self.cursor, "lost": 0, "burned": 0, "bad_sectors": 0,
                }  # fmt: skip
            case 1:
                if self.problem:
                    return {"err": {"group": GROUP, "rc": 3}}
                seq = request["s"]
                assert isinstance(seq, int)
                return {"d": encode_batch(self.batch(seq), self.device_id)}
            case 2:
                totals = list(self.totals(next_seq))
                return {"log": LOG_ID, "tot": totals, "nxt": next_seq, "old": self.oldest_seq}
            case 3:
                mark = request["m"]
                assert isinstance(mark, int)
                if request["log"] != LOG_ID or mark > next_seq:
                    return {"err": {"group": GROUP, "rc": 4 if request["log"] != LOG_ID else 5}}
                self.cursor = max(self.cursor, mark)
                return {"m": self.cursor}
        return {"err": {"group": GROUP, "rc": 1}}

    def heard(self, line: bytes) -> bytes:
        """The bytes with which it answers one line."""
        if self.says is not None:
            return self.says
        if not line.startswith(packet.START_DELIMITER):
            return b"hymio fake-1\r\n"
        decoder = packet.decode()
        next(decoder)
        try:
            decoder.send(line + b"\n")
            return b""
        except StopIteration as done:
            message: bytes = done.value
        header = Header.loads(message[:8])
        if header.group_id != GROUP:
            answer: dict[str, object] = {"buf_size": 93, "buf_count": 1}
        else:
            if self.drop_requests:
                self.drop_requests -= 1
                return b""
            if self.answers_left == 0:
                return b""
            self.answers_left -= 1
            request = cbor2.loads(message[8:])
            self.requests.append((int(header.command_id), request))
            answer = self.answer(int(header.command_id), request)
            if self.short_of_memory:
                self.short_of_memory -= 1
                answer = {"rc": int(MGMT_ERR.ENOMEM)}
        body = cbor2.dumps(answer)
        op = OP.READ_RSP if header.op == OP.READ else OP.WRITE_RSP
        head = Header(op, header.version, header.flags, len(body), header.group_id, header.sequence, header.command_id)
        return self.chatter + b"".join(packet.encode(bytes(head) + body, line_length=128))


@contextlib.contextmanager
def on_a_cable(terminal: FakeTerminal) -> Iterator[str]:
    """Runs the terminal behind a PTY; yields the port to open."""
    master, slave = os.openpty()
    tty.setraw(slave)
    port = os.ttyname(slave)
    stop_read, stop_write = os.pipe()

    def serve() -> None:
        pending = b""
        while True:
            ready, _, _ = select.select([master, stop_read], [], [])
            if stop_read in ready:
                return
            with contextlib.suppress(OSError):
                pending += os.read(master, 4096)
            while b"\n" in pending:
                line, pending = pending.split(b"\n", 1)
                for said in terminal.heard(line.rstrip(b"\r")).splitlines(keepends=True):
                    if terminal.lines_left == 0:
                        return
                    terminal.lines_left -= 1
                    os.write(master, said)

    def serve_until_unplugged() -> None:
        try:
            serve()
        finally:
            os.close(slave)
            os.close(master)

    thread = threading.Thread(target=serve_until_unplugged, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        os.write(stop_write, b"x")
        thread.join(60)
        for descriptor in (stop_read, stop_write):
            os.close(descriptor)
