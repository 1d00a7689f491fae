"""The demo's minute with assertions, on the embedded broker and on Debian's mosquitto, on the real MicroPython VM."""

import json
import subprocess

import pytest

from hymio_sim.board.board_files import find_tool
from hymio_sim.rigs.demo import CANTEEN, CELLAR, DOOR, LENGTH_S, UNHAPPY, make_rule, play, script
from hymio_sim.rigs.stage import hymio, open_mosquitto, stage_set

RUNTIME = "micropython" if find_tool("micropython") else "cpython"


@pytest.fixture(params=["embedded", "mosquitto"])
def broker_command(request, tmp_path):
    if request.param == "embedded":
        pytest.importorskip("iotcore")
        return None
    if find_tool("mosquitto") is None:
        pytest.skip("no mosquitto here: apt-get install mosquitto")
    return open_mosquitto(tmp_path)


@pytest.mark.demo
def test_a_minute_of_their_lives(broker_command):
    said = []
    with stage_set(RUNTIME, broker_command) as stage:
        verdicts = {v.device_id: v for v in play(stage, lambda at_s, text: said.append(text), make_rule)}
        looked = subprocess.run(
            hymio("alert", "run", "--db", str(stage.database), "--json"), capture_output=True, text=True, timeout=60
        )
        children = [child.process for child in stage.children.values()]
        folder = stage.folder
    for verdict in verdicts.values():
        assert not verdict.problems
        assert verdict.pushes == verdict.stored + verdict.unthanked
        assert verdict.known_lost == 0
    for name in (DOOR, CANTEEN):
        assert verdicts[name].waiting == 0
        assert verdicts[name].in_database == verdicts[name].stored
    [alert] = json.loads(looked.stdout)["raised"]
    assert alert["evidence"]["unhappy"] == UNHAPPY
    # The visitor after the technician waits for the next cable, and is known to.
    assert verdicts[CELLAR].waiting == 1
    assert verdicts[CANTEEN].by_verdict["mash"] + verdicts[CANTEEN].by_verdict["repeat"] >= 15
    assert verdicts[DOOR].by_verdict["replaced"] >= 1
    assert verdicts[CELLAR].by_verdict["chord"] == 2
    assert all(process.poll() is not None for process in children)
    assert not folder.exists()


def test_the_script_is_in_order_and_within_the_minute():
    times = [at_s for at_s, _, _ in script()]
    assert times == sorted(times) and times[-1] <= LENGTH_S
