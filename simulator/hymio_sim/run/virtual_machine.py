"""The processor of a board in virtual time: it runs the firmware in this process, step by step.

Nothing here looks at a wall clock or draws chance that does not come from the seed: the same commands and the same
seed give the same events, to the byte.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hymio.common.firmware_files import firmware_module, firmware_package
from hymio_sim.board.hardware import DEEPSLEEP_RESET, Hardware
from hymio_sim.board.sim_time import Timer, VirtualClock
from hymio_sim.energy.data import WAKES, Install
from hymio_sim.net.access_point import ntp_answer
from hymio_sim.run.private_firmware import private_board
from hymio_sim.run.virtual_link import LATENCY_US, Air, AirTimes, VirtualLink
from hymio_sim.run.virtual_port import VirtualPort

_TICKS_AT_START: Final = (1 << 30) - 60_000
"""The board's ticks begin a minute before they wrap, so that every run goes through a wrap."""
_TICKS_PERIOD: Final = 1 << 30
_BOOT_US: Final = 80_000
"""From power to the first line of the application."""
_SHORTEST_STEP_US: Final = 1_000
_NTP_PATIENCE_US: Final = 2_000_000


class _Stopped(BaseException):
    """Unwinds the firmware when its processor has stopped in the middle of a flash operation.

    It is no `Exception`, so that no `except Exception` of the firmware catches it: there is no firmware any more.
    """


def _nothing() -> None:
    pass


