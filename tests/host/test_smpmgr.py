"""Stock clients against the real firmware over a PTY: `smpmgr` for what it knows, `smpclient` for the settings."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hymio_process import hymio
from smpclient import SMPClient
from smpclient.requests import file_management as file_group
from smpclient.requests import os_management as os_group
from smpclient.requests import settings_management as settings_group
from smpclient.transport.serial import SMPSerialTransport

from hymio import __version__
from hymio.cable.smp_messages import StatusRead
from hymio_sim.board.board_files import find_tool

sys.path.append(str(Path(__file__).parents[1] / "simulator"))
from sim_process import SimTerminal

pytestmark = pytest.mark.skipif(find_tool("micropython") is None, reason="no VM here")


def smpmgr(port: str, *arguments: str) -> str:
    """What `smpmgr` prints, on one line."""
    command = [str(Path(sys.executable).parent / "smpmgr"), "--port", port, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env={"COLUMNS": "400"})
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(done.stdout.split())


def ask(port: str, *requests: Any) -> list[dict[str, Any]]:
    """The answers of the terminal, each without its header."""

    async def all_of_them() -> list[dict[str, Any]]:
        async with SMPClient(SMPSerialTransport(), port) as client:
            answers = [await client.request(request, timeout_s=60) for request in requests]
        return [answer.model_dump(exclude={"header", "version", "sequence", "smp_data"}) for answer in answers]

    return asyncio.run(all_of_them())


def test_os(port: str) -> None:
    assert "hello over the cable" in smpmgr(port, "os", "echo", "hello over the cable")


def test_statistics(terminal: SimTerminal, port: str) -> None:
    terminal.tell("press 3 80")
    terminal.expect("record", button=3)
    told = smpmgr(port, "statistics", "fetch-all", "--verbose")
    for group in ("log", "presses", "switches", "terminal", "uplink", "smp_svr_stats"):
        assert f"name='{group}'" in told
    assert "'button3': 1" in told and "'button3_presses': 1" in told
    assert "ERR_INVALID_GROUP" in smpmgr(port, "statistics", "get", "nix")


def test_enumeration(port: str) -> None:
    told = smpmgr(port, "enum", "get-group-details", "0", "2", "3", "8", "10", "72")
    for name in ("os", "stat", "settings", "files", "enum", "terminal"):
        assert f"name='{name}'" in told


def test_a_group_that_is_not_there(port: str) -> None:
    assert "ENOTSUP" in smpmgr(port, "image", "state-read")


def test_files(port: str, tmp_path: Path) -> None:
    new = bytes(range(256)) * 3
    (tmp_path / "bundle").write_bytes(new)
    smpmgr(port, "file", "upload", str(tmp_path / "bundle"), "/staging/bundle")
    assert smpmgr(port, "file", "read-size", "/staging/bundle").endswith(" 768")
    assert repr(hashlib.sha256(new).digest()) in smpmgr(port, "file", "get-hash", "/staging/bundle")
    assert "crc32" in smpmgr(port, "file", "get-supported-hash-types")
    smpmgr(port, "file", "download", "/log/new.txt", str(tmp_path / "log"))
    assert (tmp_path / "log").read_text().splitlines()[0].startswith("1 1 0 - I reset: power-on. hymio ")
    forbidden = ("/main.py", "/config.json", "/log/../config.json", "/terminal/run.py", "/staging/bundle")
    for answer in ask(port, *(file_group.FileDownload(name=name, off=0) for name in forbidden)):
        assert answer["err"]["rc"].name == "FILE_INVALID_NAME"
    for answer in ask(port, *(file_group.FileUpload(name=n, off=0, data=b"", len=0) for n in ("/main.py", "/log/x"))):
        assert answer["err"]["rc"].name == "FILE_INVALID_NAME"


def test_date_and_time(port: str) -> None:
    unset, wrong, done, told, info = ask(
        port,
        os_group.DateTimeRead(),
        os_group.DateTimeWrite(datetime="2027-02-29T10:00:00"),
        os_group.DateTimeWrite(datetime="2027-01-15T10:00:00.5+02:00"),
        os_group.DateTimeRead(),
        os_group.OSApplicationInfoRead(format="nro"),
    )
    assert unset["err"]["rc"].name == "RTC_NOT_SET" and wrong["err"]["rc"].name == "INVALID_FORMAT"
    assert done == {} and told["datetime"].startswith("2027-01-15T08:00:0")
    assert info["output"].split()[0] == "till-1" and info["output"].endswith("MicroPython")


def test_settings(port: str) -> None:
    read, write, save = settings_group.ReadSetting, settings_group.WriteSetting, settings_group.SaveSettings
    host, pins, password, nothing = ask(port, *(read(name=n) for n in ("ntp/host", "pins/leds", "wifi/password", "a")))
    assert (host["val"], pins["val"]) == (b"pool.ntp.org", b"[18, 19, 21, 22]")
    assert password["err"]["rc"].name == "READ_NOT_SUPPORTED" and nothing["err"]["rc"].name == "KEY_NOT_FOUND"
    wrong, _, staged, strapping, refused, _, _, saved, kept = ask(
        port,
        write(name="mqtt/port", val=b"0"),
        write(name="mqtt/host", val=b"broker.example"),
        read(name="mqtt/host"),
        write(name="pins/buzzer", val=b"12"),
        save(),
        settings_group.DeleteSetting(name="pins/buzzer"),
        write(name="wifi/password", val=b"geheimes Wort"),
        save(),
        read(name="mqtt/host"),
    )
    assert wrong["rsn"] == "mqtt.port: expected 1..65535, came 0"
    assert staged["val"] == kept["val"] == b"broker.example"
    assert strapping == {}, "by itself it is a pin; that it can't be that one is found when all is checked"
    assert refused["rsn"].startswith("pins.buzzer: 12 is a strapping pin")
    assert saved == {}


def test_enter_prints_one_line_and_disturbs_nobody(port: str) -> None:
    import serial

    with serial.Serial(port, 115200, timeout=2) as line:
        line.write(b"\r")
        assert line.readline().startswith(f"hymio {__version__} till-1 boot 1, log ".encode())
        line.write(b"what is this?\r\n\x06\x09not base64\r\n")
    assert ask(port, StatusRead())[0]["device_id"] == "till-1"


def test_the_text_log_by_its_own_command(port: str) -> None:
    done = hymio("logs", "--port", port, "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[0]["text"].startswith("reset: power-on") and lines[0]["utc"] is None
    told = hymio("logs", "--port", port, "--since", str(len(lines)))
    assert len(told.stdout.splitlines()) == 1 and told.stdout.strip().endswith(lines[-1]["text"])


def test_reset_starts_with_what_was_saved(terminal: SimTerminal, port: str, tmp_path: Path) -> None:
    write = settings_group.WriteSetting
    ask(
        port,
        write(name="mqtt/host", val=b"broker.example"),
        write(name="wifi/password", val=b"geheimes Wort"),
        settings_group.SaveSettings(),
    )
    smpmgr(port, "os", "reset")
    assert terminal.expect("ready")["boot"] == 2
    deadline = time.monotonic() + 60
    told = b""
    while b"hard" not in told and time.monotonic() < deadline:
        smpmgr(port, "file", "download", "/log/new.txt", str(tmp_path / "log"))
        told = (tmp_path / "log").read_bytes()
    assert b"I reset by cable\n" in told and b" 2 " in told.splitlines()[-1]
    assert b"geheim" not in told
    assert ask(port, settings_group.ReadSetting(name="mqtt/host"))[0]["val"] == b"broker.example"
