"""Facts that stand in more than one place say the same: within the firmware, and in firmware, host and simulator."""

import ast
from itertools import chain, product

import pytest

from hymio.board.deploy import _BOOT_LOADER_OFFSETS
from hymio.board.stock_image import CHIPS
from hymio.cable import smp_messages, status
from hymio.common.firmware_files import firmware_dir
from hymio.measures import rejudging
from hymio.office import broker_config, config_push, order, replay
from hymio.store import dating
from hymio.wire import acks, batches, records
from hymio.wire.device_ids import is_device_id as host_is_device_id
from hymio_sim.board import hardware
from hymio_sim.flash import chip, log_watch
from terminal import (
    app,
    clock,
    config,
    console,
    crash_report,
    log_record,
    net_ack,
    net_mqtt,
    net_wifi,
    press_debounce,
    press_flood,
    press_verdict,
    sleep_memory,
    sleep_recall,
    smp_settings,
    text_log,
    wiring,
)
from terminal.compat import ticks_add

TERMINAL = firmware_dir() / "terminal"


def same(*facts):
    assert all(fact == facts[0] for fact in facts), facts


# ---- records ----


def test_verdict_codes():
    for code, verdict in enumerate(records.VERDICTS):
        same(getattr(log_record, verdict.upper()), records.VERDICT_CODES[verdict], code)


def test_record_kinds():
    for kind in records.Kind:
        same(getattr(log_record, kind.name), kind.value, kind & records.KIND_BITS)


def test_sources_of_time():
    for source in records.TimeSource:
        same(getattr(log_record, source.name), source.value)


def test_times_of_one_day_do_not_contradict_each_other():
    same(clock.DAY_MS, dating.SAME_TIME_MS)


def test_events():
    same(log_record.UNANSWERED, records.UNANSWERED)
    assert log_record.SELF_TEST != log_record.UNANSWERED


def test_layout_of_the_log():
    same(log_record.SLOTS, records.SLOTS, log_watch.SLOTS)
    same(log_record.SECTOR, chip.SECTOR, log_record.HEADER + log_record.SLOTS * log_record.SIZE)
    same(log_record.HEADER, records.HEADER_BYTES)
    same(log_record.SIZE, records.RECORD_BYTES)
    same(log_record.MAGIC, records.HEADER_MAGIC)
    same(log_record.RETRY, records.RETRY_BIT)
    same(press_debounce.Debounce().quiet_ms(0, 0, 1), records.QUIET_UNKNOWN_MS)


def test_reset_causes():
    same(crash_report._CAUSES, records.RESET_CAUSES)
    board = ("PWRON_RESET", "HARD_RESET", "WDT_RESET", "DEEPSLEEP_RESET", "SOFT_RESET")
    names = ("power-on", "hard", "watchdog", "deep sleep", "soft")
    for constant, name in zip(board, names, strict=True):
        same(records.RESET_CAUSES[getattr(hardware, constant)], name)


# ---- windows, device ids ----


def test_windows():
    same(rejudging.default_windows(), press_verdict.DEFAULT_WINDOWS, config.build({})["windows"])
    assert set(press_verdict._OF_HOLDS) < set(press_verdict.DEFAULT_WINDOWS)
    assert set(replay.OPTIONS.values()) <= set(press_verdict.DEFAULT_WINDOWS)


def test_what_a_device_id_is():
    short = ("".join(name) for length in range(5) for name in product("a0-_A/ é٣\n", repeat=length))
    long = ("a" * 31, "a" * 32, "a" * 33, "-" + "a" * 31, "a" + "-" * 31, "a" * 31 + "\n", "hymio-a1b2c3")
    for name in chain(short, long):
        assert config.is_device_id(name) is host_is_device_id(name), name


# ---- boards ----


def test_the_chips_whose_wiring_is_known():
    assert {chip.lower().replace("-", "") for chip in CHIPS} == set(wiring._CHIPS)
    assert set(CHIPS) == set(_BOOT_LOADER_OFFSETS)


# ---- MQTT ----


