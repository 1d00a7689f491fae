"""Facts that firmware and host each have a copy of, because neither can import the other: the copies agree."""

from __future__ import annotations

from itertools import chain, product
from pathlib import Path

import pytest

from hymio.board.deploy import _BOOT_LOADER_OFFSETS
from hymio.board.stock_image import CHIPS
from hymio.cable.smp_messages import GROUP
from hymio.cable.status import LINKS
from hymio.common.firmware_files import firmware_dir, firmware_module
from hymio.office.config_push import MESSAGE_MAX_BYTES
from hymio.office.order import DONE
from hymio.office.replay import OPTIONS
from hymio.store.dating import SAME_TIME_MS
from hymio.wire.device_ids import is_device_id
from hymio.wire.records import (
    HEADER_BYTES,
    HEADER_MAGIC,
    KIND_BITS,
    RECORD_BYTES,
    RESET_CAUSES,
    RETRY_BIT,
    SECTOR_BYTES,
    SLOTS,
    UNANSWERED,
    VERDICT_CODES,
    VERDICTS,
    Kind,
    TimeSource,
)

record = firmware_module("log_record")
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("verdict", VERDICTS)
def test_codes_of_verdicts(verdict: str) -> None:
    assert getattr(record, verdict.upper()) == VERDICT_CODES[verdict] == VERDICTS.index(verdict)


@pytest.mark.parametrize("kind", list(Kind))
def test_kinds_of_records(kind: Kind) -> None:
    assert getattr(record, kind.name) == kind and kind & KIND_BITS == kind


@pytest.mark.parametrize("source", list(TimeSource))
def test_sources_of_time(source: TimeSource) -> None:
    assert getattr(record, source.name) == source


def test_layout_of_the_log() -> None:
    assert (record.SIZE, record.HEADER, record.SECTOR) == (RECORD_BYTES, HEADER_BYTES, SECTOR_BYTES)
    assert (record.SLOTS, record.MAGIC, record.RETRY) == (SLOTS, HEADER_MAGIC, RETRY_BIT)
    assert record.UNANSWERED == UNANSWERED


def test_reset_causes() -> None:
    assert firmware_module("crash_report")._CAUSES == RESET_CAUSES


def test_times_of_one_day_do_not_contradict_each_other() -> None:
    assert firmware_module("clock").DAY_MS == SAME_TIME_MS


def test_states_of_a_link() -> None:
    mqtt = firmware_module("net_mqtt")
    assert [LINKS[code] for code in (mqtt.OFF, mqtt.CONNECTING, mqtt.ON)] == ["off", "connecting", "on"]


def test_the_group_of_the_cable() -> None:
    assert firmware_module("console").GROUPS[GROUP] == "terminal"


def test_a_configuration_that_may_be_pushed_is_one_that_a_terminal_takes() -> None:
    # The packet holds two bytes of the topic's length and two of the packet id beside topic and payload.
    assert MESSAGE_MAX_BYTES + 4 <= firmware_module("net_mqtt")._RECEIVE_MAX


def test_device_ids() -> None:
    firmware = firmware_module("config").is_device_id
    signs = "a0-_A/ é\n"
    short = ("".join(name) for length in range(5) for name in product(signs, repeat=length))
    long = ("a" * 31, "a" * 32, "a" * 33, "-" + "a" * 31, "a" + "-" * 31, "a" * 31 + "\n")
    for name in chain(short, long):
        assert firmware(name) is is_device_id(name), name


def test_the_chips_whose_wiring_is_known() -> None:
    known = firmware_module("wiring")._CHIPS
    assert {chip.lower().replace("-", "") for chip in CHIPS} == set(known)
    assert set(CHIPS) == set(_BOOT_LOADER_OFFSETS)


@pytest.mark.parametrize("command", [*DONE, "renew"])
def test_commands_that_are_sent_are_obeyed(command: str) -> None:
    source = (firmware_dir() / "terminal" / "net_commands.py").read_text(encoding="utf-8")
    assert f'"{command}"' in source


def test_windows_that_can_be_replayed() -> None:
    assert set(OPTIONS.values()) <= set(firmware_module("press_verdict").DEFAULT_WINDOWS)
