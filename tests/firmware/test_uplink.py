"""When the uplink wants to be called again."""  # portable

from logs import Dice, mounted

from terminal.config import build
from terminal.uplink import Uplink
from terminal.wifi import OFF, ON


class Air:
    state = ON


def test_without_wifi_a_missed_attempt_does_not_keep_the_processor_awake():
    log, clock, _ = mounted()
    air = Air()
    config = build({"mqtt": {"host": "broker"}})["mqtt"]
    uplink = Uplink(config, "till-1", air, log, clock, Dice(), dict)
    uplink.opened(0)
    uplink.closed(1000)
    air.state = OFF
    assert uplink.step(500000, True) > 0
    assert uplink.wants(500000) is None
    air.state = ON
    assert uplink.step(500500, True) == 0
    assert uplink.wants(500500) == ("broker", 1883)
