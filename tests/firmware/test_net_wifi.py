"""The keeper of the Wi-Fi: one network or several, and what to do when nothing comes through."""  # portable

from terminal.config import build
from terminal.net_wifi import CONNECTING, OFF, ON, Wifi
from terminal.net_wifi_select import in_turn, set_address


class Air:
    """A board in the air of some networks: {ssid: password}, and a driver that never gives up by itself."""

    def __init__(self, networks, hidden=(), strongest=""):
        self.networks = networks
        self.strongest = strongest
        self.hidden = hidden
        self.now_ms = 0
        self.told = []  # what the keeper did, in order
        self.joined = None
        self.scans = 0

    def ticks_ms(self):
        return self.now_ms

    def wifi_start(self, ssid, password, static=None):
        assert self.joined is None, "connected twice: Wifi Internal Error"
        self.joined = (ssid, password)
        self.told.append(ssid)

    def wifi_stop(self):
        self.joined = None
        self.told.append("off")

    def wifi_up(self):
        return self.joined is not None and self.networks.get(self.joined[0]) == self.joined[1]

    def radio(self):
        return self

    def active(self, on):
        assert on

    def scan(self):
        self.scans += 1
        self.now_ms += 2000
        found = [(b"stranger", b"", 1, -30, 0, False)]
        for ssid in self.networks:
            name = b"" if ssid in self.hidden else ssid.encode()
            found.append((name, b"", 1, -40 if ssid == self.strongest else -60, 3, not name))
        return found


def keeper(air, **wifi):
    still = []
    keeper = Wifi(air, build({"wifi": wifi})["wifi"], lambda since_ms, now_ms: still.append(now_ms - since_ms))
    keeper.still = still
    return keeper


def run(wifi, air, ms):
    """Lets time pass."""
    end_ms = air.now_ms + ms
    while air.now_ms < end_ms:
        air.now_ms += max(1, wifi.step(air.now_ms))


def test_one_network_is_joined_once_and_watched():
    air = Air({})
    wifi = keeper(air, ssid="shop", password="secret-1")
    wifi.start(0)
    wifi.start(0)
    assert wifi.state == CONNECTING and wifi.is_started
    run(wifi, air, 50000)
    assert air.told == ["shop"], "the driver tries by itself: leave it alone"
    air.networks["shop"] = "secret-1"
    run(wifi, air, 1000)
    assert wifi.state == ON and air.told == ["shop"]
    air.networks.clear()
    run(wifi, air, 1000)
    assert wifi.state == CONNECTING
    run(wifi, air, 70000)
    assert air.told == ["shop", "off", "shop"], "after a minute the radio starts anew"
    wifi.stop()
    assert wifi.state == OFF and not wifi.is_started
    assert wifi.step(air.now_ms) == 60000


def test_without_a_network_the_radio_stays_off():
    air = Air({})
    wifi = keeper(air)
    wifi.start(0)
    assert wifi.networks == [] and not wifi.is_started and wifi.state == OFF


def test_the_radio_is_off_for_a_moment_before_it_is_on_again():
    air = Air({"shop": ""})
    wifi = keeper(air, ssid="shop")
    wifi.start(0)
    run(wifi, air, 1000)
    wifi.restart(air.now_ms)
    assert wifi.state == CONNECTING and air.joined is None
    run(wifi, air, 400)
    assert air.told == ["shop", "off"]
    run(wifi, air, 2000)
    assert air.told == ["shop", "off", "shop"] and wifi.state == ON


def test_the_strongest_known_network_that_is_heard_comes_first():
    air = Air({"back": "secret-2", "shop": "secret-1"}, strongest="back")
    wifi = keeper(air, ssid="shop", password="secret-1", networks=[{"ssid": "back", "password": "secret-2"}])
    wifi.may_scan = True
    wifi.start(0)
    run(wifi, air, 3000)
    assert air.told == ["back"] and wifi.state == ON
    assert air.scans == 1 and wifi.still == [2000], "the scan is told as a standstill"


def test_a_wrong_password_leads_on_to_the_next_network():
    air = Air({"shop": "changed-on-friday", "back": "secret-2"}, strongest="shop")
    wifi = keeper(air, ssid="shop", password="secret-1", networks=[{"ssid": "back", "password": "secret-2"}])
    wifi.may_scan = True
    wifi.start(0)
    run(wifi, air, 30000)
    assert air.told == ["shop", "off", "back"] and wifi.state == ON


def test_a_hidden_network_is_tried_blindly_and_one_that_is_not_there_is_not_tried():
    air = Air({"cellar": "secret-3"}, hidden=("cellar",))
    known = [{"ssid": "back", "password": "secret-2"}, {"ssid": "cellar", "password": "secret-3", "hidden": True}]
    wifi = keeper(air, ssid="shop", password="secret-1", networks=known)
    wifi.may_scan = True
    wifi.start(0)
    run(wifi, air, 5000)
    assert air.told == ["cellar"] and wifi.state == ON


def test_a_hidden_main_network_is_tried_after_those_that_are_heard():
    networks = [{"ssid": "back", "password": "secret-2"}]
    air = Air({"shop": "secret-1", "back": "another"}, hidden=("shop",))
    wifi = keeper(air, ssid="shop", password="secret-1", hidden=True, networks=networks)
    wifi.may_scan = True
    wifi.start(0)
    run(wifi, air, 60000)
    assert air.told == ["back", "off", "shop"] and wifi.state == ON


def test_while_a_finger_is_near_nobody_looks_around():
    air = Air({"back": "secret-2"})
    wifi = keeper(air, ssid="shop", password="secret-1", networks=[{"ssid": "back", "password": "secret-2"}])
    wifi.start(0)
    run(wifi, air, 30000)
    assert air.scans == 0 and air.told == ["shop", "off", "back"] and wifi.state == ON


def test_an_open_network_is_joined_only_if_it_is_listed_as_open():
    networks = build({"wifi": {"networks": [{"ssid": "shop", "password": "secret-1"}, {"ssid": "guests"}]}})
    networks = networks["wifi"]["networks"]
    air = Air({"shop": "", "guests": ""}, strongest="shop")
    assert [network["ssid"] for network in in_turn(networks, air)] == ["shop", "guests"]
    wifi = keeper(air, networks=networks)
    wifi.may_scan = True
    wifi.start(0)
    run(wifi, air, 60000)
    assert air.joined == ("guests", "") and wifi.state == ON, "an open `shop` is not ours"


def test_nothing_heard_and_a_radio_that_fails_mean_all_in_turn():
    networks = build({"wifi": {"networks": [{"ssid": "a"}, {"ssid": "b"}]}})["wifi"]["networks"]

    class Broken(Air):
        def scan(self):
            raise OSError("Wifi Internal Error")

    for radio in (None, Air({}), Broken({})):
        assert in_turn(networks, radio) == networks


def test_a_fixed_address_and_back_to_dhcp():
    class Radio:
        def ifconfig(self, given):
            self.given = given

    radio = Radio()
    static = {"ip": "192.0.2.10", "mask": "255.255.255.0", "gateway": "192.0.2.1", "dns": ""}
    set_address(radio, static)
    assert radio.given == ("192.0.2.10", "255.255.255.0", "192.0.2.1", "192.0.2.1")
    set_address(radio, None)
    assert radio.given == "dhcp"
