"""What a supply allows that never ends."""

from .compat import const

MAINS = const(0)
PROFILES = ("mains", "light", "deep")


class Mains:
    """In the place of a `power.Power`, where there is neither sleep nor a battery."""

    profile = MAINS
    supply_mv = None
    is_low = False

    def __init__(self, settings):
        """settings: section `power`."""
        self.low_mv = settings["low_mv"]
        self.unhappy = 0

    def step(self, now_ms):
        """There is nothing to look at."""

    start = stay_awake = step

    def radio(self, now_ms, uptime_ms, unsent, is_settled):
        """It is on, always."""
        return True

    def next_upload_s(self, uptime_ms):
        """The radio is on, always."""
        return 0
