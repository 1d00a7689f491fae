"""How a terminal that is not on mains waits, in light or in deep sleep, and how it goes on. Not loaded on mains."""

from . import sleep_log, sleep_memory, sleep_recall
from .compat import const
from .mains import MAINS
from .sleep_power import DEEP

_LONGEST_SLEEP_MS = const(43200000)
_LOW_SLEEP_MS = const(3600000)  # with a low battery: somebody may have changed it by then
_STUCK_SLEEP_MS = const(600000)  # a button that is out of play can't wake the chip: look whether it is free again


def remembered(board):
    """What `Sleeper` wrote down before the deep sleep that is over now; None if the chip has lost it."""
    return sleep_memory.unpack(board.remembered())


def remembered_log(slept, sectors):
    """What `RingLog.take` goes on with; None if the log must be mounted after all.

    slept: what `remembered` gave; sectors: of the log's partition.
    """
    return sleep_log.remembered(slept[0], sectors) if slept else None


class Sleeper:
    """Puts the chip to sleep when there is nothing to do, and has the modules go on after it."""

    def __init__(self, board, power, clock, text, log, press_path, wifi, calm_ms):
        """calm_ms: after so long without a finger it does not matter any more how long it has been."""
        self._board = board
        self._power = power
        self._clock = clock
        self._text = text
        self._log = log
        self._press_path = press_path
        self._wifi = wifi
        self._calm_ms = calm_ms
        self._slept_ms = 0

    def resume(self, slept, now_ms):
        """Clock and power go on after a deep sleep; the ticks began when something woke the chip.

        slept: what `remembered` gave. Gives (longest standstill in ms, ms without a finger if no button woke the chip).
        """
        rtc_ms = self._board.rtc_ms()
        sleep_recall.resume_clock(self._clock, slept[1], rtc_ms, now_ms)
        sleep_recall.resume_power(self._power, slept[2])
        self._slept_ms = max(0, rtc_ms - slept[4] - now_ms)
        return slept[6], slept[5] + self._slept_ms

    def resume_presses(self, slept, now_ms):
        """The press path goes on after `resume`: a button that woke the chip is a press."""
        sleep_recall.resume_presses(self._press_path, slept[3], self._slept_ms, 0, now_ms)

    def step(self, now_ms, wait_ms, owes_work, idle_ms, standstill_ms):
        """Sleeps, if the supply asks for it and nothing speaks against it. Gives the ms still to wait.

        wait_ms: how long nobody else has anything to do; owes_work: something must not wait until a sleep is over;
        idle_ms: since the last finger; standstill_ms: the longest standstill, to be remembered.
        """
        press_path = self._press_path
        power = self._power
        board = self._board
        log = self._log
        is_quiet = press_path.is_at_rest and not owes_work
        if press_path.holds.mode:
            power.stay_awake(now_ms)  # whoever holds the keys comes with a cable, and a sleeping chip loses its bytes
        how = power.rest(now_ms, wait_ms, is_quiet)
        if how == MAINS or self._wifi.is_started:
            return wait_ms
        buttons = press_path.may_wake
        if not is_quiet:
            board.light_sleep(wait_ms, buttons)
            return 0
        ms = _STUCK_SLEEP_MS if press_path.holds.stuck else _LONGEST_SLEEP_MS
        if self._wifi.networks:
            upload_ms = power.until_upload_ms(self._clock.uptime_ms())
            ms = min(ms, _LOW_SLEEP_MS if upload_ms < 0 else upload_ms)
        idle_ms = min(self._calm_ms, idle_ms)
        if log.needs_sector and log.may_erase:
            ms = min(ms, max(1, self._calm_ms - idle_ms))
        if how != DEEP or not self._sleep_deeply(now_ms, ms, buttons, idle_ms, standstill_ms):
            board.light_sleep(ms, buttons)
        return 0

    def _sleep_deeply(self, now_ms, ms, buttons, idle_ms, standstill_ms):
        """On a board this call does not come back, unless there is too much to remember: then it gives False."""
        self._text.flush()
        board = self._board
        rtc_ms = board.rtc_ms()
        state = sleep_log.state(self._log)
        if state is None:
            return False
        data = sleep_memory.pack([
            state,
            sleep_recall.clock_state(self._clock, rtc_ms),
            sleep_recall.power_state(self._power),
            sleep_recall.press_path_state(self._press_path, now_ms),
            rtc_ms, idle_ms, standstill_ms,
        ])  # fmt: skip
        if data is None:
            return False
        board.remember(data)
        board.deep_sleep(ms, buttons)
        return True
