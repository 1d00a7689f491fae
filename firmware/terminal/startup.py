"""How a terminal starts: its parts are made from the configuration, then come the log and the boot record.

This is the half of `app.App` that is needed once: it makes and sets what the app consists of, then leaves the heap.
"""

from binascii import crc32

from . import VERSION
from .record_writer import RecordWriter
from .clock import Clock, Ntp
from .compat import const, load, ticks_add, unload
from .press_path import PressPath
from .log_scrub import Scrub
from .mains import MAINS
from .log_ring import RingLog
from .text_log import TextLog
from .net_uplink import Uplink

_TRIAL_MS = const(600000)  # a new way to the collector has to prove itself within this time


def built():
    """Gives (board, app), made from the configuration file, which nobody keeps."""
    from . import config
    from .board import Board, chip_name

    settings, problem = config.begin("", chip_name())
    try:
        board = Board(settings)
    except ValueError as error:
        problem = "%s: pins: %s" % (config.PATH, error)
        settings = config.build({})
        board = Board(settings)
    settings["device_id"] = settings["device_id"] or board.stored_id()
    for name in ("config", "wiring", "trial", "net_remote", "net_certificate", "net_commands"):
        unload(name)
    from .app import App

    app = App(settings, board, VERSION, problem, home="")
    if settings["mqtt"]["tls"] and app.has_network and app.power.profile == MAINS and board.idf()[0]:
        # Wi-Fi and TLS take their memory now, before the heap can grow into it.
        try:
            board.radio().active(True)
        except OSError:
            pass  # `net_wifi` tries again
        load("run").hold(app.tls, board, app.stood_still)
        net_tls = load("net_tls")
        try:
            net_tls.read_files(app.tls, settings["mqtt"]["tls"])
            net_tls.hold_spare(app.tls, settings["mqtt"]["tls"], board.idf)
        except (OSError, ValueError):
            pass  # the first attempt to connect will tell it
        net_tls = None  # nobody holds what is to leave the heap
        unload("net_tls")
    return board, app


def start(app, now_ms, calm_ms):
    """Mounts the log, writes the boot record, arms the pins. Gives the line for the console.

    After a deep sleep there is no mount and no boot record, and the button that woke the terminal is a press.
    calm_ms: after so long without a finger the CPU may stand still.
    """
    board = app.board
    app.clock = clock = Clock(now_ms)
    clock.is_signed = app.tls is not None
    app.last_touch = app._console_at = now_ms
    app._moments_at = now_ms
    crash_report = load("crash_report")
    folder = None if app.home is None else app.home + "log"
    app.text = text = TextLog(folder, clock, crash_report.secrets(app._config))
    slept = found = None
    may_sleep = board.slept or app.power.profile != MAINS
    if board.slept:
        slept = load("sleep").remembered(board)
    elif folder is not None:
        text.crashes = crash_report.read(text, board)
    try:
        if board.flash is None:
            raise ValueError(board.flash_problem)
        log = RingLog(board.flash, crc32(board.mac), board.random32, clock)
        if board.slept:
            found = load("sleep").remembered_log(slept, log.sectors)
        if found:
            log.take(found)
        else:
            log.mount()
    except (OSError, ValueError) as error:
        app.problem = str(error)
        _refuse(app, now_ms)
        crash_report.booted(text, board.reset_cause, status_line(app))
        return status_line(app)
    unload("log_mount")  # at once, as below: what the connection takes would not find room beside it
    app.log = log
    app.record_writer = writer = RecordWriter(log, clock, board.ticks_ms, app.stood_still)
    app.press_path = press_path = PressPath(app._config, board, writer)
    if may_sleep:
        app._sleeper = sleeper = load("sleep").Sleeper(
            board, app.power, clock, text, log, press_path, app.wifi, calm_ms
        )
    if not found:
        app.power.start(now_ms)
        writer.owe_boot(board.reset_cause, 0, now_ms)
        if not log.boot_storm:
            writer.boot()
        press_path.start(now_ms)
        crash_report.booted(text, board.reset_cause, status_line(app))
    else:
        app.standstill_ms, idle_ms = sleeper.resume(slept, now_ms)
        log.may_erase = not app.power.is_low
        if not board.woke:
            app.last_touch = ticks_add(now_ms, -min(idle_ms, calm_ms))
        sleeper.resume_presses(slept, now_ms)
    crash_report = None
    unload("crash_report")
    board.on_edge(app._on_edge)
    app._scrub_at = now_ms
    config = app._config
    app.ntp = Ntp(config["ntp"], app.wifi, clock, board.random32)
    app.uplink = Uplink(config["mqtt"], app.device_id, app.wifi, log, clock, board.random32, app.facts)
    if app.tls and app.tls.ends:
        load("net_tls").limit(app.tls, clock)
        unload("net_tls")
    if app.power.profile != MAINS:
        app.uplink.outbox.pace = None  # `sleep_power` decides when there is a connection; it sends all that there is
    else:  # a terminal that sleeps is never awake for long enough to read its whole log
        app._scrub = Scrub(log, app.uplink.outbox.reader)
    if config.get("on_trial"):
        app.trial_ends = ticks_add(now_ms, _TRIAL_MS)
    if config.get("report"):
        load("net_remote").report(app.uplink, config["report"])
        unload("net_remote")
    app._config = None  # all parts have taken what they need
    return status_line(app)


def _refuse(app, now_ms):
    """Has the lights say that nothing is counted, because there is no log: then nobody is thanked."""
    from .feedback import Feedback

    app._feedback = Feedback(app.board, app._config["feedback"], app._config["thanks_ms"])
    app._feedback.refuse(now_ms)


def status_line(app):
    """Gives one line for a person at a plain serial terminal: who this is, and whether it counts."""
    line = "hymio %s %s " % (app.version, app.device_id)
    if app.problem:
        line += "does not count: " + app.problem
    else:
        log = app.log
        line += "boot %d, log %08x, %d press%s, %d unsent" % (
            app.clock.boot, log.log_id, sum(log.totals), "" if sum(log.totals) == 1 else "es", log.unsent,
        )  # fmt: skip
    if app.config_problem:
        line += "; " + app.config_problem + ": running with the defaults"
    if app.uplink and app.uplink.problem:
        line += "; no connection: " + app.uplink.problem
    return line
