"""Wiring that can't work is refused with its reason; a wake tells its button by what the image offers."""  # portable

from terminal.config import build
from terminal.wiring import Wiring

BUTTONS = [25, 26, 27, 33]
LEDS = [18, 19, 21, 22]
STRAPPING = "is a strapping pin: it decides how the chip boots"
NO_WAKE = "pins.buttons: 18 can't wake the esp32 (power.profile light)"
ANY_LOW = "pins.active_low: the esp32 wakes when all are low, not any: wire the buttons to 3.3 V"


def refusal(chip, profile="mains", battery=None, **pins):
    config = build({"power": {"profile": profile, "battery": battery}, "pins": pins})
    try:
        Wiring(chip, config["pins"], config["power"])
    except ValueError as error:
        return str(error)
    return ""


def test_the_default_wiring_of_every_chip_works_and_wakes_it():
    for chip in ("esp32", "esp32s2", "esp32s3", "esp32c6"):
        for profile in ("mains", "light", "deep"):
            assert refusal(chip, profile) == "", (chip, profile)
    assert refusal("esp32c3") == ""


def test_impossible_wiring():
    table = (
        ("esp32", {"buttons": [25, 26, 27, 34]}, "pins.buttons: 34 has no pull resistor (esp32)"),
        ("esp32", {"leds": [18, 19, 21, 36]}, "pins.leds: 36 is no output (esp32)"),
        ("esp32", {"buttons": [25, 26, 27, 12]}, "pins.buttons: 12 " + STRAPPING + " (esp32)"),
        ("esp32s3", {"buzzer": 45}, "pins.buzzer: 45 " + STRAPPING + " (esp32s3)"),
        ("esp32c6", {"neopixel": 8}, "pins.neopixel: 8 " + STRAPPING + " (esp32c6)"),
        ("esp32", {"buttons": [6, 7, 8, 9]}, "pins.buttons: 6 belongs to the flash chip (esp32)"),
        ("esp32", {"leds": [25, 19, 21, 22]}, "pins.leds: 25 has two uses (esp32)"),
        ("esp32", {"battery": 4}, "power.battery: 4 is no pin of ADC1, the only one beside the radio"),
        ("esp32", {"profile": "deep", "active_low": True}, ANY_LOW),
        ("esp32", {"profile": "light", "buttons": LEDS, "leds": BUTTONS}, NO_WAKE),
        ("esp32c3", {"profile": "deep"}, "power.profile: the esp32c3 can't be woken by four buttons, expected mains"),
    )  # fmt: skip
    for chip, change, expected in table:
        assert refusal(chip, **change) == expected, (chip, change)


CONSOLE = "belongs to the console: the cable would be dead"
USB = "belongs to the USB port: the cable would be dead"
FLASH = "belongs to the flash chip"
PSRAM = "belongs to the PSRAM that some modules have; if this one has none, say so: pins.psram false"
NONE = "is no pin of this chip"


def test_every_number_of_every_chip_is_a_pin_that_works_or_is_refused_with_its_reason():
    # By Espressif's pages of each chip ("GPIO & RTC GPIO") and soc/uart_pins.h: the numbers up to 48 for each reason.
    table = {
        "esp32": (
            (NONE, (20, 24)), (NONE, range(28, 32)), (NONE, range(40, 49)), (STRAPPING, (0, 2, 5, 12, 15)),
            (FLASH, range(6, 12)), (CONSOLE, (1, 3)), (PSRAM, (16, 17)), ("is no output", range(34, 40)),
        ),
        "esp32s2": (
            (NONE, (22, 23, 24, 25, 47, 48)), (STRAPPING, (0, 45, 46)), (FLASH, range(26, 33)),
            (CONSOLE, (43, 44)), (USB, (19, 20)),
        ),
        "esp32s3": (
            (NONE, (22, 23, 24, 25)), (STRAPPING, (0, 3, 45, 46)), (FLASH, range(26, 33)),
            (CONSOLE, (43, 44)), (USB, (19, 20)), (PSRAM, range(33, 38)),
        ),
        "esp32c3": (
            (NONE, range(22, 49)), (STRAPPING, (2, 8, 9)), (FLASH, range(11, 18)), (CONSOLE, (20, 21)), (USB, (18, 19)),
        ),
        "esp32c6": (
            (NONE, range(31, 49)), (STRAPPING, (4, 5, 8, 9, 15)), (FLASH, range(24, 31)),
            (CONSOLE, (16, 17)), (USB, (12, 13)),
        ),
    }  # fmt: skip
    for chip, refused in table.items():
        expected = {}
        for reason, pins in refused:
            expected.update({pin: "pins.buzzer: %d %s (%s)" % (pin, reason, chip) for pin in pins})
        used = build({})
        wiring = Wiring(chip, used["pins"], used["power"])
        for pin in range(49):
            if pin in wiring.buttons or pin in wiring.leds:
                assert pin not in expected, (chip, pin)
            else:
                assert refusal(chip, buzzer=pin) == expected.get(pin, ""), (chip, pin)


def test_the_wiring_of_one_chip_is_refused_on_another():
    """The ESP32's own pins on a C3, where most of them do not exist."""
    pins = {"buttons": BUTTONS, "leds": LEDS}
    assert refusal("esp32", **pins) == ""
    assert refusal("esp32c3", **pins) == "pins.buttons: 25 " + NONE + " (esp32c3)"


def test_who_knows_that_there_is_no_psram_may_use_its_pins():
    for chip, leds in (("esp32", [16, 17, 18, 19]), ("esp32s3", [35, 36, 37, 38])):
        assert PSRAM in refusal(chip, leds=leds)
        assert PSRAM in refusal(chip, leds=leds, psram=True)
        assert refusal(chip, leds=leds, psram=False) == ""
    assert CONSOLE in refusal("esp32c6", leds=[16, 17, 18, 19], psram=False)


class Machine:
    """A `machine` after a wake."""

    EXT1_WAKE = 3

    def __init__(self, reason=3, status=0):
        self.mem32 = {0x3FF480D0: status, 0x600080E4: status}
        self._reason = reason

    def wake_reason(self):
        return self._reason


class NewerMachine(Machine):
    """One of an image that names the pins."""

    def wake_pins(self):
        return (27, 25)


def test_which_button_woke_it():
    config = build({})
    wiring = Wiring("esp32", config["pins"], config["power"])  # buttons 25, 26, 27, 33
    assert wiring.woken_by(NewerMachine()) == 0b0101
    # RTC pins 6, 7, 17, 8
    for status, mask in ((1 << 6, 1), (1 << 7, 2), (1 << 17, 4), (1 << 8, 8), (1 << 6 | 1 << 8, 9), (0, 0)):
        assert wiring.woken_by(Machine(status=status)) == mask
    assert wiring.woken_by(Machine(reason=4, status=1 << 6)) == 0
    wiring = Wiring("esp32s3", config["pins"], config["power"])  # buttons 4 to 7, RTC pins of the same number
    assert wiring.woken_by(Machine(status=1 << 7)) == 8
    wiring = Wiring("esp32s2", config["pins"], config["power"])
    assert wiring.woken_by(Machine(status=1 << 7)) == 0  # its register is not known: the buttons that are down tell
