"""A terminal in virtual time: the real firmware, by the seed alone."""

import json
import os
import random
import subprocess
import sys

import pytest
from sim_process import is_event
from smp import packet
from smp.os_management import ResetWriteRequest

from hymio_sim.board.hardware import HARD_RESET, SSID
from hymio_sim.flash.chip import NorFlash
from hymio_sim.flash.log_watch import LogWatch
from hymio_sim.run.virtual import START_UTC, VirtualTerminal


def story(seed, network=True):
    """Everything that can happen, as events."""
    with VirtualTerminal("till-1", seed=seed, network=network) as terminal:
        for line in (
            "press 4", "wait 2", "press 1 80 profile tactile", "wait 0.7", "press 2", "wait 6", "chord 2 3", "wait 1",
            "wifi off", "press 3 200 profile worn", "wait 4.0205", "power off", "wait 1", "power on", "wait 3",
            "wifi on", "press 4 30 profile xb2", "wait 70", "power off",
        ):  # fmt: skip
            terminal.obey(line)
        return terminal.events


def test_the_same_seed_gives_the_same_events_to_the_byte():
    assert json.dumps(story(7)) == json.dumps(story(7))
    assert json.dumps(story(7)) != json.dumps(story(8))


def test_a_press_is_in_flash_before_the_thank_you():
    with VirtualTerminal() as terminal:
        terminal.press(3)
        terminal.run(1.5)
        names = [event["event"] for event in terminal.events]
        assert names == ["ready", "acked", "press", "record", "led", "release", "led"]
        ready, _, press, record, on, _, off = terminal.events
        assert ready["boot"] == 1 and ready["device_id"] == "till-1" and ready["contract"] == 1
        assert record["button"] == 3 and record["verdict"] == "counted" and record["boot"] == 1
        assert (on["led"], on["on"], off["led"], off["on"]) == (3, True, 3, False)
        assert 0 < on["t"] - press["t"] < 0.025
        assert press["utc"] == pytest.approx(START_UTC + press["t"])


def test_votes_reach_the_office_through_the_air():
    with VirtualTerminal(network=True) as terminal:
        terminal.press(4)
        assert terminal.run_until(lambda: terminal.of("published") != [], 5)
        assert terminal.run_until(lambda: terminal.of("acked")[-1]["seq"] >= 1, 5)
        log_id = terminal.of("record")[0]["log_id"]
        assert terminal.air is not None
        assert terminal.air.office.marks[("till-1", log_id)] > terminal.of("record")[0]["seq"]
        assert terminal.air.office.unreadable == 0


def test_the_answer_of_the_office_is_told_when_it_comes_and_the_cursor_when_it_is_in_flash(tmp_path):
    with VirtualTerminal(network=True, flash=tmp_path / "flash.bin") as terminal:
        for _ in range(3):
            terminal.press(4)
            terminal.run(8)
            answered, seq = terminal.of("answered")[-1], terminal.of("record")[-1]["seq"]
            assert answered["seq"] >= seq and answered["t"] > terminal.of("published")[-1]["t"]
        [none, first] = terminal.of("acked")
        assert (none["seq"], first["seq"]) == (-1, 2), "the cursor is written seldom"
    with VirtualTerminal(flash=tmp_path / "flash.bin") as again:
        assert again.events[0]["event"] == "ready"
        assert again.of("acked") == [{**first, "t": again.events[0]["t"]}], "told once after the first ready as well"


def test_nothing_leaves_while_wifi_is_off_and_everything_afterwards():
    with VirtualTerminal(network=True) as terminal:
        terminal.run(3)
        terminal.obey("wifi off")
        before = len(terminal.of("published"))
        terminal.press(2)
        terminal.run(20)
        assert len(terminal.of("published")) == before
        seq = terminal.of("record")[-1]["seq"]
        terminal.obey("wifi on")
        assert terminal.run_until(
            lambda: any(batch["first_seq"] <= seq <= batch["last_seq"] for batch in terminal.of("published")), 90
        )


