"""The counts of the bench are exact, so they are held to their goals here; times are only printed."""

import json
import subprocess
import sys

import pytest

from hymio_sim.board.board_files import find_tool
from hymio_sim.energy.standard_day import standard_day
from hymio_sim.rigs.bench import press_figures, uplink_figures
from hymio_sim.rigs.bench_fleet import fleet_figures
from hymio_sim.rigs.bench_ingest import ingest_figures
from hymio_sim.rigs.bench_ledger import ledger_figures
from hymio_sim.rigs.bench_log import busy_figures, day_figures, heap_figures, record_figures
from hymio_sim.rigs.bench_reading import reading_figures
from hymio_sim.rigs.bench_start import start_figures
from hymio_sim.rigs.bench_uplink import real_time_figures


def values(figures):
    return {figure.name: figure.value for figure in figures}


def test_the_standard_day():
    day = standard_day()
    assert len(day) == 200
    assert [sum(press.verdict == verdict for press in day) for verdict in (0, 1, 2)] == [150, 30, 20]
    assert day == standard_day() and day != standard_day(1)


def test_records():
    figures = list(record_figures(252 * 16, votes=20))
    found = values(figures)
    assert found["log.program_bytes_per_record"] == 16 + (64 + 4) / 252  # a header, and the end of the one before it
    assert found["log.programs_per_record"] == 1 + 2 / 252
    assert found["log.erases_per_record"] == 1 / 252
    assert found["log.erases_on_press_path"] == 0
    assert found["log.wear_spread"] <= 1
    assert found["log.mount_reads"] <= 24
    assert found["log.mount_bytes"] <= 8192
    assert found["log.mount_writes"] == 0
    assert found["log.read_ratio"] == 1
    peers = {figure.name.split(".")[1] for figure in figures if figure.name.startswith("peer.")}
    assert "littlefs_append" in peers
    assert find_tool("micropython") is None or {"vfslfs2_append", "vfslfs2_json"} <= peers
    size = next(figure for figure in figures if figure.name == "log.program_bytes_per_record")
    assert size.peer in peers and size.peer_value > size.value


@pytest.mark.skipif(not find_tool("micropython"), reason="no micropython here: see tests/firmware/test_on_vm.py")
def test_heap():
    found = values(heap_figures(50))
    assert found.pop("log.heap_bytes_per_append") == 0
    # The 32-bit VM is here only where there is node.
    assert not any(found.values())


def test_a_standard_day():
    found = values(day_figures(1))
    # Besides the presses: a boot, a time, two revisions, six acks and a header. The boot erased its sector ahead anew.
    assert found["log.program_bytes_per_press_day"] == (16 * (200 + 1 + 1 + 2 + 6) + 64 + 2 * 4) / 200
    assert found["log.erases_per_press_day"] == 2 / 200


def test_busy():
    found = values(busy_figures(150))
    assert found["press.busy_missed"] == found["log.busy_standstills"] == 0
    assert found["log.busy_standstills_unfolded"] == 1
    assert found["press.busy_missed_unfolded"] == 0


def test_uplink():
    found = values(uplink_figures())
    assert found["uplink.bytes_per_vote_50"] <= 10.5
    assert found["uplink.bytes_per_vote_50"] < found["uplink.bytes_per_vote_10"] < found["uplink.bytes_per_vote_1"]


def test_press():
    found = values(press_figures(8))
    assert found["press.records_missed"] == found["press.records_doubled"] == 0
    assert found["press.led_ms_max"] <= 30


def test_the_ledger_of_both_builds_is_the_same(monkeypatch, tmp_path):
    # What it costs is held to exact counts in tests/host/test_ingest_cost.py; here only that the right thing is timed.
    monkeypatch.setattr("hymio_sim.rigs.bench_ledger._TURNS", 1)
    monkeypatch.setattr("hymio_sim.rigs.bench_ledger._RUNS", 1)
    found = values(ledger_figures(tmp_path, (1000, 2000, 4000)))
    assert {f"office.ledger_cpu_s_{size}" for size in ("1k", "2k", "4k")} | {"office.ledger_ratio_4k_1k"} <= set(found)
    assert found.get("office.ledger_ratio_today_2k", 2) > 1


def test_reading(monkeypatch, tmp_path):
    # How many rows each of these reads is held to exact counts where it is tested; here only that the bench works.
    monkeypatch.setattr("hymio_sim.rigs.bench_reading._TURNS", 1)
    monkeypatch.setattr("hymio_sim.rigs.bench_reading._RUNS", 1)
    found = values(reading_figures(tmp_path, 1000, 2000))
    for question in ("report", "place", "v2_page"):
        assert found[f"office.{question}_cpu_ms_2k"] > 0 and found[f"office.{question}_ratio_sql"] > 0
        assert found[f"office.{question}_ratio_2k_1k"] > 0


def test_start():
    found = values(start_figures(1))
    assert found["office.start_help_ratio"] > 0 and found["office.start_report_ratio"] > 0


@pytest.mark.skipif(not find_tool("mosquitto"), reason="no mosquitto here")
def test_ingest(monkeypatch):
    # The peers are as fast as their disk, which is timed and not asserted; that all of them do their work is.
    monkeypatch.setattr("hymio_sim.rigs.bench_ingest.MEMORY_AT", (640, 1280))
    found = values(ingest_figures(turns=1, transactions=2, terminals=20, messages=2, rows=20))
    assert all(found[f"office.ingest_ratio_{peer}"] > 0 for peer in ("executemany", "paho"))
    assert found["office.ingest_memory_640"] > 10 and found["office.ingest_memory_grown"] < 10


def test_the_command_writes_json(tmp_path):
    out = tmp_path / "bench.json"
    command = [sys.executable, "-m", "hymio_sim.rigs.bench", "--only", "uplink", "--json", str(out)]
    subprocess.run(command, check=True, timeout=240)
    book = json.loads(out.read_text())
    assert book["machine"]["python"] and len(book["figures"]) == 3
    assert all({"name", "value", "unit", "goal", "peer", "peer_value"} <= set(figure) for figure in book["figures"])


@pytest.mark.demo
@pytest.mark.skipif(not find_tool("micropython") or not find_tool("mosquitto"), reason="no mosquitto or no VM here")
def test_uplink_in_real_time():
    found = values(real_time_figures(backlog=1000, presses=3))
    # 6.6 of a vote's own, and its share of connecting and of what is said meanwhile: some 700 bytes, 1,500 on a busy
    # machine. The goal of 10.5 is that of a single batch.
    assert 0 < found["uplink.backlog_bytes_per_vote"] <= 8.5
    assert found["uplink.backlog_ratio_40ms"] > 2
    assert found["uplink.press_to_row_ms_median"] <= found["uplink.press_to_row_ms_p99"]


@pytest.mark.skipif(not find_tool("mosquitto"), reason="no mosquitto here")
def test_fleet():
    found = values(fleet_figures(connections=20, handshakes=3, terminals=10, messages=1, days=1))
    assert 100 < found["fleet.disk_bytes_per_press_sqlite"] < 1000
    assert found["fleet.broker_ms_per_handshake"] >= 0 and found["fleet.collector_us_per_message_of_16"] > 0
