"""What the mains allow: everything, always."""

from .compat import const

MAINS = const(0)
PROFILES = ("mains", "light", "deep")


class Mains:
    """Stands in for a `sleep_power.Power` where there is neither sleep nor a battery."""

    profile = MAINS
    supply_mv = None
    is_low = False

    def __init__(self, settings):
        """settings: the section `power`."""
        self.low_mv = settings["low_mv"]
        self.unhappy = 0

    def step(self, now_ms):
        """Does nothing: there is no battery to look at."""

    start = stay_awake = step

    def radio(self, now_ms, uptime_ms, unsent, is_settled):
        """Whether the radio should be on: always."""
        return True

    def next_upload_s(self, uptime_ms):
        """Gives the seconds until the radio is switched on: it is on."""
        return 0
