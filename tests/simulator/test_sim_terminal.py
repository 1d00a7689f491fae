"""`hymio sim terminal` in real time, on both runtimes, from outside."""

import asyncio
import json
import os
import select
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import serial
from sim_process import PATIENCE_S, RUNTIMES, SIGTERM, SimTerminal, is_alive, wait_until
from smp import packet
from smp.os_management import EchoWriteRequest

from hymio.common import extras
from hymio.common.errors import run_cli
from hymio_sim import cli
from hymio_sim.board.hardware import mac_of
from hymio_sim.flash.chip import NorFlash
from hymio_sim.flash.log_watch import LogWatch
from hymio_sim.net.broker_server import BrokerServer
from hymio_sim.run.vm_command import FAKES_HEAP

pytestmark = pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc")


@pytest.fixture(params=RUNTIMES)
def runtime(request):
    return request.param


def test_a_press_from_finger_to_flash_to_light(tmp_path, runtime):
    with SimTerminal(tmp_path, "--runtime", runtime) as terminal:
        ready = terminal.expect("ready")
        assert terminal.events == [ready], "the first line"
        assert (ready["contract"], ready["device_id"], ready["runtime"], ready["boot"]) == (1, "till-1", runtime, 1)
        assert Path(ready["serial"]).exists()
        terminal.tell("press 3 90 profile clean")
        press = terminal.expect("press")
        record = terminal.expect("record", button=3, verdict="counted", boot=1)
        light = terminal.expect("led", led=3, on=True)
        terminal.expect("release", push=press["push"])
        terminal.expect("led", led=3, on=False)
        assert (press["push"], press["ms"], press["profile"], press["powered"]) == (1, 90, "clean", True)
        assert press["t"] < record["t"] < light["t"]
        terminal.tell("press 9")
        assert terminal.expect("error")["line"] == "press 9"
        assert terminal.finish(status=2) == 2, "a program should know that not all of it was done"
        assert [event["t"] for event in terminal.events] == sorted(event["t"] for event in terminal.events)


def test_power_off_loses_nothing_that_was_told(tmp_path, runtime):
    with SimTerminal(tmp_path, "--runtime", runtime) as terminal:
        terminal.expect("ready")
        for button, wait_s in ((1, 0.0102), (2, 0.0111), (3, 0.0120), (4, 0.05)):
            terminal.tell(f"press {button} 60 profile clean", f"wait {wait_s}", "power off")
            terminal.expect("power", on=False)
            terminal.tell(f"press {button % 4 + 1} 20 profile clean")
            assert terminal.expect("press")["powered"] is False
            terminal.expect("release")
            terminal.tell("power on")
            terminal.expect("power", on=True)
            terminal.expect("ready")
        assert [ready["boot"] for ready in terminal.of("ready")] == [1, 2, 3, 4, 5]
        assert terminal.finish() == 0
        told = {record["seq"] for record in terminal.of("record")}
    found = []
    with NorFlash(terminal.flash) as flash, NorFlash(size=flash.size) as copy:
        watch = LogWatch(copy, mac_of("till-1"), lambda event, **keys: found.append((event, keys)))
        copy.begin_program(0, flash.image())
        copy.finish()
        watch.changed(0, copy.size)
    assert {keys["seq"] for event, keys in found if event == "record"} == told
    assert told


def test_the_same_flash_goes_on_where_it_was(tmp_path, runtime):
    seqs = []
    for boot in (1, 2):
        with SimTerminal(tmp_path, "--runtime", runtime) as terminal:
            assert terminal.expect("ready")["boot"] == boot
            terminal.tell("press 4 50 profile clean")
            seqs.append(terminal.expect("record")["seq"])
            assert terminal.finish() == 0
    assert seqs[0] < seqs[1]


def test_sigterm_ends_it_cleanly_and_end_of_stdin_changes_nothing(tmp_path, runtime):
    link = tmp_path / "port"
    with SimTerminal(tmp_path, "--runtime", runtime, "--link", str(link)) as terminal:
        ready = terminal.expect("ready")
        assert link.readlink() == Path(ready["serial"])
        (vm,) = terminal.children()
        terminal.tell("press 1 30")
        terminal.process.stdin.close()
        terminal.expect("led", on=False)
        terminal.process.send_signal(SIGTERM)
        terminal.expect("power", on=False)
        terminal.expect("exit", status=0)
        assert terminal.process.wait(PATIENCE_S) == 0
        assert not is_alive(vm)
        assert not link.is_symlink()


