"""Every example in simulator/examples/ and host/examples/ does what it says at its head."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import runpy
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

sys.path.append(str(Path(__file__).parent / "host"))
from hymio_process import TIMEOUT_S, hymio_here, service

from hymio.office.home_discovery import figures
from hymio.store.known_terminals import Facts
from hymio_sim.run.virtual import VirtualTerminal

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "simulator" / "examples"
OFFICE = ROOT / "host" / "examples"

TRIED = {
    SCRIPTS: {"first-vote.txt", "power-cut.txt", "no-wifi.txt", "what-is-no-vote.txt", "rush_hour.py"},
    # figures.sql: tests/host/test_figures_sql.py, which has databases of both kinds.
    # places.toml: tests/host/test_site_commands.py.
    OFFICE: {"site.toml", "tills.csv", "places.toml", "read_figures.py", "figures.sql", "hymio-collect.service"},
}


@pytest.mark.parametrize("folder", TRIED, ids=lambda folder: folder.parent.name)
def test_no_example_is_without_a_test(folder: Path) -> None:
    there = {path.name for path in folder.iterdir() if path.name != "__pycache__"}
    assert there == TRIED[folder]


@pytest.mark.parametrize(
    "path", [path for folder in TRIED for path in sorted(folder.iterdir()) if path.is_file()], ids=str
)
def test_every_example_says_what_it_is_for_and_how_to_run_it(path: Path) -> None:
    if path.suffix == ".csv":
        return  # a table has no place for it; site.toml tells of it
    head = path.read_text(encoding="utf-8")[:900]
    assert re.search(r"^[#\"-]", head) and path.name in head, "its own name stands in the command that runs it"


# ---- the simulator's ----


def events(name: str, tmp_path: Path) -> list[dict[str, Any]]:
    """What the terminal tells when the command at the head of a script is given as it stands there, and --json."""
    head = re.sub(r"\\\n#\s+", "", (SCRIPTS / name).read_text())
    command = re.search(r"^# {5}hymio (sim .+)$", head, re.MULTILINE)
    assert command is not None
    (tmp_path / "simulator").symlink_to(ROOT / "simulator")
    done = subprocess.run(
        [sys.executable, "-m", "hymio", *command[1].split(), "--json"],
        cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def events_of(script: str) -> list[dict[str, Any]]:
    with VirtualTerminal("till-1") as till:
        till.script(script.splitlines())
        return till.events


def names(told: list[dict[str, Any]], *wanted: str) -> list[str]:
    return [event["event"] for event in told if event["event"] in wanted]


def presses(told: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """Button and verdict in force of each press."""
    found = {event["seq"]: [event["button"], event["verdict"]] for event in told if event["event"] == "record"}
    for event in told:
        if event["event"] == "amended":
            found[event["seq"]][1] = event["verdict"]
    return [(button, verdict) for button, verdict in found.values()]


def test_first_vote(tmp_path: Path) -> None:
    told = events("first-vote.txt", tmp_path)
    assert names(told, "record", "led") == ["record", "led", "led"]
    assert presses(told) == [(4, "counted")]


def test_power_cut(tmp_path: Path) -> None:
    script = (SCRIPTS / "power-cut.txt").read_text()
    told = events("power-cut.txt", tmp_path)
    assert [event["boot"] for event in told if event["event"] == "ready"] == [1, 2]
    assert presses(told) == [(2, "counted"), (3, "counted")]
    # What the head says of an earlier cut: no light, no record, and a slot that stays unused.
    shorter = re.search(r"Take (\S+)\n# instead of (\S+):", script)
    assert shorter is not None
    torn = events_of(script.replace(f"wait {shorter[2]}", f"wait {shorter[1]}"))
    earlier = events_of(script.replace(f"wait {shorter[2]}", "wait 0.005"))
    assert presses(torn) == presses(earlier) == [(3, "counted")]
    first_led = next(event for event in torn if event["event"] == "led")
    assert first_led["led"] == 3
    (after,), (before,) = ([event["seq"] for event in told if event["event"] == "record"] for told in (torn, earlier))
    assert after == before + 1


def test_no_wifi(tmp_path: Path) -> None:
    told = events("no-wifi.txt", tmp_path)
    assert presses(told) == [(4, "counted"), (1, "counted"), (3, "counted")]
    off, on = (index for index, event in enumerate(told) if event["event"] == "wifi")
    assert names(told[off:on], "record", "published") == ["record", "record"]
    waited = [event["seq"] for event in told[off:on] if event["event"] == "record"]
    (batch,) = [event for event in told[on:] if event["event"] == "published"]
    assert batch["first_seq"] <= min(waited) < max(waited) == batch["last_seq"]


def test_what_is_no_vote(tmp_path: Path) -> None:
    told = events("what-is-no-vote.txt", tmp_path)
    verdicts = [
        (4, "counted"),
        (1, "chord"),
        (2, "chord"),
        (1, "replaced"),
        (2, "counted"),
        (3, "stuck"),
        (4, "counted"),
    ]
    assert presses(told) == verdicts
    # The head of the file names them.
    assert {"chord", "replaced", "stuck"} <= set(re.findall(r"`(\w+)`", (SCRIPTS / "what-is-no-vote.txt").read_text()))


def test_rush_hour(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["rush_hour.py", "7"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPTS / "rush_hour.py"), run_name="__main__")
    told = capsys.readouterr().out
    assert ended.value.code == 0, told
    assert re.match(r"120 pushes, 1\d\d records: ", told)


# ---- the host's ----


def test_site_and_table_provision_three_terminals(tmp_path: Path) -> None:
    for file in ("site.toml", "tills.csv"):
        shutil.copy(OFFICE / file, tmp_path)
    site, table = str(tmp_path / "site.toml"), str(tmp_path / "tills.csv")
    sheet = tmp_path / "labels.pdf"
    done = hymio_here("provision", site, "--csv", table, "--labels", str(sheet), "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "tills.csv").open(encoding="utf-8", newline="") as table_file:
        wanted = [row["device_id"] for row in csv.DictReader(table_file)]
    assert [device["device_id"] for device in json.loads(done.stdout)["devices"]] == wanted
    assert len(wanted) == 3 and sheet.read_bytes().startswith(b"%PDF")


def test_read_figures_prints_what_the_collector_tells_home_assistant() -> None:
    """At a real broker: the retained message of a terminal comes at once, a later one when it comes."""
    pytest.importorskip("iotcore")

    async def told(port: int) -> list[str]:
        async with aiomqtt.Client("127.0.0.1", port) as collector:

            async def tell(faces: list[int]) -> None:
                payload = json.dumps(figures(faces, Facts("1.2.3", 3900, -61), 1.8e9, 1.8e9))
                await collector.publish("hymio/till-1/figures", payload, qos=1, retain=True)

            await tell([1, 0, 0, 2])
            reader = await asyncio.create_subprocess_exec(
                sys.executable, OFFICE / "read_figures.py", "127.0.0.1", str(port), stdout=subprocess.PIPE
            )
            assert reader.stdout is not None
            async with asyncio.timeout(TIMEOUT_S):
                lines = [await reader.stdout.readline()]
                await tell([0, 0, 0, 0])
                lines.append(await reader.stdout.readline())
                await collector.publish("hymio/till-1/figures", b"", qos=1, retain=True)
                lines.append(await reader.stdout.readline())
                reader.send_signal(signal.SIGINT)
                assert await reader.wait() == 0
            return [line.decode().rstrip() for line in lines]

    with service("broker", "--listen", "127.0.0.1:0", "--json") as broker:
        port = broker.wait_for("ready")["port"]
        assert asyncio.run(told(port)) == [
            "till-1: 3 votes today (1 0 0 2), Happy Index 66.7",
            "till-1: 0 votes today (0 0 0 0), Happy Index -",
            "till-1: retired",
        ]


def test_read_figures_says_what_is_wrong() -> None:
    for arguments, said in ((["127.0.0.1"], "usage: "), (["127.0.0.1", "1"], "127.0.0.1:1: ")):
        done = subprocess.run(
            [sys.executable, OFFICE / "read_figures.py", *arguments],
            capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        assert done.returncode == 1 and done.stderr.startswith(said) and done.stderr.count("\n") == 1


def unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (OFFICE / "hymio-collect.service").read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def test_the_service_calls_a_command_that_there_is_and_hands_it_its_secrets() -> None:
    service = unit()
    (command,) = service["ExecStart"]
    assert command.startswith("/opt/hymio/bin/hymio collect ")
    options = re.findall(r"--[\w-]+", command)
    helped = hymio_here("collect", "--help").stdout
    assert options and all(option in helped for option in options)
    given = {credential.partition(":")[0] for credential in service["LoadCredential"]}
    used = set(re.findall(r"%d/([\w.]+)", f"{command} {service['Environment'][0]}"))
    assert given == used == {"broker", "db", "ca.pem", "cert.pem", "key.pem"}
    # Each of these takes from the service what it does not need.
    assert service["DynamicUser"] == ["yes"] and service["ProtectSystem"] == ["strict"]
    assert service["CapabilityBoundingSet"] == [""] and service["NoNewPrivileges"] == ["yes"]
    assert Counter(map(len, service.values()))[1] == len(service) - 2, "only credentials and filters stand twice"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_service_and_finds_little_exposed(tmp_path: Path) -> None:
    text = (OFFICE / "hymio-collect.service").read_text()
    path = tmp_path / "hymio-collect.service"
    path.write_text(text.replace("/opt/hymio/bin/hymio", "/bin/true"))  # it looks whether that can be run
    verified = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    assert verified.returncode == 0 and "hymio-collect" not in verified.stderr, verified.stderr
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=15", path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "unrecognized option" in rated.stderr:
        pytest.skip("systemd-analyze rates no unit files before systemd 250")
    assert rated.returncode == 0, rated.stdout[-200:] + rated.stderr
