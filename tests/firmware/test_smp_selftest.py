"""What a self-test and identify do to a terminal, and what they leave alone."""

import pytest
from hand_board import HandBoard
from logs import mounted, press
from ram_flash import RamFlash
from test_console import ask

from terminal import log_selftest
from terminal.app import App
from terminal.config import build
from terminal.console import Console
from terminal.log_record import COUNTED, SECTOR, SLOTS, TEST
from terminal.net_wifi import CONNECTING, OFF, ON

READ, WRITE = 0, 2
BLANK = b"\xff" * SECTOR


class Radio:
    """A `network.WLAN` that hears these: {ssid: dBm}."""

    def __init__(self, heard):
        self.heard = heard
        self.told = []

    def active(self, on):
        self.told.append("on" if on else "off")

    def disconnect(self):
        self.told.append("leave")

    def scan(self):
        self.told.append("scan")
        return [(ssid.encode(), b"", 1, rssi, 3, False) for ssid, rssi in self.heard.items()]


class Bench(HandBoard):
    """A board with a radio and a supply, and presses of 80 ms."""

    supply_mv = None
    has_buzzer = False
    is_up = False

    def __init__(self, flash, heard=None):
        super().__init__(flash)
        self.air = Radio(heard or {})
        self.shown = [0, 0, 0, 0]

    def light(self, button, percent):
        super().light(button, percent)
        self.shown[button - 1] = percent

    def tone(self, hz):
        return self.has_buzzer

    def battery_mv(self):
        return self.supply_mv

    def radio(self):
        return self.air

    def wifi_start(self, ssid, password, static):
        self.air.told.append("join")

    def wifi_stop(self):
        self.air.told.append("off")

    def wifi_up(self):
        return self.is_up

    def wifi_rssi(self):
        return -70


