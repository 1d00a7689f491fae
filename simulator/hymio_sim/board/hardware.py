"""The board as someone beside it sees it: fingers on buttons, lights, the flash chip, the air, the power plug.

Whatever runs the firmware (a VM in a child process, or virtual time in this process) calls the methods of `Hardware`
for what the program does to its pins and its flash, and is told through `Processor` what the world does to the board.
"""

from __future__ import annotations

import bisect
import functools
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from hymio_sim.board import switches
from hymio_sim.board.journal import CONTRACT, Journal
from hymio_sim.board.loads import Loads, Unmetered
from hymio_sim.board.rtc_domain import TIMER_WAKE, RtcDomain
from hymio_sim.board.sim_time import SimClock
from hymio_sim.flash.chip import NorFlash
from hymio_sim.flash.fault_orders import Fault, inflict
from hymio_sim.flash.log_watch import LogWatch

BUTTONS: Final = (1, 2, 3, 4)
SSID: Final = "hymio-sim"
"""The name of the only Wi-Fi network there is."""

PWRON_RESET: Final = 1
HARD_RESET: Final = 2
WDT_RESET: Final = 3
DEEPSLEEP_RESET: Final = 4
SOFT_RESET: Final = 5

_LEAD_US: Final = 1_500
"""From the command to the first edge, so that the event is told and the VM knows the edges before the pin moves."""
_DAY_US: Final = 86_400_000_000


@dataclass(frozen=True)
class Pins:
    """Where buttons and lights 1 to 4 are wired: the numbers of their pins.

    active_low: a closed contact pulls its pin low; the default is high, the level on which an original ESP32 can wake.
    With a strip of coloured lights at the pin `neopixel` its first four pixels are the lights, and `leds` is not used.
    """

    buttons: tuple[int, ...] = (25, 26, 27, 33)
    leds: tuple[int, ...] = (18, 19, 21, 22)
    active_low: bool = False
    neopixel: int | None = None
    buzzer: int | None = None


class Processor(Protocol):
    """What runs the firmware and is told what happens to the board."""

    def contact_changed(self, button: int) -> None:
        """The button has been pushed: `Hardware.edges` gives other edges from now on."""
        ...

    def edge(self, button: int) -> None:
        """A contact has just opened or closed."""
        ...

    def network_changed(self) -> None:
        """The Wi-Fi network has come or gone."""
        ...

    def supply_changed(self) -> None:
        """The supply voltage has changed."""
        ...


@dataclass
class Contact:
    """The contact of one push button: open, but for its last push.

    `edges` are the moments of that push in microseconds, in order; the contact closes at the first and toggles at each.
    `finger` is the number of the push whose finger rests on the button until it is told to leave, or None.
    """

    profile: str = switches.DEFAULT
    edges: list[int] = field(default_factory=list)
    finger: int | None = None

    def is_closed(self, now_us: int) -> bool:
        """Whether the contact is closed at that moment."""
        edges = self.edges
        if not edges or now_us >= edges[-1]:
            return len(edges) % 2 == 1
        return bisect.bisect_right(edges, now_us) % 2 == 1

    def is_moving(self, now_us: int) -> bool:
        """Whether the contact changes at that moment or later."""
        return bool(self.edges) and now_us <= self.edges[-1]


def mac_of(device_id: str) -> bytes:
    """The MAC address of the simulated chip: one for each device id, with a prefix of Espressif's."""
    return bytes.fromhex("240ac4") + hashlib.sha256(device_id.encode()).digest()[:3]