def test_the_vm_never_outlives_the_simulator(tmp_path, runtime):
    with SimTerminal(tmp_path, "--runtime", runtime) as terminal:
        terminal.expect("ready")
        (vm,) = terminal.children()
        assert is_alive(vm)
        terminal.process.kill()
        wait_until(lambda: not is_alive(vm), "the VM ends")


def test_votes_pass_the_access_point_and_wifi_can_be_cut(tmp_path, runtime, office):
    options = ("--runtime", runtime, "--mqtt", f"127.0.0.1:{office.port}")
    with SimTerminal(tmp_path, *options) as terminal:
        terminal.expect("ready")
        terminal.tell("press 4")
        seq = terminal.expect("record")["seq"]
        while (batch := terminal.expect("published"))["last_seq"] < seq:
            pass
        assert batch["t"] - terminal.of("record")[0]["t"] < 2.5
        terminal.tell("wifi off")
        terminal.expect("wifi", on=False)
        before = len(terminal.of("published"))
        terminal.tell("press 1", "wait 1.5", "wifi on")
        seq = terminal.expect("record")["seq"]
        terminal.expect("wifi", on=True)
        assert len(terminal.of("published")) == before
        while terminal.expect("published")["last_seq"] < seq:
            pass
        assert terminal.finish() == 0
    assert office.server.office.unreadable == 0
    assert office.server.office.marks


@pytest.fixture
def office():
    loop = asyncio.new_event_loop()
    server = BrokerServer()
    listening = threading.Event()
    stop = asyncio.Event()

    async def serve():
        async with server.listening():
            listening.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert listening.wait(PATIENCE_S)
    yield SimpleNamespace(server=server, port=server.port)
    loop.call_soon_threadsafe(stop.set)
    thread.join(PATIENCE_S)
    loop.close()


def echo_frame(text):
    return b"".join(packet.encode(EchoWriteRequest(d=text).BYTES, line_length=128))


def test_the_cable_answers_and_its_ring_drops_what_is_too_much(tmp_path, runtime):
    with SimTerminal(tmp_path, "--runtime", runtime) as terminal:
        port = terminal.expect("ready")["serial"]
        with serial.Serial(port, 115200, timeout=5, exclusive=True) as cable:
            cable.write(echo_frame("hello"))
            assert cable.read_until(b"\x06\x09") and cable.readline()
            # More than the ring holds, at once: the end of it, and the frame with it, is lost.
            cable.write(b"x" * 300 + b"\n" + echo_frame("lost"))
            cable.write(b"")
            assert not select.select([cable.fileno()], [], [], 0.5)[0]
            cable.write(b"\n" + echo_frame("found"))
            assert cable.read_until(b"\x06\x09") and cable.readline()
            terminal.tell("power off")
            terminal.expect("power", on=False)
            cable.reset_input_buffer()
            cable.write(echo_frame("silence"))
            assert not select.select([cable.fileno()], [], [], 0.3)[0]
            terminal.tell("power on")
            terminal.expect("ready")
            cable.reset_input_buffer()
            cable.write(echo_frame("again"))
            assert cable.read_until(b"\x06\x09") and cable.readline()
        assert terminal.finish() == 0


@pytest.mark.parametrize("runtime", RUNTIMES[:1])
def test_ctrl_c_shows_a_repl_and_ctrl_d_restarts(tmp_path, runtime):
    with SimTerminal(tmp_path, "--runtime", runtime) as terminal:
        port = terminal.expect("ready")["serial"]
        with serial.Serial(port, 115200, timeout=5) as cable:
            cable.write(b"\x03")
            assert b">>> " in cable.read_until(b">>> ")
            cable.write(b"\x01")
            assert cable.read_until(b"raw REPL; CTRL-B to exit\r\n>").endswith(b">")
            cable.write(b"import machine; print(machine.unique_id().hex())\x04")
            assert mac_of("till-1").hex().encode() in cable.read_until(b"\x04>")
            cable.write(b"\x04")
            assert cable.read_until(b"soft reboot\r\n").endswith(b"soft reboot\r\n")
            assert cable.read_until(b"raw REPL; CTRL-B to exit\r\n>").endswith(b">")
            cable.write(b"\x02\x04")
            assert terminal.expect("ready")["boot"] == 2
        assert terminal.finish() == 0


