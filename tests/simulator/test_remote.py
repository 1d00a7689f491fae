"""A terminal far away: a configuration on trial, commands that hold or lapse, and batches at their own pace."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from hymio_sim.run.virtual import START_UTC, VirtualTerminal

STATE_SCHEMA = Path(__file__).parents[1] / "schemas" / "state.json"
BASE = "hymio/till-1/"
RESTART_S = 10.0
TRIAL_S = 660.0
NOBODY = {"host": "broker", "collector_id": "nobody"}
"""A broker that is there, behind which no collector answers."""


class Far:
    """The operator's side of the broker."""

    def __init__(self, terminal):
        self.terminal = terminal
        self.broker = terminal.air.broker
        self.heard = []
        routed = self.broker._on_publish

        def listen(message):
            self.heard.append((message.topic, message.payload, message.retained))
            routed(message)

        self.broker._on_publish = listen

    def config(self, version, config, seconds=RESTART_S):
        message = {"version": version, "config": config}
        self.broker.publish(BASE + "config", json.dumps(message).encode(), True)
        self.terminal.run(seconds)

    def command(self, seconds=5.0, retained=False, lasts_s=60, **request):
        request.setdefault("expires_utc", int(self.terminal.hardware.utc) + lasts_s)
        self.broker.publish(BASE + "cmd", json.dumps(request).encode(), retained)
        self.terminal.run(seconds)

    def all(self, topic):
        return [payload for name, payload, _ in self.heard if name == BASE + topic]

    @property
    def replies(self):
        return [json.loads(payload) for payload in self.all("reply")]

    @property
    def reported(self):
        return json.loads(self.broker.retained.get(BASE + "config/reported", b"null"))

    @property
    def state(self):
        return json.loads(self.broker.retained[BASE + "state"])


@pytest.fixture
def far(tmp_path):
    with VirtualTerminal(network=True, home=tmp_path) as terminal:
        terminal.run(20)
        yield Far(terminal)


def boots(far):
    return len(far.terminal.of("ready"))


def lights(far):
    return [event for event in far.terminal.of("led") if event["on"]]


def in_force(tmp_path):
    return json.loads((tmp_path / "config.json").read_text())


# ---- configuration ----