class Hardware:
    """The board of the terminal `device_id`.

    `utc_offset_us` is what has to be added to the clock for the true time, in microseconds of 1970. `seed` decides how
    contacts bounce and what a power cut leaves in flash.
    """

    def __init__(
        self,
        device_id: str,
        flash: NorFlash,
        clock: SimClock,
        journal: Journal,
        *,
        seed: int,
        utc_offset_us: int,
        has_network: bool,
        runtime: str,
        pins: Pins | None = None,
    ) -> None:
        self.device_id = device_id
        self.flash = flash
        self.clock = clock
        self.journal = journal
        self.pins = pins or Pins()
        self.mac = mac_of(device_id)
        self.log = LogWatch(flash, self.mac, journal.tell)
        self.processor: Processor | None = None
        self.powered = False
        self.wifi_on = has_network
        self.has_network = has_network
        self.rtc_memory = b""
        self.nvs: dict[bytes, bytes] = {}
        """What `esp32.NVS` keeps, in a flash partition of its own."""
        self.rtc = RtcDomain(clock, self.level)
        self.supply_mv = 3000
        self.light_sleeps = 0
        self.loads: Loads = Unmetered()
        self.reset_cause = PWRON_RESET
        self.serial = ""
        self.on_ready: Callable[[], None] = lambda: None
        self._runtime = runtime
        self._utc_offset_us = utc_offset_us
        # Fingers and power cuts draw from separate random numbers, so that a script with one more press still tears
        # its flash in the same way.
        self._bounce = random.Random(f"{seed} bounce")
        self._tears = random.Random(f"{seed} tears")
        self._contacts = {button: Contact() for button in BUTTONS}
        self._button_at = {self.pins.buttons[button - 1]: button for button in BUTTONS}
        self._pushes = 0
        self._armed: set[int] = set()
        self.percent = dict.fromkeys(BUTTONS, 0)
        """How bright each light is, in percent."""
        self._tone_hz = 0
        self._is_ready = False
        self._operation_began_us = 0
        self._aged_us = clock.now_us()

    def meter(self, loads: Loads) -> None:
        """Tells `loads` from now on what draws current. The board must be awake when this is called."""
        self.loads = loads
        loads.switched("cpu", "awake")

    # ---- the true time ----

    @property
    def utc(self) -> float:
        """The true time, in seconds of 1970."""
        return (self.clock.now_us() + self._utc_offset_us) / 1e6

    def set_utc(self, utc: float) -> None:
        """Makes `utc`, in seconds of 1970, the true time of this moment."""
        self._utc_offset_us = round(utc * 1e6) - self.clock.now_us()
        self.journal.tell("time", utc=utc)

    # ---- fingers ----

    def is_moving(self, button: int) -> bool:
        """Whether the button still bounces, or is pushed for a time that will end."""
        return self._contacts[button].is_moving(self.clock.now_us())

    def is_held(self, button: int) -> bool:
        """Whether a finger rests on the button until `let_go`."""
        return self._contacts[button].finger is not None

    def is_closed(self, button: int) -> bool:
        """Whether the button's contact is closed at this moment."""
        return self._contacts[button].is_closed(self.clock.now_us())

    def level(self, pin: int, at_us: int) -> bool:
        """Whether the input pin is high at that moment; a pin without a button is low."""
        button = self._button_at.get(pin)
        return button is not None and self._contacts[button].is_closed(at_us) != self.pins.active_low

    def edges(self, button: int) -> list[int]:
        """The edges of the button's last push: moments in microseconds, of which the first closes the contact."""
        return self._contacts[button].edges

    def push(self, button: int, contact_ms: float, profile: str) -> None:
        """A finger pushes the button now, and holds the contact for `contact_ms`.

        Raises:
            KeyError: there is no such profile of a switch.
        """
        pattern = switches.edges(profile, self._bounce, contact_ms)
        start_us = self.clock.now_us() + _LEAD_US
        push = self._touched(button, Contact(profile, [start_us + time_us for time_us, _ in pattern]), contact_ms)
        self._moves(button, 0)
        self._released_at(self._contacts[button].edges[-1], push, contact_ms)

    def put_finger(self, button: int, profile: str) -> None:
        """A finger pushes the button now, and stays on it until `let_go`.

        Raises:
            KeyError: there is no such profile of a switch.
        """
        start_us = self.clock.now_us() + _LEAD_US
        contact = Contact(profile, [start_us + time_us for time_us in switches.closing(profile, self._bounce)])
        contact.finger = self._touched(button, contact, 0)
        self._moves(button, 0)

    def let_go(self, button: int, least_ms: float = 0.0) -> None:
        """The finger that was put on the button leaves it, once the contact has been closed for `least_ms`.

        Whoever knows how long a finger was there says so: this process may hear late that it came.
        """
        contact = self._contacts[button]
        push, contact.finger = contact.finger, None
        assert push is not None, "there is a finger on it"
        # Who lets go while the contact still bounces has it closed for a moment, as every contact has.
        least_us = contact.edges[0] + round(1000 * least_ms)
        parting_us = max(self.clock.now_us() + _LEAD_US, contact.edges[-1] + 2, least_us)
        known = len(contact.edges)
        contact.edges += [parting_us + time_us for time_us in switches.opening(contact.profile, self._bounce)]
        if self.processor:
            self.processor.contact_changed(button)
        self._moves(button, known)
        self._released_at(contact.edges[-1], push, (parting_us - contact.edges[0]) / 1000)

    def _touched(self, button: int, contact: Contact, contact_ms: float) -> int:
        """Gives the button the contact of a new push and tells of it; gives the number of the push."""
        self._pushes += 1
        self._contacts[button] = contact
        self.journal.tell(
            "press",
            push=self._pushes,
            button=button,
            ms=round(contact_ms),
            profile=contact.profile,
            powered=self.powered,
            utc=self.utc,
        )
        if self.processor:
            self.processor.contact_changed(button)
        return self._pushes

    def _moves(self, button: int, first: int) -> None:
        """Has the world see the edges of the button's push from number `first` on, each in its moment."""
        for edge_us in self._contacts[button].edges[first:]:
            self.clock.call_at_us(edge_us, functools.partial(self._edge, button, edge_us))

    def _released_at(self, at_us: int, push: int, contact_ms: float) -> None:
        self.clock.call_at_us(at_us, lambda: self.journal.tell("release", push=push, ms=round(contact_ms)))

    def _edge(self, button: int, edge_us: int) -> None:
        if self.processor and self.powered:
            self.processor.edge(button)
        self.rtc.pins_changed(edge_us)

    # ---- what the program does to its pins ----

    def output(self, pin: int, level: bool) -> None:
        """The program has set an output pin."""
        self.pwm(pin, 0, 65535 if level else 0)

    def pwm(self, pin: int, hz: int, duty: int) -> None:
        """The program has made an output pin give a square wave of `hz` that is high for `duty` of 65535."""
        if pin == self.pins.buzzer:
            self._tone(hz if duty else 0)
        elif self.pins.neopixel is None and pin in self.pins.leds:
            self._light(self.pins.leds.index(pin) + 1, duty / 65535)

    def pixels(self, pin: int, colours: bytes | bytearray) -> None:
        """The program has sent colours to a strip of lights, three bytes for each pixel."""
        if pin == self.pins.neopixel:
            for led in BUTTONS:
                self._light(led, max(colours[3 * led - 3 : 3 * led], default=0) / 255)

    def _light(self, led: int, brightness: float) -> None:
        was_on = self.percent[led] > 0
        before = self.percent[led]
        # A light that is on, however dimly, must not be told as 0 percent.
        self.percent[led] = max(round(100 * brightness), brightness > 0)
        if self.percent[led] != before:
            self.loads.switched(f"light {led}", self.percent[led])
        if was_on != (brightness > 0):
            self.journal.tell("led", led=led, on=not was_on, percent=self.percent[led])

    def _tone(self, hz: int) -> None:
        if hz != self._tone_hz:
            self.journal.tell("buzzer", hz=hz or self._tone_hz, on=hz > 0)
            self._tone_hz = hz
            self.loads.switched("buzzer", "on" if hz else "off")

    def armed(self, pin: int, has_handler: bool) -> None:
        """The program has set an interrupt handler for a pin, or removed it.

        Once all four buttons have a handler the terminal judges presses: it is `ready`.
        """
        if has_handler:
            self._armed.add(pin)
        else:
            self._armed.discard(pin)
        if not self._is_ready and self._armed >= set(self.pins.buttons):
            self._is_ready = True
            self.journal.tell(
                "ready",
                contract=CONTRACT,
                device_id=self.device_id,
                serial=self.serial,
                runtime=self._runtime,
                boot=self.log.boot,
            )
            if not self.log.cursor_told:
                self.log.tell_cursor()
            self.on_ready()

    @property
    def lit(self) -> frozenset[int]:
        """The lights that are on, as numbers 1 to 4."""
        return frozenset(led for led in BUTTONS if self.percent[led])

    # ---- flash ----

    def read_flash(self, address: int, length: int) -> bytes:
        """What the processor gets when it reads `length` bytes of flash, the faults of the chip included."""
        self._age_flash()
        return self.flash.fetch(address, length)

    def fail(self, fault: Fault) -> None:
        """Gives the flash chip one fault more, from now on, and tells of it.

        Raises:
            NoSuchPlace: the chip has no such sector or address.
        """
        self.journal.tell("fault", **inflict(self.flash, fault))

    def _age_flash(self) -> None:
        now_us = self.clock.now_us()
        self.flash.age((now_us - self._aged_us) / _DAY_US)
        self._aged_us = now_us

    def exchange_flash(self, chip: NorFlash) -> None:
        """Puts another flash chip onto the board; what it holds is not told as new.

        Raises:
            RuntimeError: the board has power.
        """
        if self.powered:
            raise RuntimeError("the board has power: expected a chip to be exchanged without")
        self.flash = chip
        self.log = LogWatch(chip, self.mac, self.journal.tell)

    def begin_program(self, address: int, data: bytes) -> int:
        """Begins to program; gives the moment in microseconds at which `finish_flash` has to be called."""
        self._operation_began_us = self.clock.now_us()
        self.loads.switched("flash", "program")
        self.loads.worked("record")
        return self._operation_began_us + self.flash.begin_program(address, data).duration_us

    def begin_erase(self, sector: int) -> int:
        """Begins to erase; gives the moment in microseconds at which `finish_flash` has to be called."""
        self._operation_began_us = self.clock.now_us()
        self.loads.switched("flash", "erase")
        return self._operation_began_us + self.flash.begin_erase(sector).duration_us

    def finish_flash(self) -> None:
        """Ends the flash operation under way, and tells what has become durable by it."""
        operation = self.flash.finish()
        self.loads.switched("flash", "idle")
        self.log.changed(operation.address, operation.end)

    def _tear_flash(self) -> None:
        operation = self.flash.busy_with
        if operation is None:
            return
        fraction = (self.clock.now_us() - self._operation_began_us) / max(1, operation.duration_us)
        self.flash.tear(fraction, self._tears)
        self.loads.switched("flash", "idle")
        self.log.changed(operation.address, operation.end)

    # ---- network ----

    def set_wifi(self, on: bool) -> None:
        """Somebody switches the access point on or off."""
        self.wifi_on = on
        self.journal.tell("wifi", on=on)
        if self.processor:
            self.processor.network_changed()

    @property
    def network_present(self) -> bool:
        """Whether there is a Wi-Fi network that the board can join."""
        return self.has_network and self.wifi_on

    def published(self, log_id: int, first_seq: int, last_seq: int) -> None:
        """A batch with the records `first_seq` to `last_seq` has left through the air."""
        self.journal.tell("published", log_id=log_id, first_seq=first_seq, last_seq=last_seq)

    def answered(self, log_id: int, seq: int) -> None:
        """An acknowledgement of everything up to and with `seq` has come through the air."""
        self.journal.tell("answered", log_id=log_id, seq=seq)

    # ---- boots and power ----

    def boot(self, cause: int) -> None:
        """A boot begins; `cause` is what `machine.reset_cause()` will give."""
        self.reset_cause = cause
        self.powered = True
        self.loads.switched("cpu", "waking")
        if cause == DEEPSLEEP_RESET:
            return  # a wake continues the boot for whoever looks on: a press given during the sleep is judged
        if cause == PWRON_RESET:
            self.rtc_memory = b""
            self.rtc.power_on()
        self._is_ready = False
        self.log.booted()

    def stopped(self) -> None:
        """The processor has stopped at this instant.

        Its pins fall back to inputs, so lights go out, and a flash operation under way is torn.
        """
        self._armed.clear()
        for led in BUTTONS:
            self._light(led, 0)
        self._tone(0)
        self.loads.switched("radio", "off")
        self.loads.switched("cpu", "off")
        self._tear_flash()

    def fall_asleep(self, duration_ms: int, awake: Callable[[], None]) -> None:
        """The processor has stopped for a deep sleep of `duration_ms` at most (0: without a limit).

        `awake()` is called when the sleep is over, to start the processor again.
        """

        def over() -> None:
            rtc = self.rtc
            buttons = [button for button in BUTTONS if self.pins.buttons[button - 1] in rtc.woken_by]
            self.journal.tell("wake", cause="timer" if rtc.wake_reason == TIMER_WAKE else "pin", buttons=buttons)
            awake()

        self.journal.tell("sleep", mode="deep")
        self.loads.switched("cpu", "deep")
        self.rtc.fall_asleep(duration_ms, over)

    def set_supply(self, supply_mv: int) -> None:
        """The voltage of the battery becomes `supply_mv`; an ADC pin measures half of it."""
        self.supply_mv = supply_mv
        self.journal.tell("battery", mv=supply_mv)
        if self.processor:
            self.processor.supply_changed()

    def power_lost(self) -> None:
        """Somebody has pulled the plug."""
        self.powered = False
        self._is_ready = False
