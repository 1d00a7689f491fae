"""A simulated terminal, a real mosquitto and TLS between them: who believes whom, and what is said of it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hymio_process import Service, hymio, service
from test_security import VM, A, Site, collect_arguments, free_port, impostor, site, write_issued  # noqa: F401

from hymio.pki import certificates as certificates
from hymio.pki.files import PkiDirectory

pytestmark = pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc")
RUNTIMES = [pytest.param("micropython", marks=pytest.mark.skipif(VM is None, reason="no micropython here")), "cpython"]
WAIT_S = 90.0
A_PRESS = "press 2 1000\n"
"""Long enough to be seen by a process that had to wait for its turn on a busy machine."""


@contextlib.contextmanager
def terminal(
    directory: Path, pki: Path, port: int, runtime: str, script: str, config: dict[str, Any] | None = None
) -> Iterator[Service]:
    """`hymio sim terminal` as terminal A with these files and a broker at localhost."""
    (directory / "script").write_text(script)
    (directory / "config.json").write_text(json.dumps(config or {}))
    arguments = ["--device-id", A, "--flash", str(directory / "flash.bin"), "--link", str(directory / "port")]
    arguments += ["--mqtts", f"localhost:{port}", "--pki", str(pki), "--runtime", runtime]
    arguments += ["--script", str(directory / "script"), "--config", str(directory / "config.json"), "--json"]
    with service("sim", "terminal", *arguments) as running:
        yield running


def problem(directory: Path) -> str:
    """What the terminal says, once it says something, of why there is no connection."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        done = hymio("status", "--port", str(directory / "port"), "--json")
        if done.returncode == 0 and (said := json.loads(done.stdout).get("mqtt_problem")):
            return str(said)
        time.sleep(0.2)
    raise AssertionError("no problem is told")


def self_test(directory: Path) -> dict[str, Any]:
    """What the self-test says of the way to the broker."""
    others = ("record", "flash", "files", "contacts", "lights", "buttons", "buzzer", "battery", "drift")
    left_out = [word for name in others for word in ("--skip", name)]
    done = hymio("selftest", "--port", str(directory / "port"), "--store", str(directory), *left_out, "--json")
    return {check["name"]: check for check in json.loads(done.stdout)["checks"]}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_vote_is_committed_and_acknowledged_over_tls(site: Site, tmp_path: Path, runtime: str) -> None:  # noqa: F811
    with (
        service(*collect_arguments(site, tmp_path / "votes.db")) as collector,
        terminal(tmp_path, site.files(A), site.port, runtime, "press 4\n") as running,
    ):
        collector.wait_for("ready")
        seq = running.wait_for("record")["seq"]
        while running.wait_for("acked")["seq"] < seq:
            pass
        status = json.loads(hymio("status", "--port", str(tmp_path / "port"), "--json").stdout)
        assert status["mqtt"] == "on" and "mqtt_problem" not in status
        tested = self_test(tmp_path)
        assert tested["wifi"]["result"] == tested["tls"]["result"] == "passed"
        assert tested["wifi"]["value"] == -60 and "certificate and its name were checked" in tested["tls"]["reason"]
        running.stop()
        assert collector.stop() == 0


@pytest.mark.parametrize(
    ("runtime", "who"),
    [("micropython", "wrong name"), ("micropython", "other CA"), ("micropython", "revoked"), ("cpython", "wrong name")],
)
def test_who_is_refused_and_what_is_said(site: Site, tmp_path: Path, runtime: str, who: str) -> None:  # noqa: F811
    if runtime == "micropython" and VM is None:
        pytest.skip("no micropython here")
    # The broker says of a revoked certificate no more than that something is wrong with it.
    said = {"wrong name": ("does not match", "mismatch"), "other CA": ("not correctly signed",), "revoked": ("TLS: ",)}
    with contextlib.ExitStack() as stack:
        port, files = site.port, site.files(A)
        if who == "wrong name":
            if not site.files("elsewhere").exists():
                now = certificates.datetime.datetime.now(certificates.datetime.UTC)
                day = certificates.datetime.timedelta(days=1)
                ours = PkiDirectory(site.pki).authority()
                issued = certificates.issue(ours, "server", "elsewhere", ["elsewhere.example"], now + day, now - day)
                write_issued(site.files("elsewhere"), ours, issued)
            port = stack.enter_context(impostor(site, "elsewhere"))
        elif who == "other CA":
            port = stack.enter_context(impostor(site, "server-stranger"))
        else:
            files = site.files("revoked")
        running = stack.enter_context(terminal(tmp_path, files, port, runtime, A_PRESS))
        running.wait_for("record")
        told = problem(tmp_path)
        assert any(part in told for part in said[who]), told
        assert running.wait_for("led")["on"], "it counts and thanks all the same"
        assert running.stop() == 0


def test_without_its_files_it_counts_and_says_so(site: Site, tmp_path: Path) -> None:  # noqa: F811
    config = {"mqtt": {"tls": {"ca": "nowhere.der"}, "username": "u", "password": "secret"}}
    with terminal(tmp_path, site.files(A), site.port, "cpython", A_PRESS, config) as running:
        running.wait_for("record")
        assert problem(tmp_path) == "mqtt.tls.ca: no file nowhere.der on the board"
        assert "secret" not in hymio("status", "--port", str(tmp_path / "port"), "--json").stdout
        tested = self_test(tmp_path)
        assert (tested["wifi"]["result"], tested["tls"]["result"]) == ("passed", "failed")
        assert tested["tls"]["reason"] == "mqtt.tls.ca: no file nowhere.der on the board."
        assert running.stop() == 0
