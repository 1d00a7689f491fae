"""The energy meter against sums done by hand, and days of the real firmware against the goals."""

import json
import subprocess
import sys
from functools import cache

import pytest

from hymio_sim.board.sim_time import VirtualClock
from hymio_sim.energy.data import AWAKE_MA, BATTERIES, CURRENTS, WAKES, WORK, rows
from hymio_sim.energy.life import SELF_DISCHARGE, EnergyMeter, Life, presses
from hymio_sim.run.battery_days import measure
from hymio_sim.run.virtual import VirtualTerminal

# ---- the meter ----


@pytest.mark.parametrize(
    ("spans", "charge"),
    [
        ([("cpu", "deep", 1000)], {"deep sleep": 0.010}),
        ([("cpu", "light", 1000)], {"light sleep": 0.8}),
        ([("cpu", "awake", 10), ("cpu", "deep", 100)], {"awake": 0.4, "deep sleep": 0.001}),
        ([("cpu", "waking", 0.07)], {"waking": 0.0033}),
        ([("light 2", 100, 2), ("light 2", 40, 1), ("light 2", 0, 5)], {"lights": 0.012}),
        ([("light 1", 100, 0), ("light 4", 100, 2)], {"lights": 0.020}),
        ([("flash", "erase", 0.045), ("flash", "idle", 10)], {"flash": 0.0009}),
        ([("cpu", "awake", 0), ("radio", "on", 2), ("radio", "off", 1)], {"radio": 0.262, "awake": 0.04}),
        ([("cpu", "off", 1000)], {}),
    ],
)
def test_the_meter_adds_up_charge_by_cause(spans, charge):
    clock = VirtualClock()
    meter = EnergyMeter(clock, "frozen")
    seconds = 0
    for load, state, span_s in spans:
        meter.switched(load, state)
        seconds += span_s
        clock.advance_to(round(seconds * 1e6))
    divider = {"deep sleep": seconds * 1.5e-6}
    expected = {cause: charge.get(cause, 0) + divider.get(cause, 0) for cause in {*charge, *divider}}
    assert meter.coulomb() == pytest.approx(expected)


@pytest.mark.parametrize(("install", "ms", "mc"), [("frozen", 70, 3.3), ("files", 640, 42)])
def test_a_wake_costs_what_was_measured(install, ms, mc):
    assert (WAKES[install].ms, WAKES[install].mc) == (ms, mc)
    clock = VirtualClock()
    meter = EnergyMeter(clock, install)
    meter.switched("cpu", "waking")
    clock.advance_to(ms * 1000)
    assert meter.coulomb()["waking"] == pytest.approx(mc / 1000)


def test_work_that_takes_no_virtual_time_is_charged_by_the_table():
    meter = EnergyMeter(VirtualClock(), "frozen")
    for item in WORK:
        meter.worked(item.what)
    assert meter.coulomb() == pytest.approx({"awake": sum(item.ms for item in WORK) * AWAKE_MA / 1e6})
    meter.worked("start")
    assert meter.coulomb()["waking"] == pytest.approx(WAKES["frozen"].start_ms * AWAKE_MA / 1e6)


def test_it_hears_of_everything_that_the_board_does():
    """Always awake, one press: 1000 ms of light, one program of 0.4 ms."""
    with VirtualTerminal() as terminal:
        terminal.run(100)
        meter = EnergyMeter(terminal.clock, "frozen")
        terminal.hardware.meter(meter)
        terminal.press(3)
        terminal.run(10)
        charge = meter.coulomb()
        assert charge["lights"] == pytest.approx(0.005, abs=0.0003)
        assert charge["flash"] == pytest.approx(0.0004 * 0.020, rel=0.1)
        assert charge["awake"] == pytest.approx(10 * 0.040, rel=0.1)
        terminal.obey("power off")
        meter.reset()
        terminal.run(1000)
        assert set(meter.coulomb()) == {"deep sleep"}, "the divider of the battery alone"