class CutWatch(NorFlash):
    """Counts the operations that a power cut tore."""

    torn = 0

    def tear(self, fraction, rng):
        self.torn += 1
        return super().tear(fraction, rng)


def test_what_was_told_is_in_flash_after_any_cut(monkeypatch):
    """Presses at any moment, cuts at any moment: every press in flash was told once, every one told is in flash."""
    monkeypatch.setattr("hymio_sim.run.virtual.NorFlash", CutWatch)
    torn = 0
    for seed in range(10):
        chance = random.Random(seed)
        with VirtualTerminal(seed=seed, network=seed % 2 == 0, flash_times="worst") as terminal:
            for _ in range(6):
                push = (
                    f"press {chance.randint(1, 4)} {chance.uniform(30, 300)} profile {chance.choice(['worn', 'clean'])}"
                )
                until_cut_s = chance.uniform(0.008, 0.02) if chance.random() < 0.7 else chance.uniform(3, 5)
                terminal.script(
                    [f"wait {chance.uniform(0, 3)}", push, f"wait {until_cut_s}", "power off", "wait 1", "power on"]
                )
                told = [record["seq"] for record in terminal.of("record")]
                assert told == sorted(set(told))
                assert set(told) == presses_in(terminal.flash, terminal.hardware.mac)
                boots = len(terminal.of("ready"))
                assert terminal.run_until(lambda: len(terminal.of("ready")) > boots, 5)  # noqa: B023
            boots_told = [ready["boot"] for ready in terminal.of("ready")]
            assert boots_told == sorted(set(boots_told))
            torn += terminal.flash.torn  # type: ignore[attr-defined]
    assert torn >= 5, "the cuts have to hit flash operations"


def presses_in(flash, mac):
    """The seqs of the press records in a flash chip, as one finds them who has seen nothing before."""
    told = []
    copy = NorFlash(size=flash.size)
    watch = LogWatch(copy, mac, lambda event, **keys: told.append((event, keys)))
    copy.begin_program(0, flash.image())
    copy.finish()
    watch.changed(0, copy.size)
    return {keys["seq"] for event, keys in told if event == "record"}


def test_led_off_and_records_come_before_the_power_line():
    with VirtualTerminal() as terminal:
        terminal.press(1)
        terminal.run(0.05)
        terminal.obey("power off")
        assert [event["event"] for event in terminal.events[-3:]] == ["led", "led", "power"]
        terminal.press(2)
        terminal.run(1)
        assert [event["event"] for event in terminal.events[-3:]] == ["press", "release", "release"]
        assert terminal.of("press")[-1]["powered"] is False


@pytest.mark.parametrize("profile", ["clean", "kpb22", "worn"])
def test_a_finger_stays_until_it_is_told_to_leave(profile):
    with VirtualTerminal() as terminal:
        terminal.obey(f"down 2 profile {profile}")
        terminal.run(3)
        assert terminal.of("press")[0]["ms"] == 0
        assert [record["verdict"] for record in terminal.of("record")] == ["counted"] and not terminal.of("release")
        terminal.obey("up 2")
        terminal.run(2)
        [release] = terminal.of("release")
        assert release["push"] == 1 and release["ms"] == pytest.approx(3000, abs=2)
        assert len(terminal.of("record")) == 1, "the bounce of letting go is no press"
        terminal.obey(f"down 2 profile {profile}")
        terminal.obey("up 2")
        terminal.run(2)
        assert terminal.of("release")[1]["ms"] < 60, "let go at once: closed no longer than it bounces"
        for line in (f"down 3 profile {profile}", "up 3 300", "wait 0.1"):
            terminal.obey(line)
        assert len(terminal.of("release")) == 2, "it is still there"
        terminal.run(2)
        assert terminal.of("release")[2]["ms"] == 300


