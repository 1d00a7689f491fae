"""Currents, times and batteries, each with its source: the one table behind `hymio sim energy`.

Where a source begins with "estimate", nobody has measured the figure with this firmware yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from hymio_sim.flash.chip import TIMES

_DATASHEET = "ESP32 Series Datasheet, table of power consumption by power modes"
_WAKES = "measured on an ESP32-WROOM-32, from the end of deep sleep to the first line of the program"


Install = Literal["frozen", "files"]
"""How the firmware came onto the board: frozen into its image, or as files in its file system."""


@dataclass(frozen=True)
class Current:
    """The current that a load draws in a state, in mA, on top of what all others draw."""

    load: str
    state: str
    ma: float
    cause: str
    source: str


@dataclass(frozen=True)
class Work:
    """For how many milliseconds a piece of work keeps the processor awake; virtual time stands still meanwhile."""

    what: str
    ms: float
    cause: str
    source: str


@dataclass(frozen=True)
class Wake:
    """What passes from the event that ends a deep sleep to the first line of the application: time and charge."""

    ms: float
    mc: float
    start_ms: float
    """How long the application then takes until its first step: it loads modules, its board and what it remembers."""
    source: str


@dataclass(frozen=True)
class Battery:
    """A battery of two cells in series.

    `mah` is its capacity, `usable` the share of it that comes out before the pair falls to 2.5 V, `loss` the share that
    it loses by itself in a year.
    """

    chemistry: str
    mah: float
    usable: float
    loss: float
    source: str

    @property
    def coulomb(self) -> float:
        """The charge that the terminal gets, if the battery loses nothing by itself."""
        return self.mah * 3.6 * self.usable


WAKES: Final[dict[Install, Wake]] = {
    "frozen": Wake(
        70, 3.3, 60, f"{_WAKES}, all of it frozen into the image; its own start: estimate, 25 frozen modules"
    ),
    "files": Wake(
        640,
        42,
        290,
        f"{_WAKES}, from the file system; its own start: estimate, as frozen and 34 kB of .mpy from littlefs",
    ),
}

AWAKE_MA: Final = 40.0
DHCP_MS: Final = 1400.0
TLS_MS: Final = 1200.0
"""A handshake with elliptic curves, radio on: what it adds to a measured wake with Wi-Fi and one MQTT publish."""
_ONLINE_MA = 131.0

CURRENTS: Final = (
    Current("cpu", "deep", 0.010, "deep sleep", f"{_DATASHEET}: RTC timer and RTC memory 10 uA, on a bare module"),
    Current("board", "on", 0.0015, "deep sleep", "estimate: a divider of 2 x 1 Mohm at 3 V to measure the battery"),
    Current("cpu", "light", 0.8, "light sleep", f"{_DATASHEET}: 0.8 mA"),
    Current("cpu", "awake", AWAKE_MA, "awake", f"{_DATASHEET}: modem-sleep at 160 MHz, two cores, 27 to 44 mA"),
    Current(
        "radio", "on", _ONLINE_MA - AWAKE_MA, "radio",
        "measured: wake, Wi-Fi with DHCP and MQTT publish take 1.6 s and 204 mC; less 70 ms and 3.3 mC of waking "
        "131 mA on average, the processor included",
    ),
    Current("flash", "program", 20.0, "flash", "Winbond W25Q32JV, DC characteristics: page program 20 mA typical"),
    Current("flash", "erase", 20.0, "flash", "Winbond W25Q32JV, DC characteristics: sector erase 20 mA typical"),
    Current("light", "100 %", 5.0, "lights", "estimate: an LED of 2 V behind 200 ohm at 3 V"),
    Current("buzzer", "on", 5.0, "buzzer", "estimate: a passive piezo disc behind a transistor"),
)  # fmt: skip

WORK: Final = (
    Work("step", 1.0, "awake", "estimate: some 40 calls of 20 to 30 us each at 160 MHz"),
    Work("record", 3.0, "awake", "estimate: verdict, record, CRC by table, read-back"),
    Work("nap", 1.0, "awake", "estimate: esp_light_sleep_start and the way back"),
)

_ALKALINE = (
    "Energizer E91 datasheet: 3000 mAh at 25 mA to 0.8 V, 10 years on the shelf; estimate: 55 % of it above 1.25 V a "
    "cell, 3 % lost a year"
)
_LITHIUM = (
    "Energizer L91 datasheet: 3500 mAh at low drain, over 20 years on the shelf; estimate: 95 % of it above 1.25 V a "
    "cell, 0.6 % lost a year"
)
BATTERIES: Final = {
    "2xAA": Battery("lithium", 3500, 0.95, 0.006, _LITHIUM),
    "2xAA-alkaline": Battery("alkaline", 3000, 0.55, 0.03, _ALKALINE),
}
"""Two cells in series, straight on the 3.3 V rail, because most regulators draw more than the sleeping chip. 2xAA means
lithium cells: alkaline ones still hold nearly half of their charge when an ESP32 without a regulator stops. The default
of `power.low_mv` is 2.5 V; the brown-out detector resets the chip at 2.43 V, the default of ESP-IDF."""


def rows() -> list[tuple[str, str, str]]:
    """Everything above as rows for people: what, how much, and the source."""
    found = [(f"{item.load}, {item.state}", f"{item.ma:g} mA", item.source) for item in CURRENTS]
    found += [
        (f"wake, {name}", f"{w.ms:g} ms, {w.mc:g} mC, then {w.start_ms:g} ms", w.source) for name, w in WAKES.items()
    ]
    found += [(f"processor, {item.what}", f"{item.ms:g} ms", item.source) for item in WORK]
    found.append(("Wi-Fi to an address by DHCP", f"{DHCP_MS:g} ms", "of the 1.6 s above, less waking and publishing"))
    found.append(("TLS handshake", f"{TLS_MS:g} ms", "measured as what it adds to wake, Wi-Fi and MQTT publish"))
    times = TIMES["typical"]
    flash = f"{times.program_us / 1000:g} ms, {times.erase_us / 1000:g} ms"
    found.append(("flash, program a page, erase a sector", flash, "Winbond W25Q32JV, AC characteristics, typical"))
    for name, battery in BATTERIES.items():
        share = f"{battery.mah:g} mAh, {100 * battery.usable:g} % of it"
        found.append((f"battery {name}, {battery.chemistry}", share, battery.source))
    return found