@pytest.mark.parametrize("runtime", RUNTIMES[:1])
def test_the_fakes_cost_no_more_than_is_added_for_them(tmp_path, runtime):
    with SimTerminal(tmp_path, "--runtime", runtime) as terminal:
        terminal.expect("ready")
        terminal.finish()
        assert terminal.events[-1]["heap"]["fakes_bytes"] <= FAKES_HEAP


def test_what_somebody_types_in_error_is_no_failure(tmp_path):
    """At a keyboard, a pseudo-terminal here; stdout is none."""
    command = [sys.executable, "-m", "hymio_sim", "terminal", "--device-id", "till-1", "--flash", tmp_path / "f.bin"]
    for clock in ("real", "virtual"):
        keyboard, inner = os.openpty()
        process = subprocess.Popen(
            [*command, "--runtime", "cpython", "--clock", clock], stdin=inner, stdout=subprocess.PIPE, text=True
        )
        os.close(inner)
        try:
            os.write(keyboard, b"fly\nquit\n")
            events = [json.loads(line) for line in process.stdout]
            assert [event["event"] for event in events].count("error") == 1
            assert events[-1]["status"] == process.wait(PATIENCE_S) == 0, clock
        finally:
            process.kill()
            process.wait(PATIENCE_S)
            os.close(keyboard)


WITHOUT_POSIX = """
import sys
for name in ("fcntl", "pty", "termios", "tty"):
    sys.modules[name] = None
from hymio.cli.app import main
main()
"""


def without_posix(*arguments):
    """`hymio` as on a system that has no pseudo-terminals."""
    command = [sys.executable, "-c", WITHOUT_POSIX, *map(str, arguments)]
    return subprocess.run(command, input="press 4\n", capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def test_without_pseudo_terminals_there_is_simulated_time_and_one_sentence(tmp_path):
    terminal = ("sim", "terminal", "--device-id", "till-1", "--flash", tmp_path / "f.bin", "--json")
    real = without_posix(*terminal)
    assert real.returncode == 2 and real.stdout == "" and len(real.stderr.splitlines()) == 1
    error = json.loads(real.stderr)["error"]
    assert "no pseudo-terminals" in error["message"] and "--clock virtual" in error["hint"]
    virtual = without_posix(*terminal, "--clock", "virtual")
    assert virtual.returncode == 0, virtual.stderr
    assert '"verdict": "counted"' in virtual.stdout
    demo = without_posix("sim", "demo")
    assert demo.returncode == 2 and demo.stderr.startswith("This system has no pseudo-terminals")


def test_the_demo_says_at_once_what_is_not_installed(capsys, monkeypatch):
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    assert run_cli(cli.app, ["demo"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "The demo needs what is not installed here (iotcore)" in said.err
    assert extras.install_command("demo") in said.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--device-id", "Till"), "--device-id"),
        (("--mqtt", "nowhere"), "HOST:PORT"),
        (("--mqtts", "localhost:8883"), "--pki go together"),
        (("--mqtts", "broker.example:8883", "--pki", "."), "localhost or 127.0.0.1"),
        (("--mqtts", "localhost:8883", "--pki", "/nonexistent"), "ca.der"),
        (("--heap", "much"), "--heap"),
        (("--script", "/nonexistent/script"), "--script"),
    ],
)
def test_wrong_use_is_status_2_with_two_sentences(tmp_path, options, says):
    command = [sys.executable, "-m", "hymio_sim", "terminal", "--device-id", "till-1", "--flash", tmp_path / "f.bin"]
    command += ["--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert error["exit"] == 2 and says in error["message"] and error["hint"]
    assert not (tmp_path / "f.bin").exists(), "nothing was touched"
