"""The counts of the bench are exact, so they are held to their goals here; times are only printed."""

import json
import subprocess
import sys

from hymio_sim.bench import log_figures, press_figures, uplink_figures
from hymio_sim.workload import standard_day


def values(figures):
    return {figure.name: figure.value for figure in figures}


def test_the_standard_day():
    day = standard_day()
    assert len(day) == 200
    assert [sum(press.verdict == verdict for press in day) for verdict in (0, 1, 2)] == [150, 30, 20]
    assert day == standard_day() and day != standard_day(1)


def test_log():
    found = values(log_figures(252 * 16))
    assert found["log.program_bytes_per_record"] == 16 + 64 / 252
    assert found["log.erases_per_record"] == 1 / 252
    assert found["log.erases_on_press_path"] == 0
    assert found["log.wear_spread"] <= 1


def test_uplink():
    found = values(uplink_figures())
    assert found["uplink.bytes_per_vote_50"] <= 10.5
    assert found["uplink.bytes_per_vote_50"] < found["uplink.bytes_per_vote_10"] < found["uplink.bytes_per_vote_1"]


def test_press():
    found = values(press_figures(8))
    assert found["press.missed"] == found["press.doubles"] == 0
    assert found["press.led_ms_max"] <= 30


def test_the_command_writes_json(tmp_path):
    out = tmp_path / "bench.json"
    subprocess.run([sys.executable, "-m", "hymio_sim.bench", "--json", str(out)], check=True, timeout=100)
    book = json.loads(out.read_text())
    assert book["machine"]["python"] and len(book["figures"]) >= 10
    assert all({"name", "value", "unit", "goal", "peer", "peer_value"} <= set(figure) for figure in book["figures"])
