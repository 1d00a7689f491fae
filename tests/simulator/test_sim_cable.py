"""What is typed behind a Ctrl-C waits until it has stopped the program, as on a board."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator

import pytest

from hymio_sim.board.usb_cable import UsbCable


class Board:
    """A program that a Ctrl-C stops when `stop` is called, on the inner end of a cable."""

    def __init__(self, cable: UsbCable, loop: asyncio.AbstractEventLoop) -> None:
        self._cable, self._loop = cable, loop
        self._console = cable.plug_in()
        os.set_blocking(self._console, False)
        self._client = os.open(cable.port, os.O_RDWR | os.O_NOCTTY)
        self.waiting: list[Callable[[], None]] = []
        self.wants_signals = True
        cable.interrupt = self._interrupt

    def _interrupt(self, done: Callable[[], None]) -> bool:
        if self.wants_signals:
            self.waiting.append(done)
        return self.wants_signals

    def stop(self) -> None:
        self.waiting.pop(0)()

    def hears(self, expected: bytes, typed: bytes = b"") -> bool:
        """Whether that, and no more, reaches the program; a pseudo-terminal takes its time."""
        os.write(self._client, typed)
        heard = b""
        for _turn in range(1000 if expected else 20):
            self._loop.run_until_complete(asyncio.sleep(0.001))
            try:
                heard += os.read(self._console, 256)
            except BlockingIOError:
                if expected and heard == expected:
                    break
        return heard == expected

    def close(self) -> None:
        os.close(self._client)


@pytest.fixture
def board() -> Iterator[Board]:
    loop = asyncio.new_event_loop()
    cable = UsbCable(loop)
    board = Board(cable, loop)
    yield board
    board.close()
    cable.close()
    loop.close()


def test_nothing_behind_a_ctrl_c_reaches_the_program_that_it_stops(board: Board) -> None:
    assert board.hears(b"\r", typed=b"\r\x03\r\x01")
    assert board.hears(b"", typed=b"more")
    board.stop()
    assert board.hears(b"\r\x01more")


def test_two_of_them_are_obeyed_one_after_the_other(board: Board) -> None:
    assert board.hears(b"a", typed=b"a\x03b\x03c")
    board.stop()
    assert board.hears(b"b") and len(board.waiting) == 1
    board.stop()
    assert board.hears(b"c") and not board.waiting


def test_at_the_prompt_it_is_a_byte_like_others(board: Board) -> None:
    board.wants_signals = False
    assert board.hears(b"a\x03b", typed=b"a\x03b")
