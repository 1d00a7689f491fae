"""`network` of a simulated board: there is one Wi-Fi network in the air, or none."""

# mypy: ignore-errors

import bus

STA_IF = 0
AP_IF = 1
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_NO_AP_FOUND = 201
STAT_WRONG_PASSWORD = 202

SSID = "hymio-sim"
_hostname = "esp32"


class WLAN:
    """The station interface."""

    IF_STA = STA_IF
    IF_AP = AP_IF
    _only = None

    def __new__(cls, interface=STA_IF):
        """The one object for the station interface."""
        if WLAN._only is None:
            WLAN._only = object.__new__(cls)
            WLAN._only._active = False
            WLAN._only._ssid = None
            WLAN._only._since_ms = 0
        return WLAN._only

    def __init__(self, interface=STA_IF):
        pass

    def active(self, on=None):
        """Whether the radio is on; with an argument it switches the radio."""
        if on is None:
            return self._active
        if self._active != bool(on):
            bus.port.radio(bool(on))
        self._active = bool(on)
        if not on:
            self._ssid = None
        return self._active

    def connect(self, ssid=None, key=None, bssid=None):
        """Begins to join the network; the driver goes on trying by itself."""
        if not self._active:
            raise OSError("Wifi Not Started")
        if self._ssid is not None and not self.isconnected():
            # The driver says this to a second connect() while the first one is still trying.
            raise OSError("Wifi Internal Error")
        self._ssid = ssid
        self._since_ms = bus.port.ticks_ms()

    def disconnect(self):
        """Leaves the network, or stops trying to join it."""
        self._ssid = None

    def _present(self):
        bus.port.take_waiting()
        return self._active and self._ssid == SSID and bus.port.network

    def isconnected(self):
        """Whether the board has an IP address."""
        if not self._present():
            return False
        now_ms = bus.port.ticks_ms()
        # Joining starts anew when the network comes back.
        join_ms = bus.port.join_ms
        return now_ms - self._since_ms >= join_ms and now_ms - bus.port.network_since_ms >= join_ms

    def status(self, what=None):
        """One of STAT_*; with "rssi" the signal strength in dBm."""
        if what == "rssi":
            return -60
        if self._ssid is None:
            return STAT_IDLE
        if self.isconnected():
            return STAT_GOT_IP
        return STAT_CONNECTING if self._present() else STAT_NO_AP_FOUND

    def scan(self):
        """(ssid, bssid, channel, dBm, security, hidden) of each network in the air."""
        if not self._active:
            raise OSError("STA must be active")
        bus.port.take_waiting()
        return [(SSID.encode(), bytes(6), 1, -60, 0, False)] if bus.port.network else []

    def ifconfig(self, config=None):
        """(address, netmask, gateway, dns); what is set has no effect here."""
        if config is None:
            if self.isconnected():
                return ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")
            return ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")

    def config(self, *names, **values):
        """Accepts any settings; gives "mac" and "ssid"."""
        if not names:
            return None
        if names[0] == "mac":
            return bus.port.mac
        if names[0] in ("ssid", "essid"):
            return self._ssid or ""
        return 0


def hostname(name=None):
    """The name for DHCP; with an argument it sets the name."""
    global _hostname
    if name is not None:
        _hostname = name
    return _hostname


def country(code=None):
    """Accepts a country code, without effect."""
    return code or "XX"
