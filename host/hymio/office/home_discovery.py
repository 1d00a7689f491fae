"""A terminal as a device of Home Assistant (MQTT discovery): its entities, and the figures that they show.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
https://developers.home-assistant.io/docs/core/entity/sensor/#long-term-statistics
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from hymio import __version__
from hymio.common.errors import WRONG_USE, Failure
from hymio.measures.happy_index import FACES, happy_index
from hymio.store.known_terminals import Facts

FIGURES: Final = "figures"
"""The topic below hymio/<device_id>/ on which the collector publishes figures."""
ONLINE: Final = b"online"
OFFLINE: Final = b"offline"
"""What a collector says of itself, and what the broker says in its place."""
_ICONS: Final = ("emoticon-angry", "emoticon-sad", "emoticon-happy", "emoticon-excited")


def check_prefix(prefix: str) -> str:
    """Gives the prefix back if it can begin a topic.

    Raises:
        Failure: 2, it can't.
    """
    if not prefix or any(sign in prefix for sign in "+#\0") or prefix.strip("/") != prefix:
        raise Failure(WRONG_USE, f"--home-assistant {prefix!r} can't begin a topic.", "The usual one: homeassistant")
    return prefix


def discovery_topic(prefix: str, device_id: str) -> str:
    """The topic on which Home Assistant looks for the device."""
    return f"{prefix}/device/hymio_{device_id}/config"


def availability_topic(collector_id: str) -> str:
    """The topic on which a collector says `online`, and the broker `offline` in its place.

    No terminal can be called _collector.
    """
    return f"hymio/_collector/{collector_id}/availability"


def discovery(device_id: str, facts: Facts, collector_id: str, tells_votes: bool = True) -> dict[str, Any]:
    """The device-based discovery payload; battery and signal are in it only if the terminal has them.

    Of one that asks staff nothing of votes is in it.
    """

    def sensor(key: str, name: str, **more: Any) -> dict[str, Any]:
        template = f"{{{{ value_json.{key} }}}}"
        return {
            "p": "sensor",
            "unique_id": f"hymio_{device_id}_{key}",
            "name": name,
            "value_template": template,
            **more,
        }

    diagnostic = {"entity_category": "diagnostic"}
    # A vote may be taken back (by a correction, or two buttons at once), which `total_increasing` would take for a new
    # meter. Where the new day begins is told, so that nobody has to see the moment at which the figures fall to 0.
    votes_of_day = {
        "unit_of_measurement": "votes",
        "state_class": "total",
        "last_reset_value_template": "{{ value_json.day_began }}",
    }
    votes = [
        *(
            sensor(f"face_{face}", f"{name.capitalize()} today", icon=f"mdi:{icon}", **votes_of_day)
            for face, (name, icon) in enumerate(zip(FACES, _ICONS, strict=True), 1)
        ),
        sensor("votes", "Votes today", icon="mdi:vote", **votes_of_day),
        sensor("happy_index", "Happy Index today", icon="mdi:emoticon", state_class="measurement",
               suggested_display_precision=1),
    ]  # fmt: skip
    sensors = [
        *(votes if tells_votes else ()),
        sensor("last_seen", "Last seen", device_class="timestamp", **diagnostic),
        sensor("quarantined", "In quarantine", icon="mdi:tray-alert", state_class="measurement", **diagnostic),
    ]
    if facts.supply_mv is not None:
        sensors.append(
            sensor("supply_mv", "Battery", device_class="voltage", unit_of_measurement="mV", state_class="measurement",
                   **diagnostic)
        )  # fmt: skip
    if facts.rssi is not None:
        sensors.append(
            sensor("rssi", "Signal", device_class="signal_strength", unit_of_measurement="dBm",
                   state_class="measurement", **diagnostic)
        )  # fmt: skip
    components = {one["unique_id"]: one for one in sensors}
    components[f"hymio_{device_id}_connected"] = {
        "p": "binary_sensor",
        "unique_id": f"hymio_{device_id}_connected",
        "name": "Connected",
        "device_class": "connectivity",
        "state_topic": f"hymio/{device_id}/state",
        # A terminal that sleeps has ended its connection properly, and is well.
        "value_template": "{{ 'OFF' if value_json.state == 'offline' else 'ON' }}",
        # The terminal says this itself, and the broker says it in its place, so it holds without a collector, too.
        "availability": [],
        **diagnostic,
    }
    device = {"ids": [f"hymio_{device_id}"], "name": device_id, "mf": "hymio", "mdl": "smiley terminal"}
    if facts.firmware is not None:
        device["sw"] = facts.firmware
    return {
        "dev": device,
        "o": {"name": "hymio", "sw": __version__},
        "cmps": components,
        "state_topic": f"hymio/{device_id}/{FIGURES}",
        "availability": [{"topic": availability_topic(collector_id)}],
        "availability_mode": "all",
        "qos": 1,
    }


def figures(
    faces: list[int] | None, facts: Facts, seen_utc: float, day_began_utc: float, quarantined: int = 0
) -> dict[str, Any]:
    """The content of `hymio/<device_id>/figures`: the day so far; without faces of one that asks staff."""
    index = None if faces is None else happy_index(faces)
    return {
        **{f"face_{face}": None if faces is None else faces[face - 1] for face in range(1, 5)},
        "votes": None if faces is None else sum(faces),
        "happy_index": None if index is None else round(index, 1),
        "supply_mv": facts.supply_mv,
        "rssi": facts.rssi,
        "last_seen": _iso(seen_utc),
        "day_began": _iso(day_began_utc),
        "quarantined": quarantined,
    }


def _iso(utc_s: float) -> str:
    return datetime.fromtimestamp(int(utc_s), UTC).isoformat()
