"""A request at the serial port of a terminal in virtual time."""

from __future__ import annotations

from typing import Any

from smp import packet

from hymio_sim.run.virtual import VirtualTerminal


def ask(terminal: VirtualTerminal, request: Any, answer: Any) -> Any:
    """What the terminal answers to a message of the library `smp`; `answer` is the class of what is expected."""
    lines = terminal.machine.console(b"".join(packet.encode(request.BYTES, line_length=128)))
    decoder = packet.decode()
    next(decoder)
    for line in lines.splitlines(keepends=True):
        try:
            decoder.send(line)
        except StopIteration as whole:
            return answer.loads(whole.value)
    raise AssertionError("no answer")
