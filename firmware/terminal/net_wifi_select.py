"""What only some sites need of Wi-Fi: a choice between several known networks, and a fixed address."""


def in_turn(networks, radio):
    """Gives the networks that are worth a try: those that are heard, the strongest first, then the hidden ones.

    If there are none of either it gives all, as they stand in the configuration. networks: as configured; radio: a
    `network.WLAN`, or None if it must not scan now, because the CPU stands still for the 2 s that this takes.
    A network is joined as it is configured: one with a password is never taken for an open one of the same name, which
    might be anybody's.
    """
    signals = _heard(radio) if radio else {}
    heard = [network for network in networks if network["ssid"].encode() in signals]
    heard.sort(key=lambda network: -signals[network["ssid"].encode()])
    hidden = [network for network in networks if network["hidden"] and network not in heard]
    return heard + hidden or list(networks)


def _heard(radio):
    """Gives {ssid as bytes: signal in dBm} of a scan."""
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
    """Sets the address of the station. static: None for DHCP, or the section `static` of a network."""
    if static:
        dns = static["dns"] or static["gateway"]
        radio.ifconfig((static["ip"], static["mask"], static["gateway"], dns))
    else:
        radio.ifconfig("dhcp")