class Terminal:
    """An application on such a board in virtual time, with a cable."""

    def __init__(self, home=None, heard=None, sectors=4, **config):
        self.board = Bench(RamFlash(sectors), heard)
        self.app = App(build(config), self.board, "0.1.0", "", home)
        self.app.start(0)
        self.console = Console(self.app)

    def run(self, ms):
        for _ in range(ms // 10):
            self.board.now_ms += 10
            self.app.step(self.board.now_ms)

    def press(self, button):
        self.board.closed = 1 << button - 1
        self.run(80)
        self.board.closed = 0
        self.run(100)

    def order(self, test, n=None, command=5):
        request = {"name": test} if n is None else {"name": test, "n": n}
        self.app.console_received(self.board.now_ms, b"")
        return ask(self.console, WRITE, 72, command, request)[1]


def records(app):
    """(kind, code) of all of them."""
    from terminal.log_reader import END, Reader

    reader = Reader(app.log)
    reader.seek(app.log.oldest_seq)
    found = []
    while (kind := reader.next()) != END:
        if kind:
            found.append((kind, reader.record[0] >> 4))
    return found


def test_identify_blinks_and_writes_nothing():
    terminal = Terminal()
    before = bytes(terminal.board.flash.image)
    assert ask(terminal.console, WRITE, 72, 6, {})[1] == {"s": 10}
    terminal.run(2900)  # no longer: after 3 s the log erases a sector ahead
    assert terminal.board.lit == 24 and bytes(terminal.board.flash.image) == before
    terminal.run(10000)
    assert terminal.board.lit == 80 and terminal.board.shown == [0, 0, 0, 0]


def test_a_terminal_that_does_not_count_says_so():
    board = Bench(None)
    board.flash_problem = "no partition"
    app = App(build({}), board, "0.1.0", "")
    app.start(0)
    console = Console(app)
    assert ask(console, WRITE, 72, 6, {})[1] == {"s": 0}
    for test in ("record", "flash", "light", "tone", "mqtt"):
        assert ask(console, WRITE, 72, 5, {"name": test, "n": 1})[1] == {"err": {"group": 72, "rc": 3}}, test
    assert ask(console, READ, 72, 5, {})[1]["buttons"] == 0


@pytest.mark.parametrize(
    ("request_", "error"),
    [({}, 2), ({"name": "no such"}, 2), ({"name": "light"}, 2), ({"name": "light", "n": 5}, 2), ({"name": "mqtt"}, 2)],
)
def test_what_is_no_test(request_, error):
    assert ask(Terminal().console, WRITE, 72, 5, request_)[1] in ({"err": {"group": 72, "rc": error}}, {"rc": 3})


def test_presses_under_a_light_are_tests_and_after_it_votes():
    terminal = Terminal()
    board = terminal.board
    assert terminal.order("light", 3) == {"ok": True, "tot": [0, 0, 0, 0]}
    assert board.shown == [0, 0, 100, 0]
    terminal.press(3)
    assert terminal.order("light", 4)["tot"] == [0, 0, 1, 0]
    terminal.run(10)
    assert board.shown == [0, 0, 0, 100]
    terminal.press(4)
    terminal.order("light", 0)
    terminal.run(1500)  # the lock-out holds after a test, too
    assert board.shown == [0, 0, 0, 0]
    terminal.press(1)
    assert [code for kind, code in records(terminal.app) if kind == 1] == [TEST, TEST, COUNTED]


def test_a_cable_that_is_pulled_ends_the_test_within_seconds():
    terminal = Terminal()
    due_ms = 0
    terminal.order("light", 1)
    for ms in range(0, 3200, 1):  # called only when it asks for it
        terminal.board.now_ms = ms
        if ms >= due_ms:
            due_ms = terminal.app.step(ms)
    assert terminal.app.press_path.holds.mode == "" and terminal.board.shown == [0, 0, 0, 0]
    terminal.press(2)
    assert records(terminal.app)[-1] == (1, COUNTED)


def test_a_record_goes_the_way_of_a_vote_and_is_none():
    terminal = Terminal()
    told = terminal.order("record")
    assert told == {"ok": True, "s": 1, "ms": 0} and records(terminal.app)[-1][0] == 7
    assert terminal.app.log.totals == [0, 0, 0, 0]
    terminal.board.flash.skip_programs = 100
    assert terminal.order("record")["ok"] is False


def test_the_spare_sector_is_blank_before_and_after():
    terminal = Terminal()
    assert terminal.order("flash") == {"ok": None, "n": None}, "no sector is erased ahead yet"
    terminal.run(3100)
    flash = terminal.board.flash
    ahead = terminal.app.log.ahead
    programs, erases = flash.programs, sum(flash.erases)
    before = bytes(flash.image)
    told = terminal.order("flash")
    assert (told["ok"], told["n"], told["rsn"]) == (True, ahead, "")
    assert (flash.programs - programs, sum(flash.erases) - erases) == (64 + 1, 1)
    assert bytes(flash.image) == before and terminal.app.log.ahead == ahead
    terminal.press(1)
    assert terminal.app.log.totals == [1, 0, 0, 0]


def test_a_sector_that_fails_is_told_and_stepped_over(tmp_path):
    terminal = Terminal(f"{tmp_path}/")
    terminal.run(3100)
    log = terminal.app.log
    terminal.board.flash.skip_programs = 1
    assert terminal.order("flash")["rsn"] == "program"
    assert log.ahead == 1 and log.bad_sectors == 0, "it is erased and blank: the read-back of each record judges it"
    terminal.board.flash.bad_erase = (log.ahead,)
    assert terminal.order("flash")["rsn"] == "erase"
    assert log.ahead == -1 and log.bad_sectors == 1
    terminal.run(20)
    assert log.ahead == 2
    text = ask(terminal.console, READ, 72, 4, {"n": 1})[1]["d"]
    assert b"E self-test: sector 1: program" in text and b"E self-test: sector 1: erase" in text


def filled(records_held, acked=0, sectors=5):
    """A log with so many presses, of which the first `acked` are settled, and a sector erased ahead."""
    log, clock, flash = mounted(RamFlash(sectors))
    for _ in range(records_held):
        press(log, clock)
    if acked:
        assert log.settle(acked)
    log.open_ahead()
    if log.needs_sector:
        log.prepare()
    return log, flash


FULL = "every sector holds unsent votes"


@pytest.mark.parametrize(
    ("held", "acked", "why"),
    [
        (10, 0, ""),
        (2 * SLOTS + 10, 0, ""),  # sectors 0 1 2 in use, 3 ahead, 4 after it is free
        (3 * SLOTS + 10, 0, FULL),  # after 4, which is ahead, comes sector 0 with the oldest votes
        (3 * SLOTS + 10, SLOTS - 1, FULL),
        (3 * SLOTS + 10, SLOTS, ""),  # they are settled to the last
        (4 * SLOTS + 10, 0, FULL),
        (4 * SLOTS + 10, 4 * SLOTS + 10, ""),
        (9 * SLOTS + 10, 7 * SLOTS, ""),
        (9 * SLOTS + 10, 7 * SLOTS - 1, FULL),
    ],
)
def test_no_vote_is_put_at_stake_for_a_test(held, acked, why):
    log, flash = filled(held, acked)
    assert log_selftest.problem(log) == why
    unsent, lost, oldest = log.unsent, log.lost, log.oldest_seq
    if not why:
        flash.bad_erase = (log.ahead,)
        assert log_selftest.run(log) == "erase", "even a sector that is lost by it costs no unsent vote"
        log.prepare()
        assert (log.unsent, log.lost) == (unsent, lost) and log.oldest_seq >= oldest


def test_a_log_full_of_unsent_votes_and_a_low_battery_are_reasons_not_to():
    terminal = Terminal(power={"battery": 32})
    terminal.run(3100)
    log = terminal.app.log
    for _ in range(3 * SLOTS):
        press(log, terminal.app.clock)
    terminal.run(3100)
    before = bytes(terminal.board.flash.image)
    assert terminal.order("flash") == {"ok": None, "rsn": FULL}
    log.may_erase = False
    assert terminal.order("flash") == {"ok": None, "rsn": "battery low"}
    assert bytes(terminal.board.flash.image) == before


@pytest.mark.parametrize(
    ("configured", "state", "heard", "told", "radio"),
    [
        ("", OFF, {}, (False, 0, None), ["on", "scan", "off"]),
        ("", OFF, {"cafe": -40, "bar": -50}, (False, 2, None), ["on", "scan", "off"]),
        ("shop", ON, {"shop": -90, "cafe": -40}, (True, 2, -70), ["on", "scan"]),
        ("shop", ON, {"shop": -55}, (True, 1, -55), ["on", "scan"]),
        ("shop", ON, {"": -60}, (True, 1, -70), ["on", "scan"]),  # a hidden one: the driver tells of it
        ("shop", CONNECTING, {"cafe": -40}, (True, 1, None), ["leave", "on", "scan", "off"]),
        ("shop", CONNECTING, {"shop": -81}, (True, 1, -81), ["leave", "on", "scan", "off"]),
        ("shop", OFF, {"shop": -81}, (True, 1, -81), ["on", "scan", "off"]),
    ],
)
def test_a_look_around(configured, state, heard, told, radio):
    terminal = Terminal(heard=heard, wifi={"ssid": configured})
    wifi = terminal.app.wifi
    if state != OFF:
        wifi.start(0)
        wifi.state = state
    terminal.board.is_up = state == ON
    answer = terminal.order("wifi")
    assert (answer["ok"], answer["n"], answer["rssi"]) == told
    assert terminal.board.air.told == radio, "the radio is left as it was, and what still joins begins again"


@pytest.mark.parametrize(
    ("config", "has_target", "tls", "reason"),
    [
        ({}, False, False, ""),
        ({"mqtt": {"host": "broker"}}, True, False, ""),
        (
            {"mqtt": {"host": "broker", "tls": {"ca": "no.der"}}},
            False,
            True,
            "mqtt.tls.ca: no file no.der on the board",
        ),
    ],
)
def test_the_way_to_the_broker(config, has_target, tls, reason):
    told = Terminal(wifi={"ssid": "shop"}, **config).order("mqtt", 0)
    assert (told["ok"], told["tls"], told["rsn"], told["mqtt"]) == (has_target, tls, reason, 0)


def test_the_next_attempt_is_not_waited_for():
    terminal = Terminal(wifi={"ssid": "shop"}, mqtt={"host": "broker"})
    uplink = terminal.app.uplink
    terminal.app.wifi.state = ON
    uplink.opened(0)
    uplink.closed(0, "no answer")
    terminal.app.wifi.state = ON
    assert uplink.wants(1) is None and terminal.order("mqtt", 0)["rsn"] == "no answer" and uplink.wants(1) is None
    terminal.order("mqtt", 1)
    assert uplink.wants(1) == ("broker", 1883)


def test_files_and_buzzer(tmp_path):
    assert Terminal().order("files") == {"ok": None}
    assert Terminal(f"{tmp_path}/").order("files") == {"ok": True} and not (tmp_path / "selftest").exists()
    assert Terminal(f"{tmp_path}/nowhere/").order("files") == {"ok": False}
    terminal = Terminal()
    assert terminal.order("tone") == {"ok": False}
    terminal.board.has_buzzer = True
    assert terminal.order("tone") == {"ok": True}