def test_a_good_configuration_is_in_force_after_a_restart_and_reported_once(far, tmp_path):
    before = in_force(tmp_path) | {"ntp": {"host": "time.site", "port": 124}}
    (tmp_path / "config.json").write_text(json.dumps(before))
    far.config(7, {"thanks_ms": 2000})
    assert boots(far) == 2
    assert far.reported == {"version": 7, "ok": True}
    assert far.state["config_version"] == 7
    assert in_force(tmp_path)["thanks_ms"] == 2000 and in_force(tmp_path)["device_id"] == "till-1"
    assert all(
        in_force(tmp_path)[section] == before[section] for section in ("wifi", "mqtt", "ntp") if section in before
    )
    far.config(7, {"thanks_ms": 3000})
    far.terminal.run(120)
    assert boots(far) == 2 and in_force(tmp_path)["thanks_ms"] == 2000, "the same version again does nothing"


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"thanks_ms": 5}, "thanks_ms: expected 100..10000, came 5"),
        ({"thanks_ms": 2000, "pace": 1}, "pace: no such key"),
        ({"device_id": "till-2"}, "device_id: can't be changed from afar"),
        ({"pins": {"leds": [18, 19, 21, 23]}}, "pins: can't be changed from afar"),
        ({"power": {"battery": 25}}, "power.battery: 25 has two uses (esp32)"),
        (
            {"wifi": {"ssid": "x", "password": "short"}},
            "wifi.password: expected 8 to 63 bytes, 64 hex digits, or none, came another",
        ),
        ({"version": 4}, "config.version: it stands beside config"),
    ],
)
def test_of_a_wrong_one_nothing_is_applied(far, tmp_path, config, error):
    before = (tmp_path / "config.json").read_bytes()
    far.config("b", config)
    assert far.reported["version"] == "b" and far.reported["ok"] is False
    assert far.reported["error"].startswith(error)
    assert "short" not in json.dumps(far.reported)
    assert (tmp_path / "config.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["config.json", "refused.json"]
    judged = boots(far)
    far.terminal.run(3600)
    assert boots(far) == judged == 2, "judged at a boot, and once"
    far.config("c", {"thanks_ms": 700})
    assert far.reported == {"version": "c", "ok": True}


@pytest.mark.parametrize("payload", [b"{", b"[]", b"\xff", b'{"config": {}}', b'{"version": true, "config": {}}'])
def test_what_is_no_configuration_is_refused(far, payload):
    far.broker.publish(BASE + "config", payload, True)
    far.terminal.run(RESTART_S)
    assert far.reported["ok"] is False and boots(far) == 1


def test_nothing_is_restarted_under_a_finger(far):
    far.broker.publish(BASE + "config", b'{"version": 1, "config": {"thanks_ms": 500}}', True)
    for _ in range(20):
        far.terminal.press(4)
        far.terminal.run(2.0)
    assert boots(far) == 1
    far.terminal.run(RESTART_S)
    assert boots(far) == 2
    assert len(far.terminal.of("record")) == 20


def test_a_new_broker_that_answers_is_kept(far, tmp_path):
    far.config(2, {"mqtt": {"host": "elsewhere"}}, 60)
    assert boots(far) == 2 and far.reported == {"version": 2, "ok": True}
    assert not (tmp_path / "trial.json").exists() and not (tmp_path / "config.old").exists()
    far.terminal.run(TRIAL_S)
    assert boots(far) == 2 and in_force(tmp_path)["mqtt"]["host"] == "elsewhere"


def test_a_collector_that_does_not_answer_brings_the_old_one_back_after_ten_minutes(far, tmp_path):
    before = in_force(tmp_path)
    far.config(3, {"mqtt": NOBODY}, 500)
    assert boots(far) == 2 and far.reported is None, "nothing is known yet"
    far.terminal.run(200)
    assert boots(far) == 3 and in_force(tmp_path) == before
    assert far.reported == {"version": 3, "ok": False, "error": "rolled back: no ack in 10 minutes"}
    far.terminal.run(3600)
    assert boots(far) == 3, "the retained message is still there, and is not tried again"


def test_three_boots_without_an_ack_end_the_trial_too(far, tmp_path):
    far.config(3, {"mqtt": NOBODY})
    for _ in range(3):  # the first of three was the restart
        assert in_force(tmp_path)["version"] == 3
        far.terminal.obey("power off")
        far.terminal.run(1)
        far.terminal.obey("power on")
        far.terminal.run(30)
    assert "version" not in in_force(tmp_path)
    assert far.reported == {"version": 3, "ok": False, "error": "rolled back: no ack in 3 boots"}


def test_a_terminal_that_sleeps_is_on_trial_as_well(tmp_path):
    power = {"profile": "deep", "uploads_per_day": 96}
    with VirtualTerminal(network=True, home=tmp_path, config={"power": power}) as terminal:
        far = Far(terminal)
        terminal.run(120)
        assert terminal.hardware.rtc.is_asleep
        far.config(1, {"mqtt": {"host": "elsewhere"}, "power": power}, 2000)
        assert far.reported == {"version": 1, "ok": True}
        far.config(2, {"mqtt": NOBODY, "power": power}, 4000)
        assert far.reported["ok"] is False and in_force(tmp_path)["version"] == 1
        assert terminal.hardware.rtc.is_asleep


def test_a_message_that_is_too_long_is_passed_over(far):
    far.broker.publish(BASE + "config", b" " * 6000 + b'{"version": 1, "config": {}}', True)
    far.terminal.run(60)
    far.command(id=1, do="identify")
    assert far.replies == [{"id": 1, "ok": True}] and boots(far) == 1
    far.terminal.press(4)
    far.terminal.run(30)
    assert far.terminal.machine._app.log.unsent == 0
    assert b"offline" not in b"".join(far.all("state"))


# ---- state ----


@pytest.mark.parametrize("power", [{"profile": "mains"}, {"profile": "light"}, {"profile": "deep", "battery": 34}])
def test_what_a_terminal_says_of_itself_has_the_shape_that_is_documented(power):
    with VirtualTerminal(network=True, config={"power": power}) as terminal:
        far = Far(terminal)
        terminal.press(2)
        terminal.run(7300 if power["profile"] == "mains" else 86_400)
        said = far.all("state")
        assert len(said) >= 2
        validator = Draft202012Validator(json.loads(STATE_SCHEMA.read_text()))
        for payload in said:
            validator.validate(json.loads(payload))
        assert far.state["state"] == ("online" if power["profile"] == "mains" else "asleep")
        terminal.obey("power off")
        terminal.run(120)


# ---- commands ----


def test_identify_blinks_for_ten_seconds(far):
    far.command(id=1, do="identify", seconds=20)
    assert far.replies == [{"id": 1, "ok": True}]
    seen = lights(far)
    assert {event["led"] for event in seen} == {1, 2, 3, 4} and len(seen) == 80
    assert 9.0 < seen[-1]["t"] - seen[0]["t"] < 10.5


def test_a_retained_command_does_nothing(far):
    far.broker.retained[BASE + "cmd"] = json.dumps({"id": 1, "do": "identify", "expires_utc": 4e9}).encode()
    far.terminal.obey("wifi off")
    far.terminal.run(60)
    far.terminal.obey("wifi on")
    far.terminal.run(120)
    assert not far.replies and not lights(far)


def test_what_has_expired_or_cannot_be_judged_is_refused(far):
    far.command(id=1, do="identify", expires_utc=START_UTC - 1)
    far.command(id=2, do="identify", expires_utc="tomorrow")
    far.command(id=3, do="dance")
    far.command(do="identify")
    assert [(reply["id"], reply["ok"]) for reply in far.replies] == [(1, False), (2, False), (3, False), (None, False)]
    assert far.replies[0]["error"] == "expired"
    assert not lights(far)


def test_without_a_clock_no_command_is_obeyed(far):
    far.terminal.machine._app.clock.utc_ms = lambda: 0
    far.command(id=1, do="identify")
    assert "clock" in far.replies[0]["error"] and not lights(far)


def test_an_id_is_done_once_across_a_reboot_too(far):
    far.command(id="r", do="reboot", seconds=RESTART_S)
    assert boots(far) == 2 and far.replies == [{"id": "r", "ok": True}]
    far.command(id="r", do="reboot", seconds=RESTART_S)
    assert boots(far) == 2 and far.replies[-1] == {"id": "r", "ok": True, "again": True}
    for number in range(9):
        far.command(id=number, do="identify", seconds=15)
    assert len(lights(far)) == 9 * 80
    far.command(id=5, do="identify", seconds=15)
    assert len(lights(far)) == 9 * 80


def test_the_text_log_comes_on_demand(far):
    far.command(id=1, do="send-log")
    assert far.replies[0]["ok"] and b"hymio" in far.all("log")[0]


def test_a_range_that_is_none_is_refused(far):
    far.command(id=1, do="resync", **{"from": 2, "to": 1})
    assert far.replies[0] == {"id": 1, "ok": False, "error": "to: expected 2 or more"}


@pytest.mark.parametrize("asked", [{}, {"from": 30}, {"from": 30, "to": 40}, {"from": 0, "to": 5}])
def test_resync_sends_once_more_what_the_office_has_lost(far, asked):
    terminal = far.terminal
    for _ in range(80):
        terminal.press(4)
        terminal.run(6)
    office = terminal.air.office
    assert far.state["lost"] == 0
    sent = len(office.batches)
    everything = {seq for _, batch in office.batches for seq, _ in batch.records}
    far.command(id=1, do="resync", **asked, seconds=300)
    assert far.replies[0]["ok"]
    again = {seq for _, batch in office.batches[sent:] for seq, _ in batch.records}
    first, last = asked.get("from", 0), asked.get("to", max(everything))
    assert again >= {seq for seq in everything if first <= seq <= last}
    assert min(again) >= first and max(again) <= last + 50, "no more than the batches that hold it"
    quiet = len(office.batches)
    terminal.run(1200)
    assert len(office.batches) == quiet
    assert terminal.machine._app.log.unsent == 0


# ---- pace ----


def paced(**pace):
    terminal = VirtualTerminal(network=True, config={"mqtt": {"host": "broker", "pace": pace}})
    terminal.run(60)
    return terminal


def test_votes_wait_for_the_next_batch_but_unhappy_ones_do_not():
    with paced(every_s=1800, presses=30, unhappy=3) as terminal:
        batches = terminal.air.office.batches
        begin = len(batches)
        for _ in range(20):
            terminal.press(4)
            terminal.run(60)
        assert len(batches) == begin
        terminal.run(700)
        assert len(batches) == begin + 1, "half an hour after the first"
        for button in (1, 2, 4, 1):
            assert len(batches) == begin + 1
            terminal.press(button)
            terminal.run(10)
        assert len(batches) == begin + 2, "the third unhappy vote"
        for _ in range(30):
            assert len(batches) == begin + 2
            terminal.press(4)
            terminal.run(10)
        assert len(batches) == begin + 3, "thirty presses"


def test_a_backlog_goes_out_at_full_pace():
    with paced(every_s=3600, presses=1000) as terminal:
        terminal.obey("wifi off")
        for _ in range(160):
            terminal.press(4)
            terminal.run(6)
        begin = len(terminal.air.office.batches)
        terminal.obey("wifi on")
        terminal.run(420)
        assert len(terminal.air.office.batches) >= begin + 4
        assert terminal.machine._app.log.unsent == 0


def test_a_heap_too_small_for_a_message_costs_the_connection_and_nothing_else():
    with VirtualTerminal(network=True) as terminal:
        terminal.run(30)
        uplink = terminal.machine._app.uplink
        made, wanted = uplink.outbox.batch, []

        def batch(now_ms):
            data = made(now_ms)
            if data is not None:
                wanted.append(now_ms)
                if len(wanted) < 3:
                    raise MemoryError
            return data

        uplink.outbox.batch = batch
        before = len(terminal.air.office.batches)
        terminal.press(4)
        terminal.run(60)
        assert len(wanted) == 3 and len(terminal.air.office.batches) == before + 1
        assert terminal.machine._app.log.unsent == 0 and terminal.machine._app.clock.boot == 1
