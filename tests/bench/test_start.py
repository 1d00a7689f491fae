"""Waiting for a terminal's first line: as long as there are signs of life, and no longer. In virtual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hymio.cable.boot_line import Start, listen
from hymio.common.errors import NO_TERMINAL, Failure

ROM = b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
ECHO = b"\r\n>>> import machine\r\n>>> machine.reset()\r\n"
LINE = b"hymio 0.1.0 till-1 boot 3, log 1a2b3c4d, 12 presses, 4 unsent\r\n"
BANNER = b"MicroPython v1.26.0 on 2026-08-01; Generic ESP32 module with ESP32\r\n>>> "


class Bench:
    """A board that says things at given seconds, and the clock on the wall."""

    def __init__(self, says: dict[float, bytes], is_away: Callable[[float], bool] = lambda now_s: False) -> None:
        self.now_s = 1000.0
        self._begin_s = self.now_s
        self._says = sorted(says.items())
        self._is_away = is_away
        self.typed = b""
        self.told: list[str] = []

    @property
    def waited_s(self) -> float:
        return self.now_s - self._begin_s

    def start(self) -> Start:
        return listen("PORT", opened=lambda port: self, now=lambda: self.now_s, sleep=self.sleep, tell=self.told.append)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def __enter__(self) -> Bench:
        if self._is_away(self.waited_s):
            raise OSError("no such device")
        return self

    def __exit__(self, *_error: Any) -> None:
        pass

    def write(self, data: bytes) -> None:
        self.typed += data

    def read(self, size: int) -> bytes:
        self.sleep(0.2)
        if self._is_away(self.waited_s):
            raise OSError("device disconnected")
        if self._says and self._says[0][0] <= self.waited_s:
            return self._says.pop(0)[1]
        return b""


@pytest.mark.parametrize(
    ("says", "starts_after_s"),
    [
        pytest.param({1: ECHO, 2: ROM, 3: LINE}, 3, id="as always"),
        pytest.param({1: ECHO, 2: ROM, 95: LINE}, 95, id="a file system that takes long to mount"),
        pytest.param({1: ECHO, 200: LINE}, 200, id="and a chip whose loader says nothing"),
        pytest.param({1: BANNER, 1.2: ECHO, 2: ROM, 4: LINE}, 4, id="from its prompt"),
    ],
)
def test_signs_of_life_are_waited_for(says: dict[float, bytes], starts_after_s: float) -> None:
    bench = Bench(says)
    assert bench.start().device_id == "till-1"
    assert bench.waited_s == pytest.approx(starts_after_s, abs=0.5) and bench.typed.endswith(b"machine.reset()\r")
    assert starts_after_s // 20 - 1 <= len(bench.told) <= starts_after_s // 20, "a person is told now and then"
    assert all("still starting after" in line and line.startswith("PORT: ") for line in bench.told)


def test_a_port_that_goes_away_to_reset_comes_back() -> None:
    bench = Bench({1: ECHO, 80: LINE}, is_away=lambda waited_s: 1.5 < waited_s < 70)
    assert bench.start().boot == 3


LOOP = dict.fromkeys(range(1, 300), ROM)


@pytest.mark.parametrize(
    ("says", "after_s", "said", "hint"),
    [
        pytest.param({}, 30, "it stays silent", "reset button", id="nothing at all"),
        pytest.param({1: ECHO, 2: ROM + BANNER}, 32, "It said: MicroPython v1.26.0", "Ctrl-D", id="a prompt"),
        pytest.param(
            {1: ECHO, 2: ROM, 3: b"hymio: slot '/' does not start: MemoryError()\r\n" + BANNER},
            *(33, "It said: hymio: slot '/' does not start: MemoryError", "Ctrl-D"),
            id="a loader that gives up",
        ),
        pytest.param({1: ECHO}, 300, "nothing came for 5 min", "hymio status", id="told to start, and no word since"),
        pytest.param(LOOP, 12, "over and over", "power supply", id="a boot loop"),
    ],
)
def test_what_comes_to_nothing_is_told_as_what_it_is(
    says: dict[float, bytes], after_s: float, said: str, hint: str
) -> None:
    bench = Bench(says)
    with pytest.raises(Failure, match=said) as failed:
        bench.start()
    assert failed.value.exit_status == NO_TERMINAL and hint in failed.value.hint
    assert bench.waited_s == pytest.approx(after_s, abs=1)


def test_a_port_that_never_was_there() -> None:
    bench = Bench({}, is_away=lambda waited_s: True)
    with pytest.raises(Failure, match="stays silent"):
        bench.start()
    assert bench.waited_s == pytest.approx(30, abs=1)
