"""What the groups of SMP owe: settings that are good as a whole, uploads that stay where they belong."""

import json

import pytest
from hand_board import HandBoard
from ram_flash import RamFlash
from test_console import ask

from terminal.app import App
from terminal.config import build
from terminal.console import Console

READ, WRITE = 0, 2
SETTINGS, FILES, TERMINAL = 3, 8, 72


@pytest.fixture
def console(tmp_path):
    app = App(build({}), HandBoard(RamFlash(4)), "0.1.0", "", f"{tmp_path}/")
    app.start(0)
    return Console(app)


def setting(console, path, value):
    return ask(console, WRITE, SETTINGS, 0, {"name": path, "val": value})[1]


def test_settings_are_saved_whole_or_not_at_all(console, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"thanks_ms": 700, "wifi": {"ssid": "shop"}}))
    before = (tmp_path / "config.json").read_text()
    assert setting(console, "mqtt/tls/cert", b"cert.der") == {}
    refused = ask(console, WRITE, SETTINGS, 3, {})[1]
    assert refused["rc"] == 3 and refused["rsn"].startswith("mqtt.tls.")
    assert (tmp_path / "config.json").read_text() == before
    assert ask(console, READ, SETTINGS, 3, {})[1] == {}, "load: what was not saved is forgotten"
    assert setting(console, "wifi/password", b"geheimes Wort") == setting(console, "thanks_ms", b"500") == {}
    assert ask(console, WRITE, SETTINGS, 2, {})[1] == {}
    assert (tmp_path / "config.json").read_text() == before
    assert ask(console, WRITE, SETTINGS, 3, {})[1] == {}
    saved = json.loads((tmp_path / "config.json").read_text())
    assert saved == {"thanks_ms": 500, "wifi": {"ssid": "shop", "password": "geheimes Wort"}}
    assert ask(console, WRITE, SETTINGS, 1, {"name": "thanks_ms"})[1] == {}
    assert ask(console, READ, SETTINGS, 0, {"name": "thanks_ms"})[1] == {"val": b"1000"}


def test_a_setting_keeps_the_rest_of_a_file_with_a_byte_order_mark(console, tmp_path):
    (tmp_path / "config.json").write_text('{"wifi": {"ssid": "shop"}}', encoding="utf-8-sig")
    assert setting(console, "thanks_ms", b"500") == {}
    assert ask(console, WRITE, SETTINGS, 2, {})[1] == {}
    assert ask(console, WRITE, SETTINGS, 3, {})[1] == {}
    assert json.loads((tmp_path / "config.json").read_text()) == {"thanks_ms": 500, "wifi": {"ssid": "shop"}}


@pytest.mark.parametrize("path", ["wifi/password", "mqtt/password", "mqtt/tls/key"])
def test_secrets_are_never_read(console, path):
    assert setting(console, path, b"geheimes Wort") == {}
    assert ask(console, READ, SETTINGS, 0, {"name": path})[1] == {"err": {"group": 3, "rc": 4}}
    assert ask(console, READ, SETTINGS, 0, {"name": path}, version=0)[1] == {"rc": 11}


def test_a_list_of_networks_holds_passwords(console):
    value = json.dumps([{"ssid": "a", "password": "geheimes Wort"}]).encode()
    assert setting(console, "wifi/networks", value) == {}
    assert ask(console, READ, SETTINGS, 0, {"name": "wifi/networks"})[1] == {"err": {"group": 3, "rc": 4}}


def upload(console, name, off, data, **more):
    return ask(console, WRITE, FILES, 0, {"off": off, "data": data, "name": name, **more})[1]


def test_an_upload_that_was_broken_off_goes_on(console, tmp_path):
    assert upload(console, "/staging/a", 0, b"12345", len=10) == {"off": 5}
    assert upload(console, "/staging/a", 3, b"45", len=10) == {"err": {"group": 8, "rc": 11}}
    console.close()
    assert upload(console, "/staging/a", 5, b"67890") == {"off": 10}
    assert ask(console, READ, FILES, 1, {"name": "/staging/a"})[1] == {"len": 10}
    assert (tmp_path / "staging" / "a").read_bytes() == b"1234567890"
    assert upload(console, "/staging/a", 0, b"", len=0) == {"off": 0}
    assert (tmp_path / "staging" / "a").read_bytes() == b"", "a new upload takes the place of the old one"


def test_an_upload_is_bounded(console, tmp_path):
    assert upload(console, "/staging/a", 0, b"x", len=262145) == {"err": {"group": 8, "rc": 12}}
    assert upload(console, "/staging/a", 0, b"xx", len=1) == {"err": {"group": 8, "rc": 12}}
    (tmp_path / "staging" / "b").write_bytes(bytes(262144))
    assert upload(console, "/staging/b", 262144, b"x") == {"err": {"group": 8, "rc": 12}}


def test_no_memory_is_an_answer_and_the_next_one_is_good(console, monkeypatch):
    monkeypatch.setattr(console.app, "facts", lambda: (_ for _ in ()).throw(MemoryError()))
    assert ask(console, READ, TERMINAL, 0, {})[1] == {"rc": 2}
    assert ask(console, READ, TERMINAL, 2, {})[1]["old"] == 0


def test_a_mistake_of_ours_is_told_in_the_text_log(console, monkeypatch):
    monkeypatch.setattr(console.app, "facts", lambda: {}["no such fact"])  # type: ignore[index]
    assert ask(console, READ, TERMINAL, 0, {})[1] == {"rc": 1}
    text = ask(console, READ, TERMINAL, 4, {"n": 2})[1]["d"]
    assert b"KeyError: 'no such fact'" in text