def test_a_finger_that_stays_for_long_is_stuck_and_one_that_is_not_there_can_not_leave():
    with VirtualTerminal() as terminal:
        terminal.obey("down 1")
        terminal.obey("down 1")
        terminal.obey("press 1")
        terminal.run(11)
        assert [change["verdict"] for change in terminal.of("amended")] == ["stuck"]
        terminal.obey("up 1")
        terminal.obey("up 1")
        messages = [event["message"] for event in terminal.of("error")]
        assert messages[:2] == ["button 1 is still moving: expected a button at rest; wait for its release"] * 2
        assert messages[2:] == ["up: expected a button with a finger on it, came 1"]


def test_a_finger_that_stays_over_a_power_cut_is_ignored_until_it_leaves():
    with VirtualTerminal() as terminal:
        for line in ("down 3", "wait 1", "power off", "wait 1", "power on", "wait 3", "up 3", "wait 2", "press 3"):
            terminal.obey(line)
        terminal.run(1)
        assert [record["boot"] for record in terminal.of("record")] == [1, 2]


def test_a_button_that_still_moves_is_not_pushed_again():
    with VirtualTerminal() as terminal:
        terminal.obey("press 1 500")
        terminal.run(0.2)
        terminal.obey("press 1")
        terminal.obey("chord 2 1")
        assert [event["line"] for event in terminal.of("error")] == ["press 1", "chord 2 1"]
        assert len(terminal.of("press")) == 1


def test_ticks_wrap_within_the_first_minute():
    with VirtualTerminal() as terminal:
        first = terminal.machine.ticks_ms()
        terminal.run(61)
        assert terminal.machine.ticks_ms() < first
        terminal.press(4)
        terminal.run(1)
        assert terminal.of("record")[0]["uptime_ms"] == pytest.approx(61_000, abs=200)


def test_the_serial_port_can_reset_the_board():
    with VirtualTerminal() as terminal:
        terminal.press(4)
        terminal.run(1.2)
        request = b"".join(packet.encode(ResetWriteRequest().BYTES, line_length=128))
        assert terminal.machine.console(request).startswith(b"\x06\x09")
        assert terminal.run_until(lambda: len(terminal.of("ready")) == 2, 5)
        assert terminal.of("ready")[1]["boot"] == 2
        assert terminal.hardware.reset_cause == HARD_RESET


def test_two_terminals_share_a_process_and_nothing_else():
    with VirtualTerminal("till-1") as one, VirtualTerminal("till-2") as two:
        one.press(1)
        one.run(1)
        two.run(1)
        assert two.of("record") == []
        assert one.hardware.mac != two.hardware.mac
        assert one.of("acked")[0]["log_id"] != two.of("acked")[0]["log_id"]


def test_a_flood_is_folded_to_the_press():
    with VirtualTerminal() as terminal:
        for i in range(200):
            terminal.press(1 + i % 2, 60)
            terminal.run(0.4)
        terminal.run(10)
        records, folded = terminal.of("record"), terminal.of("folded")
        assert len(records) + sum(event["count"] for event in folded) == 200
        assert folded and all(is_event(event) for event in folded)


def test_one_of_several_networks_is_found_through_the_air():
    static = {"ip": "192.0.2.10", "gateway": "192.0.2.1"}
    wifi = {"ssid": "shop", "password": "secret-1", "networks": [{"ssid": SSID, "static": static}, {"ssid": "back"}]}
    with VirtualTerminal(network=True, config={"wifi": wifi}) as terminal:
        terminal.press(4)
        assert terminal.run_until(lambda: bool(terminal.of("published")), 60), "tried in turn while a finger was near"
        terminal.obey("wifi off")
        terminal.run(120)
        terminal.press(1)
        terminal.run(30)
        before = len(terminal.of("published"))
        terminal.obey("wifi on")
        assert terminal.run_until(lambda: len(terminal.of("published")) > before, 90)