def test_it_hears_of_naps_and_of_a_radio_that_lost_its_power():
    with VirtualTerminal(network=True, config={"power": {"profile": "light"}}) as terminal:
        meter = EnergyMeter(terminal.clock, "frozen")
        terminal.hardware.meter(meter)
        terminal.run(100)
        terminal.press(3)
        terminal.run(100)
        assert meter.counts["nap"] == meter.counts["cpu light"] > 5
        assert abs(meter.counts["cpu awake"] - meter.counts["cpu light"]) <= 1
        assert meter.coulomb()["light sleep"] == pytest.approx(140 * 0.0008, rel=0.1)
        terminal.obey("power off")
        terminal.obey("power on")
        terminal.run(1)
        assert meter.counts["radio on"] == 1, "the upload after power-on is under way"
        terminal.obey("power off")
        meter.reset()
        terminal.run(1000)
        assert set(meter.coulomb()) == {"deep sleep"}, "the divider of the battery alone"


# ---- the table ----


def test_every_figure_has_its_source():
    assert len(rows()) >= len(CURRENTS) + len(WORK) + len(WAKES) + len(BATTERIES)
    for what, how_much, source in rows():
        assert what and any(digit.isdigit() for digit in how_much)
        assert any(word in source.lower() for word in ("datasheet", "winbond", "measured", "estimate", "above")), source


# ---- days ----


@cache
def life(install="frozen", votes=200, uploads=4, profile="deep", days=3) -> Life:
    return measure(install, votes=votes, uploads=uploads, profile=profile, battery="2xAA", days=days)


def test_five_years_on_two_cells_if_frozen():
    assert life().years > 5
    assert life("files").years < life().years
    assert life().years_on("2xAA-alkaline") < life().years


def test_a_day_is_what_was_asked_for():
    for install in ("frozen", "files"):
        assert life(install).per_day["uploads"] == 4
        assert life(install).per_day["wakes"] > 195
    assert life().per_day["presses"] == 200, "every press is in flash"
    assert life("files").per_day["presses"] >= 195, "two presses within one slow wake may be one"
    assert life(votes=20, uploads=24, days=1).per_day["uploads"] == 24


def test_the_causes_are_the_whole():
    for found in (life(), life("files")):
        assert sum(found.by_cause.values()) == pytest.approx(found.coulomb_per_day)
        assert found.by_cause["deep sleep"] == pytest.approx(86_400 * 11.5e-6, rel=0.02)
        assert found.by_cause["waking"] > found.per_day["wakes"] * WAKES[found.install].mc / 1000
        years = BATTERIES["2xAA"].coulomb / found.coulomb_per_day / 365.25
        assert found.years == pytest.approx(years)
        assert found.by_cause[SELF_DISCHARGE] > 0


@pytest.mark.parametrize(
    ("more", "cause"),
    [({"votes": 400}, "waking"), ({"votes": 400}, "lights"), ({"uploads": 8}, "radio")],
)
def test_twice_of_it_costs_twice(more, cause):
    assert life(**more).by_cause[cause] == pytest.approx(2 * life().by_cause[cause], rel=0.1)


def test_who_only_dozes_lasts_months():
    assert life(profile="light", days=1).years < 1


def test_the_same_seed_gives_the_same_day():
    first = life(votes=50, days=1)
    assert first == measure("frozen", votes=50, uploads=4, profile="deep", battery="2xAA", days=1)


@pytest.mark.parametrize("votes", [0, 1, 200, 450])
def test_presses_of_a_day(votes):
    found = presses(votes, seed=3)
    assert len(found) == votes
    assert found == sorted(found) and all(8 * 3600 <= at_s < 20 * 3600 for at_s, _ in found)


# ---- the command ----


def test_the_command_prints_one_object():
    options = ["--votes-per-day", "20", "--battery", "2xAA-alkaline", "--days", "1", "--json"]
    command = [sys.executable, "-m", "hymio_sim", "energy", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    found = json.loads(done.stdout)
    assert (found["profile"], found["battery"]) == ("deep", "2xAA-alkaline")
    assert [install["install"] for install in found["installs"]] == ["frozen", "files"]
    for install in found["installs"]:
        assert install["years"] > 0 and install["by_cause"]["radio"] > 0
        assert sum(install["by_cause"].values()) == pytest.approx(install["coulomb_per_day"])


def test_a_battery_that_nobody_knows_is_wrong_use():
    command = [sys.executable, "-m", "hymio_sim", "energy", "--battery", "potato", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 2 and "2xAA-alkaline" in json.loads(done.stderr.splitlines()[-1])["error"]["message"]
