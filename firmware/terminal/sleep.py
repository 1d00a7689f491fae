"""How a terminal that is not on mains waits, lightly or deeply asleep, and how it goes on. Not loaded on mains."""

from . import sleep_log, sleep_recall, sleep_memory
from .compat import const, ticks_add, ticks_diff
from .mains import MAINS
from .sleep_power import DEEP

_LONGEST_SLEEP_MS = const(43200000)
_LOW_SLEEP_MS = const(3600000)  # has somebody changed the battery?
_STUCK_SLEEP_MS = const(600000)  # a button out of play wakes nobody: look whether it is free again


def remembered(board):
    """What `_sleep` wrote down, or None."""
    return sleep_memory.unpack(board.remembered())


def resume_log(log, slept):
    """Puts the log where it was, without a mount. False if it must be mounted after all."""
    return sleep_log.resume(log, slept[0])


def resume(app, slept, now_ms, idle_ms):
    """The other rooms go on as well. The ticks began when something woke the chip.

    idle_ms: after so long without a finger it does not matter how long it was.
    """
    _, clock, power, press_path, fell_asleep_ms, was_idle_ms, app.standstill_ms = slept
    board = app.board
    rtc_ms = board.rtc_ms()
    sleep_recall.resume_clock(app.clock, clock, rtc_ms, now_ms)
    sleep_recall.resume_power(app.power, power)
    app.log.may_erase = not app.power.is_low
    slept_ms = max(0, rtc_ms - fell_asleep_ms - now_ms)
    if not board.woke:
        app.last_touch = ticks_add(now_ms, -min(was_idle_ms + slept_ms, idle_ms))
    sleep_recall.resume_press_path(app.press_path, press_path, slept_ms, 0, now_ms)


def step(app, now_ms, wait_ms, idle_ms):
    """Sleeps, if the supply asks for it and nothing is against it. Gives the ms still to wait."""
    press_path = app.press_path
    log = app.log
    is_quiet = press_path.is_at_rest and not app.owes_work
    how = app.power.rest(now_ms, wait_ms, is_quiet)
    if how == MAINS or (app.has_network and app.wifi.is_started):
        return wait_ms
    board = app.board
    buttons = press_path.may_wake
    if not is_quiet:
        board.light_sleep(wait_ms, buttons)
        return 0
    ms = _STUCK_SLEEP_MS if press_path.holds.stuck else _LONGEST_SLEEP_MS
    if app.has_network:
        upload_ms = app.power.until_upload_ms(app.clock.uptime_ms())
        ms = min(ms, _LOW_SLEEP_MS if upload_ms < 0 else upload_ms)
    was_idle_ms = min(idle_ms, ticks_diff(now_ms, app.last_touch))
    if log.needs_sector and log.may_erase:
        ms = min(ms, max(1, idle_ms - was_idle_ms))
    if how != DEEP or not _sleep(app, now_ms, ms, buttons, was_idle_ms):
        board.light_sleep(ms, buttons)
    return 0


def _sleep(app, now_ms, ms, buttons, idle_ms):
    """Falls asleep deeply: on a board this call does not come back, unless there is too much to remember."""
    app.text.flush()
    board = app.board
    rtc_ms = board.rtc_ms()
    state = sleep_log.state(app.log)
    if state is None:
        return False
    rooms = [
        state,
        sleep_recall.clock_state(app.clock, rtc_ms),
        sleep_recall.power_state(app.power),
        sleep_recall.press_path_state(app.press_path, now_ms),
    ]
    data = sleep_memory.pack(rooms + [rtc_ms, idle_ms, app.standstill_ms])
    if data is None:
        return False
    board.remember(data)
    board.deep_sleep(ms, buttons)
    return True
