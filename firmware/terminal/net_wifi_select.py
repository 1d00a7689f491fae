"""What only some Wi-Fi sites need: which of several known networks to try, and an address that is fixed."""


def in_turn(networks, radio):
    """The networks worth a try: those that are heard, the strongest first, then the hidden ones. If there are none, all
    of them as they stand in the configuration.

    networks: as configured; radio: a `network.WLAN` that is on, or None if nobody may look, for it takes 2 s in which
    the CPU stands still. A network is joined as it is configured: one with a password never as an open one of the same
    name, which might be anybody's.
    """
    signals = _heard(radio) if radio else {}
    heard = [network for network in networks if network["ssid"].encode() in signals]
    heard.sort(key=lambda network: -signals[network["ssid"].encode()])
    hidden = [network for network in networks if network["hidden"] and network not in heard]
    return heard + hidden or list(networks)


def _heard(radio):
    """{ssid as bytes: signal in dBm}"""
    signals = {}
    try:
        radio.active(True)
        for heard in radio.scan():
            ssid = bytes(heard[0])
            signals[ssid] = max(heard[3], signals.get(ssid, -200))
    except OSError:
        pass
    return signals


def set_address(radio, static):
    """static: None for DHCP, or a section of that name."""
    if static:
        dns = static["dns"] or static["gateway"]
        radio.ifconfig((static["ip"], static["mask"], static["gateway"], dns))
    else:
        radio.ifconfig("dhcp")