class VirtualMachine:
    """The processor of one board in virtual time."""

    def __init__(
        self,
        hardware: Hardware,
        clock: VirtualClock,
        config: dict[str, Any],
        seed: int,
        air: Air | None,
        install: Install,
        air_times: AirTimes,
        home: Path | None,
    ):
        """Takes a whole configuration, as the firmware's `config.load` gives it.

        home: the file system of the board; if there is one, the config.json in it counts instead. air: the network, or
        None.
        """
        self._hardware = hardware
        self._clock = clock
        self._config = config
        self._home = home
        self._air = air
        self._random = random.Random(f"{seed} {hardware.device_id} urandom")
        self._life = 0
        self._app: Any = None
        self._is_busy = False
        self._later: list[Callable[[], None]] = []
        self._timer: Timer | None = None
        self._port: VirtualPort | None = None
        self._link: VirtualLink | None = None
        self._asking_time = False
        self._wake_us = round(1000 * WAKES[install].ms)
        self.air_times = air_times
        self._ticks_from_us = 0
        self._ticks_at_start = _TICKS_AT_START
        self._light_until_us = 0
        self._ticks_diff: Callable[[int, int], int] = firmware_module("compat").ticks_diff

    # ---- life ----

    def start(self, cause: int) -> None:
        """Boots for that reason, one of the reset causes in `hardware`."""
        self._hardware.boot(cause)
        self._hardware.processor = self
        self._life += 1
        now_us = self._clock.now_us()
        is_wake = cause == DEEPSLEEP_RESET
        self._ticks_from_us, self._ticks_at_start = (now_us, 0) if is_wake else (0, _TICKS_AT_START)
        self._timer = self._clock.call_at_us(now_us + (self._wake_us if is_wake else _BOOT_US), self._boot)

    def kill(self) -> None:
        """Stops the firmware at this instant; a call in which it waits for its flash never returns to it."""
        self._life += 1
        self._app = None
        self._port = None
        self._later.clear()
        self._asking_time = False
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._link:
            self._link.cut()
            self._link = None
        self._hardware.processor = None
        self._hardware.rtc.stop()
        self._hardware.stopped()

    def reset(self, cause: int) -> None:
        """Resets the processor, because the program has asked for it."""
        self.kill()
        self.start(cause)
        raise _Stopped

    def deep_sleep(self, duration_ms: int) -> None:
        """Sleeps deeply for so long at most (0: without a limit), because the program has asked for it."""
        self.kill()
        self._hardware.fall_asleep(duration_ms, lambda: self.start(DEEPSLEEP_RESET))
        raise _Stopped

    def light_sleep(self, duration_ms: int) -> None:
        """Sleeps lightly for so long at most, because the program has asked for it.

        The call returns at once, as it may on a board too, and the sleep goes on until the firmware is called again:
        time can not pass here while a call waits inside of the firmware.
        """
        now_us = self._clock.now_us()
        if not self._hardware.rtc.waking_pins(now_us):
            self._hardware.light_sleeps += 1
            self._light_until_us = now_us + duration_ms * 1000
            self._hardware.loads.worked("nap")
            self._hardware.loads.switched("cpu", "light")

    def _boot(self) -> None:
        self._port = port = VirtualPort(self, self._hardware, self._clock)
        self._hardware.loads.switched("cpu", "awake")
        self._hardware.loads.worked("start")

        def run() -> None:
            home = None if self._home is None else f"{self._home}/"
            config, problem = (self._config, "") if home is None else firmware_module("config").begin(home, "esp32")
            board = private_board(port, config, self._random.randbytes)
            board.ticks_ms = self.ticks_ms
            board.rtc_ms = self._hardware.rtc.now_ms
            app = firmware_module("app").App(config, board, firmware_package().VERSION, problem, home)
            app.start(self.ticks_ms())
            self._app = app

        self._act(run)

    # ---- time ----

    def ticks_ms(self) -> int:
        """What `time.ticks_ms()` would give on the board."""
        return (self._ticks_at_start + (self._clock.now_us() - self._ticks_from_us) // 1000) % _TICKS_PERIOD

    def wait_for_flash(self, until_us: int) -> None:
        """Lets time pass until that moment while the processor stands still."""
        life = self._life
        self._clock.advance_to(until_us, stop=lambda: self._life != life)
        if self._life != life:
            raise _Stopped
        self._hardware.finish_flash()

    # ---- running the firmware ----

    def _act(self, event: Callable[[], None] = _nothing) -> None:
        """Lets the firmware deal with an event and take its steps.

        An event that comes while the processor stands still waits until it goes on.
        """
        if self._is_busy:
            self._later.append(event)
            return
        self._is_busy = True
        if self._light_until_us:
            self._light_until_us = 0
            self._hardware.loads.switched("cpu", "awake")
        try:
            event()
            while self._later:
                self._later.pop(0)()
            self._step()
        except _Stopped:
            pass
        finally:
            self._is_busy = False

    def _step(self) -> None:
        app = self._app
        if app is None:
            return
        self._hardware.loads.worked("step")
        due = app.step(self.ticks_ms())
        while self._later:
            self._later.pop(0)()
            due = app.step(self.ticks_ms())
        self._move_link(app)
        self._ask_time(app)
        wait_us = self._ticks_diff(due, self.ticks_ms()) * 1000
        if self._timer:
            self._timer.cancel()
        at_us = self._light_until_us or self._clock.now_us() + max(wait_us, _SHORTEST_STEP_US)
        self._timer = self._clock.call_at_us(at_us, self._act)

    def console(self, data: bytes) -> bytes:
        """Passes bytes to the serial port of the board; gives what comes back."""
        answer: list[bytes] = []

        def receive() -> None:
            if self._app is not None:
                answer.extend(bytes(line) for line in self._app.console_received(self.ticks_ms(), data))

        self._act(receive)
        return b"".join(answer)

    # ---- what the world does to it ----

    def contact_changed(self, button: int) -> None:
        """See `Processor`. Nothing to do: the firmware asks for levels when it wants them."""

    def edge(self, button: int) -> None:
        """See `Processor`."""
        now_us = self._clock.now_us()
        if now_us < self._light_until_us and not self._hardware.rtc.waking_pins(now_us):
            return  # in a light sleep pin interrupts sleep as well, so nobody sees the edge
        if self._port:
            port = self._port
            port.pending.append(self._hardware.pins.buttons[button - 1])
            self._act(port.interrupt)

    def network_changed(self) -> None:
        """See `Processor`."""
        if self._port:
            self._port.network_since_ms = self._port.ticks_ms()

    def supply_changed(self) -> None:
        """See `Processor`. Nothing to do: the firmware measures when it wants to know."""

    # ---- network ----

    def _move_link(self, app: Any) -> None:
        air = self._air
        if air is None or app.uplink is None:
            return
        uplink = app.uplink
        if self._link and uplink.is_broken:
            self._link.close()
            self._link_ended(self._link)
        if self._link is None and uplink.wants(self.ticks_ms()):
            self._link = VirtualLink(self, self._clock, self._hardware, air, self.air_times)
            self._link.open()
        if self._link and (data := uplink.output()):
            self._link.send(bytes(data))

    def link_opened(self, link: VirtualLink) -> None:
        """See `NearEnd`."""
        self._act(lambda: self._app.uplink.opened(self.ticks_ms()) if self._link is link and self._app else None)

    def link_received(self, link: VirtualLink, data: bytes) -> None:
        """See `NearEnd`."""
        self._act(
            lambda: self._app.uplink.received(self.ticks_ms(), data) if self._link is link and self._app else None
        )

    def link_lost(self, link: VirtualLink) -> None:
        """See `NearEnd`."""
        self._act(lambda: self._link_ended(link))

    def _link_ended(self, link: VirtualLink) -> None:
        if self._link is link:
            self._link = None
            if self._app is not None:
                self._app.uplink.closed(self.ticks_ms())

    def cut_link(self) -> None:
        """The air is gone: the connection never hears of its other end again."""
        if self._link:
            self._link.cut()

    def _ask_time(self, app: Any) -> None:
        air = self._air
        if self._asking_time or air is None or app.ntp is None or not app.ntp.wants(self.ticks_ms()):
            return
        self._asking_time = True
        life = self._life
        request = bytes(app.ntp.request(self.ticks_ms()))
        now_us = self._clock.now_us()

        def answered() -> None:
            if self._life != life:
                return
            self._asking_time = False
            answer = ntp_answer(request, self._hardware.utc + air.ntp_error_s - LATENCY_US / 1e6)
            if not answer or not app.ntp.received(self.ticks_ms(), answer):
                app.ntp.failed(self.ticks_ms())

        def unanswered() -> None:
            if self._life == life:
                self._asking_time = False
                app.ntp.failed(self.ticks_ms())

        if self._hardware.network_present:
            self._clock.call_at_us(now_us + 2 * LATENCY_US, lambda: self._act(answered))
        else:
            self._clock.call_at_us(now_us + _NTP_PATIENCE_US, lambda: self._act(unanswered))