def topics_of_the_firmware():
    """(those that it publishes, those that it subscribes), below that of the terminal, as its source names them."""
    published, subscribed = set(), set()

    def texts(node):
        return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}

    for name in ("net_uplink", "net_remote", "net_commands"):
        for node in ast.walk(ast.parse((TERMINAL / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "say":
                published |= texts(node.args[0])
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "publish":
                published |= texts(node.args[1])
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                if node.targets[0].id == "topic":
                    published |= texts(node.value)
                elif node.targets[0].id == "topics":
                    subscribed |= texts(node.value)
    return published, subscribed


def test_topics():
    published, subscribed = topics_of_the_firmware()
    same(published, set(broker_config.FROM_TERMINAL))
    assert subscribed <= set(broker_config.TO_TERMINAL)
    assert {"ack", "config", "cmd"} == subscribed


def test_an_ack_of_the_host_is_one_of_the_firmware():
    told = acks.Ack(7, 12, 5, 1800000000000, "office")
    assert net_ack.believed(acks.encode_ack(told), False, 7, 12, "office", 5) == (12, 1800000000000)
    same(config._SCHEMA["mqtt"]["collector_id"][2], acks.COLLECTOR_ID_MAX_BYTES)


def test_a_configuration_that_may_be_pushed_is_one_that_a_terminal_takes():
    # The packet holds two bytes of the topic's length and two of the packet id beside topic and payload.
    assert config_push.MESSAGE_MAX_BYTES + 4 <= net_mqtt._RECEIVE_MAX


@pytest.mark.parametrize("command", [*order.DONE, "renew"])
def test_commands_that_are_sent_are_obeyed(command):
    assert f'"{command}"' in (TERMINAL / "net_commands.py").read_text(encoding="utf-8")


def test_version_of_a_batch():
    from logs import Dice, mounted, press

    from terminal.log_batch import BatchMaker

    log, its_clock, _ = mounted()
    press(log, its_clock)
    made = bytes(BatchMaker(log, its_clock, Dice(), 300, "till-1").make(0, 9))
    same(made[0], batches.BATCH_VERSION)


# ---- within the firmware ----


def test_states_of_a_connection():
    same(net_wifi.OFF, net_mqtt.OFF)
    same(net_wifi.CONNECTING, net_mqtt.CONNECTING)
    same(net_wifi.ON, net_mqtt.ON, text_log._ON)
    same([status.LINKS[code] for code in (net_mqtt.OFF, net_mqtt.CONNECTING, net_mqtt.ON)], ["off", "connecting", "on"])


def test_what_deep_sleep_knows_of_others():
    same(sleep_recall._FORGET_MS, press_debounce._FORGET_MS)
    same(sleep_recall._DOWN, press_debounce._DOWN)
    same(sleep_recall._OPENING, press_debounce._OPENING)
    same(sleep_recall._WINDOW_MS, press_flood._WINDOW_MS)
    same(sleep_recall._MASK24, clock._MASK24)
    assert sleep_memory._SIZE == 2048


def test_what_a_boot_loop_is():
    same(app._STORM_MS, crash_report._STORM_MS)


def test_the_configuration_file():
    from terminal import net_remote

    same(config.PATH, smp_settings._PATH, net_remote.CONFIG)
    source = (TERMINAL / "config.py").read_text(encoding="utf-8")
    assert f'home + "{net_remote.NEXT}"' in source and f'home + "{net_remote.TRIAL}"' in source


def test_numbers_of_smp():
    """The same name is the same number in each module of SMP: MCUmgr's errors, whose list is in Zephyr's manual."""
    mcumgr = {
        "_EUNKNOWN": 1, "_ENOMEM": 2, "_EINVAL": 3, "_ENOENT": 5, "_ENOTSUP": 8, "_EACCESS": 11, "_ETOONEW": 13,
    }  # fmt: skip
    found = set()
    for path in sorted(TERMINAL.glob("*.py")):
        if path.stem != "console" and not path.stem.startswith("smp_"):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                if name.startswith("_E") and name[2:].isupper() and isinstance(node.value, ast.Call):
                    if name in ("_EMPTY",):
                        continue
                    same(ast.literal_eval(node.value.args[0]), mcumgr[name])
                    found.add(name)
    assert found == set(mcumgr)
    same(console.GROUPS[smp_messages.GROUP], "terminal")


def test_ticks_wrap_where_a_board_has_them_wrap():
    same(ticks_add(0, -1), (1 << 30) - 1)
