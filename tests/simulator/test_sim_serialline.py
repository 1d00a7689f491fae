"""The line in virtual time: as fast as its baud rate, in order, and silent once it is cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hymio_sim.board.serial_line import SerialLine


class Loop:
    """Time that goes on when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.timers: list[Any] = []

    def time(self) -> float:
        return self.now_s

    def call_at(self, when_s: float, call: Callable[..., None], *args: object) -> Any:
        timer = asyncio.TimerHandle(when_s, call, args, self)  # type: ignore[arg-type]
        self.timers.append(timer)
        return timer

    def _timer_handle_cancelled(self, handle: Any) -> None:
        pass

    def get_debug(self) -> bool:
        return False

    def until(self, seconds: float) -> None:
        for timer in sorted(self.timers, key=lambda timer: timer.when()):
            if timer.when() <= 100.0 + seconds + 1e-9 and not timer.cancelled():
                self.now_s = timer.when()
                timer._run()
                self.timers.remove(timer)
        self.now_s = 100.0 + seconds


@pytest.fixture
def loop() -> Loop:
    return Loop()


def a_line(loop: Loop, *options: Any) -> tuple[SerialLine, list[bytes]]:
    came: list[bytes] = []
    return SerialLine(loop, came.append, *options), came  # type: ignore[arg-type]


def test_without_a_baud_rate_it_is_at_once(loop: Loop) -> None:
    line, came = a_line(loop)
    line.feed(b"x" * 5000)
    assert came == [b"x" * 5000] and line.carried_bytes == 5000


@pytest.mark.parametrize(("baud", "full_s"), [(115200, 1.0), (9600, 12.0)])
def test_a_second_of_bytes_takes_a_second(loop: Loop, baud: int, full_s: float) -> None:
    line, came = a_line(loop, baud, 0.016)
    for at in range(0, 11520, 123):
        line.feed(bytes([at // 123]) * min(123, 11520 - at))
    loop.until(full_s / 2 + 0.016)
    assert 11520 / 2 - 62 <= sum(map(len, came)) <= 11520 / 2, "half of the time, half of the bytes"
    loop.until(full_s + 0.016)
    assert len(b"".join(came)) == 11520 and sorted(b"".join(came)) == list(b"".join(came)), "in order"


def test_a_question_and_its_answer_cost_the_turn_around(loop: Loop) -> None:
    line, came = a_line(loop, 115200, 0.016)
    line.feed(b"a")
    loop.until(0.016)
    assert came == []
    loop.until(0.0161)
    assert came == [b"a"]


def test_what_is_under_way_when_it_is_cut_never_comes(loop: Loop) -> None:
    line, came = a_line(loop, 115200)
    line.feed(b"x" * 1000)
    loop.until(0.02)
    line.cut()
    loop.until(9)
    assert 0 < sum(map(len, came)) < 1000 and line.carried_bytes == 1000