def test_without_any_of_its_networks_it_counts_all_the_same():
    wifi = {"ssid": "shop", "password": "secret-1", "networks": [{"ssid": "back"}]}
    with VirtualTerminal(network=True, config={"wifi": wifi}) as terminal:
        terminal.run(300)
        terminal.press(2)
        terminal.run(300)
        assert len(terminal.of("record")) == 1 and not terminal.of("published")


def sim(tmp_path, *options, stdin):
    """`hymio sim terminal` in virtual time; the writer of its stdin is heard to the end and then gone."""
    command = [sys.executable, "-m", "hymio_sim", "terminal", "--device-id", "till-1", "--flash", tmp_path / "f.bin"]
    command += ["--clock", "virtual", "--json", *options]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=240, check=False)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("line", "at_least_s"), [("press 4", 0.1), ("hold 2 100", 100), ("chord 1 2 3000", 3)])
def test_the_last_line_of_stdin_is_the_end_when_all_has_been_played(tmp_path, line, at_least_s):
    done, events = sim(tmp_path, stdin=line)
    assert done.returncode == 0, done.stderr
    names = [event["event"] for event in events]
    assert names.count("press") == names.count("release") > 0 and names[-2:] == ["power", "exit"]
    assert at_least_s < events[-1]["t"] < at_least_s + 10


def test_the_end_of_a_script_is_the_end_as_well(tmp_path):
    (tmp_path / "script").write_text("press 1\nwait 5\npress 2\n")
    done, events = sim(tmp_path, "--script", tmp_path / "script", stdin="")
    assert done.returncode == 0 and [event["button"] for event in events if event["event"] == "record"] == [1, 2]


@pytest.mark.parametrize("way", ["script", "stdin"])
def test_a_line_that_can_not_be_obeyed_is_status_2_at_the_end(tmp_path, way):
    (tmp_path / "script").write_text("fly\npress 1\n" if way == "script" else "press 1\n")
    done, events = sim(tmp_path, "--script", tmp_path / "script", stdin="wait 1\n" if way == "script" else "fly\n")
    assert done.returncode == 2 and events[-1] == {"event": "exit", "t": events[-1]["t"], "status": 2}
    assert [event["line"] for event in events if event["event"] == "error"] == ["fly"]
    assert "record" in [event["event"] for event in events], "the rest was obeyed"


@pytest.mark.parametrize("way", ["pipe", "file", "real time"])
def test_bytes_that_are_no_utf_8_are_told_in_json_that_every_reader_takes(tmp_path, way):
    """Half of a surrogate pair is nothing to strict readers."""
    command = [sys.executable, "-m", "hymio_sim", "terminal", "--device-id", "till-1", "--flash", tmp_path / "f.bin"]
    command += ["--json", *(("--runtime", "cpython") if way == "real time" else ("--clock", "virtual"))]
    lines = b"fly-\xff\xe4\nquit\n"
    (tmp_path / "lines").write_bytes(lines)
    environment = os.environ | {"PYTHONUTF8": "0", "LC_ALL": "C.UTF-8"}
    with (tmp_path / "lines").open("rb") as file:
        given = {"stdin": file} if way == "file" else {"input": lines}
        done = subprocess.run(command, **given, capture_output=True, timeout=240, check=False, env=environment)
    events = [json.loads(line) for line in done.stdout.decode().splitlines()]
    (error,) = [event for event in events if event["event"] == "error"]
    assert error["line"] == r"fly-\xff\xe4" and error["line"] in error["message"] and done.returncode == 2
    json.dumps(error, ensure_ascii=False).encode()  # fails where half of a pair is left


def test_the_broker_of_virtual_time_is_said_to_be_a_virtual_one(tmp_path):
    done, events = sim(tmp_path, "--mqtt", "127.0.0.1:1883", stdin="press 4\nwait 3\n")
    assert "published" in [event["event"] for event in events]
    assert done.stderr == ("In virtual time the broker is a simulated one as well: nothing reaches 127.0.0.1:1883.\n")
    assert sim(tmp_path, stdin="quit\n")[0].stderr == ""
