"""A terminal in virtual time: the very same firmware and commands, and time that jumps to the next due moment.

Nothing here looks at a wall clock or draws chance that does not come from the seed: the same commands and the same
seed give the same events, to the byte.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

from hymio_sim.board.board_files import merged
from hymio_sim.board.hardware import DEEPSLEEP_RESET, PWRON_RESET, SSID, Hardware, Pins
from hymio_sim.board.journal import Event, Journal
from hymio_sim.board.sim_time import Timer, VirtualClock
from hymio_sim.energy.data import WAKES
from hymio_sim.flash.chip import TIMES, NorFlash
from hymio_sim.flash.faults import Faults
from hymio_sim.net.access_point import ntp_answer
from hymio_sim.net.broker import Broker, Connection
from hymio_sim.net.far_end import Office
from hymio_sim.net.mqtt_watch import MqttWatch, Publish
from hymio_sim.run.private_firmware import private_board, room
from hymio_sim.run.terminal import Commands, Terminal

START_UTC: Final = 1_800_000_000
"""The true time at t = 0."""
_TICKS_AT_START: Final = (1 << 30) - 60_000
"""So that the ticks of the board wrap in the first minute of every run."""
_TICKS_PERIOD: Final = 1 << 30
_BOOT_US: Final = 80_000
"""From power to the first line of the application."""
_SHORTEST_STEP_US: Final = 1_000
_LATENCY_US: Final = 15_000
"""One way through the air and the network."""
_NTP_PATIENCE_US: Final = 2_000_000


Install = Literal["frozen", "files"]
"""How the firmware came onto the board."""


@dataclass(frozen=True)
class AirTimes:
    """How long things take that are over in no time here unless somebody asks, milliseconds."""

    join_ms: float = 300.0
    """From switching the radio on to an address; a real one takes one to four seconds."""
    handshake_ms: float = 0.0
    """TLS, with each new connection."""


class _Stopped(BaseException):
    """Unwinds the firmware when its processor has stopped in the middle of a flash operation. No `except Exception`
    of the firmware's may catch it: there is no firmware any more."""


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
        """config: a whole configuration, as the firmware's `config.load` gives it; home: the board's file system, whose
        config.json counts then."""
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
        self._port: _Port | None = None
        self._link: _Link | None = None
        self._asking_time = False
        self._wake_us = round(1000 * WAKES[install].ms)
        self.air_times = air_times
        self._ticks_from_us = 0
        self._ticks_at_start = _TICKS_AT_START
        self._light_until_us = 0

    # ---- life ----

    def start(self, cause: int) -> None:
        """Boots."""
        self._hardware.boot(cause)
        self._hardware.processor = self
        self._life += 1
        now_us = self._clock.now_us()
        is_wake = cause == DEEPSLEEP_RESET
        self._ticks_from_us, self._ticks_at_start = (now_us, 0) if is_wake else (0, _TICKS_AT_START)
        self._timer = self._clock.call_at_us(now_us + (self._wake_us if is_wake else _BOOT_US), self._boot)

    def kill(self) -> None:
        """Stops at this instant; firmware that waits for its flash never returns."""
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
        """The program has asked for it."""
        self.kill()
        self.start(cause)
        raise _Stopped

    def deep_sleep(self, duration_ms: int) -> None:
        """The program wants it: for so long at most, 0 = no limit."""
        self.kill()
        self._hardware.fall_asleep(duration_ms, lambda: self.start(DEEPSLEEP_RESET))
        raise _Stopped

    def light_sleep(self, duration_ms: int) -> None:
        """The program wants it. The call returns at once, as it may on a board too, and the sleep goes on until the
        firmware is called again: here time can't pass while somebody waits inside of the firmware."""
        now_us = self._clock.now_us()
        if not self._hardware.rtc.waking_pins(now_us):
            self._hardware.light_sleeps += 1
            self._light_until_us = now_us + duration_ms * 1000
            self._hardware.loads.worked("nap")
            self._hardware.loads.switched("cpu", "light")

    def _boot(self) -> None:
        self._port = port = _Port(self, self._hardware, self._clock)
        self._hardware.loads.switched("cpu", "awake")
        self._hardware.loads.worked("start")

        def run() -> None:
            home = None if self._home is None else f"{self._home}/"
            config, problem = (self._config, "") if home is None else room("config").begin(home, "esp32")
            board = private_board(port, config, self._random.randbytes)
            board.ticks_ms = self.ticks_ms
            board.rtc_ms = self._hardware.rtc.now_ms
            app = room("app").App(config, board, room("").VERSION, problem, home)
            app.start(self.ticks_ms())
            self._app = app

        self._act(run)

    # ---- time ----

    def ticks_ms(self) -> int:
        """What the board's `time.ticks_ms()` would say."""
        return (self._ticks_at_start + (self._clock.now_us() - self._ticks_from_us) // 1000) % _TICKS_PERIOD

    def wait_for_flash(self, until_us: int) -> None:
        """The processor stands still; the world does not."""
        life = self._life
        self._clock.advance_to(until_us, stop=lambda: self._life != life)
        if self._life != life:
            raise _Stopped
        self._hardware.finish_flash()

    # ---- running the firmware ----

    def _act(self, event: Callable[[], None]) -> None:
        """Lets the firmware deal with an event, then take its steps; while it stands still, events wait."""
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
        wait_us = room("compat").ticks_diff(due, self.ticks_ms()) * 1000
        if self._timer:
            self._timer.cancel()
        at_us = self._light_until_us or self._clock.now_us() + max(wait_us, _SHORTEST_STEP_US)
        self._timer = self._clock.call_at_us(at_us, lambda: self._act(_nothing))

    def console(self, data: bytes) -> bytes:
        """Bytes for the serial port; gives what comes back."""
        answer: list[bytes] = []

        def receive() -> None:
            if self._app is not None:
                answer.extend(bytes(line) for line in self._app.console_received(self.ticks_ms(), data))

        self._act(receive)
        return b"".join(answer)

    # ---- what the world does to it ----

    def contact_changed(self, button: int) -> None:
        pass  # levels are looked up when they are asked for

    def edge(self, button: int) -> None:
        now_us = self._clock.now_us()
        if now_us < self._light_until_us and not self._hardware.rtc.waking_pins(now_us):
            return  # nobody sees the edge: pin interrupts sleep too
        if self._port:
            port = self._port
            port.pending.append(self._hardware.pins.buttons[button - 1])
            self._act(port.interrupt)

    def network_changed(self) -> None:
        if self._port:
            self._port.network_since_ms = self._port.ticks_ms()

    def supply_changed(self) -> None:
        pass  # looked up when it is measured

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
            self._link = _Link(self, air)
            self._link.open()
        if self._link and (data := uplink.output()):
            self._link.send(bytes(data))

    def link_opened(self, link: _Link) -> None:
        """The broker has accepted the connection."""
        self._act(lambda: self._app.uplink.opened(self.ticks_ms()) if self._link is link and self._app else None)

    def link_received(self, link: _Link, data: bytes) -> None:
        """Bytes from the broker."""
        self._act(
            lambda: self._app.uplink.received(self.ticks_ms(), data) if self._link is link and self._app else None
        )

    def link_lost(self, link: _Link) -> None:
        """The broker has closed the connection, or none came about."""
        self._act(lambda: self._link_ended(link))

    def _link_ended(self, link: _Link) -> None:
        if self._link is link:
            self._link = None
            if self._app is not None:
                self._app.uplink.closed(self.ticks_ms())

    def cut_link(self) -> None:
        """The air is gone: the connection never hears of its other end again."""
        if self._link:
            self._link.cut()

    @property
    def hardware(self) -> Hardware:
        return self._hardware

    @property
    def clock(self) -> VirtualClock:
        return self._clock

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
            answer = ntp_answer(request, self._hardware.utc + air.ntp_error_s - _LATENCY_US / 1e6)
            if not answer or not app.ntp.received(self.ticks_ms(), answer):
                app.ntp.failed(self.ticks_ms())

        def unanswered() -> None:
            if self._life == life:
                self._asking_time = False
                app.ntp.failed(self.ticks_ms())

        if self._hardware.network_present:
            self._clock.call_at_us(now_us + 2 * _LATENCY_US, lambda: self._act(answered))
        else:
            self._clock.call_at_us(now_us + _NTP_PATIENCE_US, lambda: self._act(unanswered))


def _nothing() -> None:
    pass


class _Port:
    """What fakes/bus.py is in a child process: the way from the fake modules to the hardware."""

    def __init__(self, machine: VirtualMachine, hardware: Hardware, clock: VirtualClock) -> None:
        self._machine = machine
        self._hardware = hardware
        self._clock = clock
        self._handlers: dict[int, tuple[Callable[[Any], None], Any, int]] = {}
        self.pending: list[int] = []
        self.network_since_ms = -(1 << 30)
        self.reset_cause = hardware.reset_cause
        self.mac = hardware.mac
        self.flash_size = hardware.flash.size
        self.wake_reason = hardware.rtc.wake_reason if hardware.reset_cause == DEEPSLEEP_RESET else 0
        self.wake_pins = hardware.rtc.woken_by if self.wake_reason else ()

    def flash_read(self, address: int, buf: Any) -> None:
        buf[:] = self._hardware.read_flash(address, len(buf))

    def flash_program(self, address: int, data: bytes) -> None:
        self._machine.wait_for_flash(self._hardware.begin_program(address, data))

    def flash_erase(self, sector: int) -> None:
        self._machine.wait_for_flash(self._hardware.begin_erase(sector))

    def input(self, pin: int) -> int:
        return int(self._hardware.level(pin, self._clock.now_us()))

    def output(self, pin: int, level: int) -> None:
        self._hardware.output(pin, bool(level))

    def pwm(self, pin: int, hz: int, duty: int) -> None:
        self._hardware.pwm(pin, hz, duty)

    def pixels(self, pin: int, colours: bytearray) -> None:
        self._hardware.pixels(pin, colours)

    def arm(self, pin: int, handler: Callable[[Any], None] | None, source: Any, trigger: int) -> None:
        if handler:
            self._handlers[pin] = (handler, source, trigger)
        else:
            self._handlers.pop(pin, None)
        self._hardware.armed(pin, handler is not None)

    def interrupt(self) -> None:
        """Runs the handlers that are due. Several edges of a pin since the last time are one interrupt."""
        while self.pending:
            pin = self.pending[0]
            self.pending = [other for other in self.pending if other != pin]
            handler, source, trigger = self._handlers.get(pin, (None, None, 0))
            if handler and (trigger == 3 or trigger & (1 if self.input(pin) else 2)):
                handler(source)

    def take_waiting(self) -> None:
        pass  # nothing waits here: what the world says is looked up

    @property
    def network(self) -> bool:
        return self._hardware.network_present

    @property
    def rtc_memory(self) -> bytes:
        return self._hardware.rtc_memory

    def keep_rtc(self, data: bytes) -> None:
        self._hardware.rtc_memory = bytes(data)

    def reset(self, cause: int) -> None:
        self._machine.reset(cause)

    def wake_on(self, pins: tuple[int, ...], high: bool) -> None:
        self._hardware.rtc.wake_on(pins, high)

    def deepsleep(self, duration_ms: int) -> None:
        self._machine.deep_sleep(duration_ms)

    def lightsleep(self, duration_ms: int) -> None:
        self._machine.light_sleep(duration_ms)

    def radio(self, on: bool) -> None:
        self._hardware.loads.switched("radio", "on" if on else "off")

    @property
    def join_ms(self) -> float:
        return self._machine.air_times.join_ms

    @property
    def supply_mv(self) -> int:
        return self._hardware.supply_mv

    def ticks_ms(self) -> int:
        return self._clock.now_us() // 1000


class _Link:
    """One TCP connection through the air."""

    def __init__(self, machine: VirtualMachine, air: Air) -> None:
        self._machine = machine
        self._air = air
        self._is_cut = False
        self._watch = MqttWatch()
        self._far = Connection(send=self._inward, drop=self._dropped)

    def _after(self, callback: Callable[[], None], further_us: int = 0) -> None:
        clock = self._machine.clock
        clock.call_at_us(clock.now_us() + _LATENCY_US + further_us, callback)

    def open(self) -> None:
        """Tries to connect."""
        if self._machine.hardware.network_present:
            handshake_us = round(1000 * self._machine.air_times.handshake_ms)
            self._after(lambda: None if self._is_cut else self._machine.link_opened(self), handshake_us)
        else:
            self._after(lambda: self._machine.link_lost(self))

    def send(self, data: bytes) -> None:
        """Bytes for the broker leave."""
        if self._is_cut:
            return
        for batch in self._watch.left(data):
            self._machine.hardware.published(batch)
        self._after(lambda: self._air.broker.received(self._far, data))

    def _inward(self, data: bytes) -> None:
        self._after(lambda: None if self._is_cut else self._machine.link_received(self, data))

    def _dropped(self) -> None:
        self._after(lambda: None if self._is_cut else self._machine.link_lost(self))

    def close(self) -> None:
        """The terminal closes it."""
        if not self._is_cut:
            self._is_cut = True
            self._after(lambda: self._air.broker.lost(self._far))

    def cut(self) -> None:
        """Nothing goes through any more, in either direction, and nobody is told."""
        self._is_cut = True


class Air:
    """The network of one or more terminals: a broker, and an office behind it."""

    def __init__(self, utc: Callable[[], float]) -> None:
        self.broker = Broker(on_publish=self._heard)
        self.ntp_error_s = 0.0
        """How far the time server is ahead of the true time."""
        self.office = Office(self.broker.publish, utc)

    def _heard(self, message: Publish) -> None:
        self.office.heard(message)


class VirtualTerminal:
    """A terminal for tests, fleets and scripts.

    with VirtualTerminal("till-1") as terminal:
        terminal.press(1)
        terminal.run(2.0)
        assert terminal.of("record")[0]["verdict"] == "counted"
    """

    def __init__(
        self,
        device_id: str = "till-1",
        *,
        flash: Path | None = None,
        flash_times: str = "typical",
        flash_model: Faults | None = None,
        network: bool = False,
        seed: int = 0,
        config: dict[str, Any] | None = None,
        install: Install = "frozen",
        air_times: AirTimes = AirTimes(),
        home: Path | None = None,
        make_air: Callable[[VirtualClock, Callable[[], float]], Air] | None = None,
        show: Callable[[Event], None] = lambda _: None,
    ) -> None:
        """Boots it and runs until it is ready. config: laid over the board's config.json;
        flash_model: what is wrong with the flash chip; home: a folder for its files, without one it keeps none;
        make_air: of clock and true time, another network than the usual one."""
        self.events: list[Event] = []
        self._show = show
        self.clock = VirtualClock()
        self.flash = NorFlash(flash, times=TIMES[flash_times], faults=flash_model)
        journal = Journal(self.clock, 0, self._happened)
        given = merged(_config(device_id, network), config or {})
        if home is not None:
            (home / "config.json").write_text(json.dumps(given))
        settings = room("config").build(given)
        self.hardware = Hardware(
            device_id,
            self.flash,
            self.clock,
            journal,
            seed=seed,
            utc_offset_us=START_UTC * 1_000_000,
            has_network=network,
            runtime="cpython",
            pins=Pins(neopixel=settings["pins"]["neopixel"], buzzer=settings["pins"]["buzzer"]),
        )
        self._journal = journal
        self.air: Air | None = None
        if network:
            utc = lambda: self.hardware.utc  # noqa: E731
            self.air = make_air(self.clock, utc) if make_air else Air(utc)
        self.machine = VirtualMachine(self.hardware, self.clock, settings, seed, self.air, install, air_times, home)
        self.terminal = Terminal(self.hardware, self.machine)
        self.terminal.when_air_is_cut(self.machine.cut_link)
        self.machine.start(PWRON_RESET)
        self.run_until(lambda: bool(self.events), 30.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Power off, if nothing else has done so."""
        self.terminal.quit()
        self.flash.close()

    def _happened(self, event: Event) -> None:
        self.events.append(event)
        self._show(event)

    def of(self, name: str) -> list[Event]:
        """The events of that name so far."""
        return [event for event in self.events if event["event"] == name]

    def obey(self, line: str, is_typed: bool = False) -> None:
        """Does what a command line says; a `wait` lets time pass, and lets a flash operation come to its end.

        is_typed: by a person at a keyboard, see `Terminal.exit_status`.
        """
        while seconds := self.terminal.obey(line, is_typed):
            self.run(seconds)
            if not self.terminal.is_unfinished:
                break

    def script(self, lines: Iterable[str]) -> None:
        """Obeys all lines, each at its moment exactly, in the middle of a flash operation even."""
        commands = Commands(self.terminal)
        for line in lines:
            commands.add(line)
        commands.begin()
        while not (commands.is_done or self.terminal.has_quit):
            due_us = self.clock.next_due_us()
            assert due_us is not None, "a wait is always due"
            self.clock.advance_to(due_us)

    def press(self, button: int, contact_ms: float = 120.0, profile: str = "kpb22") -> None:
        """Pushes a button now."""
        self.obey(f"press {button} {contact_ms} profile {profile}")

    def run(self, seconds: float) -> None:
        """Lets time pass, a little longer if a flash operation is under way then: firmware can't be left in the
        middle of one but by what happens to the board. See `script`."""
        self.clock.advance_to(self.clock.now_us() + round(seconds * 1e6))

    def leap(self, days: float, stride_h: float = 8.0) -> None:
        """Lets days pass in strides, the firmware awake for two seconds after each: what was due within one is late.
        So weeks in which nothing happens cost no more than minutes do."""
        end_us = self.clock.now_us() + round(days * 86_400e6)
        stride_us = round(stride_h * 3600e6)
        while (left_us := end_us - self.clock.now_us()) > 0:
            self.clock.leap_us(min(left_us, stride_us))
            self.run(2.0)

    def run_until(self, done: Callable[[], bool], limit_s: float) -> bool:
        """Lets time pass until `done()`, or for `limit_s`; tells whether it came to be."""
        limit_us = self.clock.now_us() + round(limit_s * 1e6)
        while not done():
            due_us = self.clock.next_due_us()
            if due_us is None or due_us > limit_us:
                self.clock.advance_to(limit_us)
                return done()
            self.clock.advance_to(due_us)
        return True

    def exchange_flash(self, chip: NorFlash) -> NorFlash:
        """Another flash chip comes onto the board, which must be without power; gives the one that was there."""
        before, self.flash = self.flash, chip
        self.hardware.exchange_flash(chip)
        return before

    def exit(self) -> int:
        """Power off and the last event; gives the exit status."""
        self.close()
        status = self.terminal.exit_status()
        self._journal.tell("exit", status=status)
        return status


def _config(device_id: str, network: bool) -> dict[str, Any]:
    config: dict[str, Any] = {"device_id": device_id}
    if network:
        # Names that say what they are; nobody resolves them here.
        config["wifi"] = {"ssid": SSID}
        config["mqtt"] = {"host": "broker", "port": 1883}
        config["ntp"] = {"host": "time", "port": 123}
    return config
