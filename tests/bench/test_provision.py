"""`hymio provision` and `hymio retire`: files, labels and register, then a simulated board and a mocked one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate
from mock_board import flash, mock_board
from simulated_board import hymio, needs_vm, simulated_board

from hymio.board.boot_loader import ResetModes
from hymio.board.device_register import DeviceEntry, put, read_register
from hymio.board.labels import content_of, write_labels
from hymio.board.mpremote_runs import MpRemote
from hymio.board.retire import check_safe, wipe
from hymio.cable.log_image import parse_mac
from hymio.cable.smp_messages import StatusAnswer
from hymio.common.errors import ANSWER_NO, ANSWERED_ERROR, WRONG_USE, Failure
from hymio.office.config_push import read_config
from hymio.settings.configuration_rules import checked_config
from hymio.settings.provisioning_file import ProvisionedTerminal, read_certificates, read_terminals
from hymio.store import known_terminals
from hymio.store.database import open_store

SCHEMAS = Path(__file__).parents[1] / "schemas"
SITE = """
board = "esp32-devkitc"
experience_point = "Lobby"
page = "https://votes.example/{device_id}"
question.en = "How was our service today?"
question.fi = "Millaista palvelumme oli tänään?"

[wifi]
ssid = "kiosks"
password = "a secret of the site"

[mqtt]
host = "192.0.2.10"

[opening_hours]
days = ["08:00-18:00", "08:00-18:00", "08:00-18:00", "08:00-18:00", "08:00-18:00", "", ""]
tz = "EET-2EEST,M3.5.0/3,M10.5.0/4"
"""
ONE = 'device_id = "till-1"\n' + SITE
SECRET = "a secret of the site"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(SITE, encoding="utf-8")
    return path


# ---- files ----


def test_one_terminal(tmp_path: Path) -> None:
    path = tmp_path / "till-1.toml"
    path.write_text(ONE, encoding="utf-8")
    (terminal,) = read_terminals(path)
    config = json.loads(terminal.files()["config.json"])
    assert config["device_id"] == "till-1" and config["mqtt"] == {"host": "192.0.2.10"}
    assert config["pins"]["buttons"] == [25, 26, 27, 33] and config["wifi"]["password"] == SECRET
    assert not config.keys() & {"board", "page", "question", "experience_point"}
    assert (terminal.page, terminal.chip) == ("https://votes.example/till-1", "ESP32")
    assert terminal.question["fi"] == "Millaista palvelumme oli tänään?"
    assert SECRET not in repr(terminal)  # a traceback may show it


def test_many_terminals_are_the_file_with_a_line_laid_over(site: Path, tmp_path: Path) -> None:
    table = tmp_path / "tills.csv"
    table.write_text(
        "device_id,experience_point,mqtt.port,wifi.password,windows.repeat_ms,question.en,port\n"
        "till-1,Till 1,,,,,/dev/ttyUSB0\n"
        "till-2,Till 2,1884,12345678,7000,Was it quick?,/dev/ttyUSB1\n"
    )
    one, two = read_terminals(site, table)
    assert (one.device_id, one.experience_point, one.port) == ("till-1", "Till 1", "/dev/ttyUSB0")
    assert one.config["wifi"]["password"] == SECRET and "windows" not in one.config
    # A password of digits is a text still, a port is a number.
    assert two.config["wifi"] == {"ssid": "kiosks", "password": "12345678"}
    assert two.config["mqtt"] == {"host": "192.0.2.10", "port": 1884} and two.config["windows"] == {"repeat_ms": 7000}
    assert two.question == {**one.question, "en": "Was it quick?"}
    assert [terminal.device_id for terminal in read_terminals(site, table, only="till-2")] == ["till-2"]


PLAIN = '[wifi]\nssid = "Shop"\npassword = "correct horse"\n[mqtt]\nhost = "192.0.2.10"\n'
HEAD = "device_id,experience_point"


def rows_of(table: str | bytes, folder: Path, base: str = PLAIN) -> list[ProvisionedTerminal]:
    """The terminals of a table over a plain file."""
    (folder / "base.toml").write_text(base, encoding="utf-8")
    path = folder / "tills.csv"
    path.write_bytes(table if isinstance(table, bytes) else table.encode())
    return read_terminals(folder / "base.toml", path)


@pytest.mark.parametrize(
    "table",
    [
        "device_id,experience_point\ntill-1,Tür 1\n",
        "device_id;experience_point\r\ntill-1;Tür 1\r\n",
        "device_id\texperience_point\ntill-1\tTür 1\n",
        "sep=;\r\ndevice_id;experience_point\r\ntill-1;Tür 1\r\n",
        "sep=,\ndevice_id,experience_point\ntill-1,Tür 1\n",
        '"sep=;"\ndevice_id;experience_point\ntill-1;Tür 1\n',
        "sep=\t\ndevice_id\texperience_point\ntill-1\tTür 1\n",
        "\ufeffdevice_id;experience_point\ntill-1;Tür 1\n",
        "\ufeffsep=;\ndevice_id;experience_point\ntill-1;Tür 1\n",
        "device_id,experience_point\ntill-1,Tür 1\n,\n , \n\n,,,\n",
        "device_id,experience_point,,\ntill-1,Tür 1,,\n",
        " device_id , experience_point \n till-1 , Tür 1 \n",
    ],
)
def test_a_table_is_taken_as_spreadsheets_save_it(table: str, tmp_path: Path) -> None:
    (terminal,) = rows_of(table, tmp_path)
    assert (terminal.device_id, terminal.experience_point) == ("till-1", "Tür 1")


def test_a_semicolon_lets_a_list_stand_in_a_cell(tmp_path: Path) -> None:
    (terminal,) = rows_of("device_id;pins.buttons;pins.active_low\ntill-1;[4, 13, 14, 32];FALSE\n", tmp_path)
    assert terminal.config["pins"] == {"buttons": [4, 13, 14, 32], "active_low": False}


@pytest.mark.parametrize("text", ["true", "TRUE"])
def test_truth_is_written_as_in_toml_or_as_in_excel(text: str, tmp_path: Path) -> None:
    (terminal,) = rows_of(f"device_id,pins.active_low,wifi.ssid\ntill-1,{text},TRUE\n", tmp_path)
    assert terminal.config["pins"]["active_low"] is True and terminal.config["wifi"]["ssid"] == "TRUE"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (f"{HEAD}\ntill-1,Tür 1\n".encode("cp1252"), "line 2: expected UTF-8, came the byte 0xfc of another encoding"),
        (f"{HEAD}\ntill-1,Tür 1\n".encode("utf-16"), "is UTF-16, expected UTF-8"),
        (b"name;experience_point\ntill-1;T\n", "a column of this name in the first line, came 'name;experience_point'"),
        (b"", "device_id: expected a column of this name in the first line, came nothing"),
        (b"device_id,note,note\ntill-1,a,b\n", "note: expected one column of this name, came more"),
        (b"device_id,note\ntill-1,a,b\n", "line 2: expected 2 values, one for each name in line 1"),
        (b"device_id,\ntill-1,b\n", "line 2: expected 2 values, one for each name in line 1"),
        (b"device_id,note\n,\n", "expected a line for each terminal, came none"),
        (b"device_id,pins.active_low\ntill-1,WAHR\n", 'pins.active_low: expected true or false, came "WAHR"'),
    ],
)
def test_a_table_that_is_not_understood_names_the_way_out(table: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(Failure) as failed:
        rows_of(table, tmp_path)
    assert said in failed.value.message and failed.value.exit_status == WRONG_USE
    if "UTF-8" in said:
        assert "CSV UTF-8" in failed.value.hint


def test_blanks_are_part_of_names_and_passphrases_of_networks_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = 'device_id,wifi.ssid,wifi.password,note\ntill-1 ,"skynet ","pass phrase with blank ", a \n'
    (terminal,) = rows_of(table, tmp_path)
    assert terminal.config["wifi"] == {"ssid": "skynet ", "password": "pass phrase with blank "}
    assert (terminal.device_id, terminal.note) == ("till-1", "a")
    said = capsys.readouterr().err
    assert "line 2: wifi.ssid begins or ends with a blank" in said and "line 2: wifi.password begins" in said
    assert "pass phrase" not in said


KEY = "0123456789abcdefABCDEF" + "0" * 42


@pytest.mark.parametrize(
    ("password", "good"),
    [
        (KEY, True),
        (KEY[:-1] + "g", False),
        (KEY + "0", False),
        ("x" * 63, True),
        ("x" * 64, False),
        ("ä" * 31, True),
        ("ä" * 32, False),
        ("ä" * 4, True),
        ("ä" * 3, False),
        ("", True),
    ],
)
def test_a_key_of_64_digits_is_taken_and_passphrases_are_counted_in_bytes(
    password: str, good: bool, tmp_path: Path
) -> None:
    """IEEE 802.11-2020, J.4: a passphrase has 8 to 63 characters of one byte; 64 hexadecimal digits are the PSK."""
    path = tmp_path / "till.json"
    path.write_text(json.dumps({"wifi": {"ssid": "s", "password": password}}))
    base = PLAIN.replace('"correct horse"', json.dumps(password, ensure_ascii=False))
    if good:
        assert checked_config(path) == path and read_config(path, "till-1")["wifi"]["password"] == password
        assert rows_of("device_id\ntill-1\n", tmp_path, base)[0].config["wifi"]["password"] == password
    else:
        for take in (checked_config, lambda path: read_config(path, "till-1")):
            with pytest.raises(Failure, match=r"wifi.password: expected 8 to 63 bytes, 64 hex digits, or none"):
                take(path)
        with pytest.raises(Failure, match=r"wifi.password: expected 8 to 63 bytes"):
            rows_of("device_id\ntill-1\n", tmp_path, base)


@pytest.mark.parametrize("mac", ["24:0a:c4:11:22:f3", "24-0A-C4-11-22-F3", "240a.c411.22F3", "240AC41122f3"])
def test_a_mac_is_taken_in_every_common_notation(mac: str, tmp_path: Path) -> None:
    assert rows_of(f"device_id,mac\ntill-1,{mac}\n", tmp_path)[0].mac == "24:0a:c4:11:22:f3"
    assert parse_mac(mac) == bytes.fromhex("240ac41122f3")


@pytest.mark.parametrize(
    "mac",
    [
        "24:0a:c4:11:22", "24:0a:c4:11:22:33:44", "24:0a:c4:11:22:3g", "24:0a-c4:11-22:33", "24:0ac4:11:22:33",
        "2:4:0:a:c:4", "240a.c4112233", "24.0a.c4.11.22.33", "240ac411223", "2.40E+11", ":::::24:0a:c4:11",
        "24:0a:c4:11:22:٣٣", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "01:00:5e:00:00:01",
    ],
)  # fmt: skip
def test_nonsense_is_no_mac(mac: str, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="mac: expected an address like"):
        rows_of(f"device_id,mac\ntill-1,{mac}\n", tmp_path)
    with pytest.raises(Failure, match="is no MAC address"):
        parse_mac(mac)


def test_a_byte_order_mark_is_no_part_of_any_file(tmp_path: Path) -> None:
    """PowerShell 5 and Notepad put one before UTF-8."""
    toml, config, register = tmp_path / "till.toml", tmp_path / "till.json", tmp_path / "terminals.json"
    toml.write_text('device_id = "till-1"\n', encoding="utf-8-sig")
    config.write_text('{"device_id": "till-1"}', encoding="utf-8-sig")
    assert read_terminals(toml)[0].device_id == "till-1"
    assert read_config(toml, "till-1") == read_config(config, "till-1") == {}
    assert checked_config(config, "ESP32") == config
    register.write_text('{"hymio_register": 1, "devices": []}', encoding="utf-8-sig")
    assert read_register(register) == {}
    for path, take in ((toml, read_terminals), (config, checked_config), (config, lambda p: read_config(p, "till-1"))):
        path.write_text("{}", encoding="utf-16")
        with pytest.raises(Failure, match="is UTF-16, expected UTF-8") as failed:
            take(path)
        assert failed.value.exit_status == WRONG_USE and "Save it as UTF-8" in failed.value.hint


def test_a_configuration_for_another_chip_is_refused_before_a_board_or_image_is_made(tmp_path: Path) -> None:
    """The original ESP32's wiring, with names of esptool for the chip: half of these pins do not exist on a C3."""
    path = tmp_path / "pins.json"
    path.write_text('{"device_id": "till-1", "pins": {"buttons": [25, 26, 27, 33], "leds": [18, 19, 21, 22]}}')
    assert checked_config(path, "ESP32") == path
    with pytest.raises(Failure, match=r"pins.buttons: 25 is no pin of this chip") as failed:
        checked_config(path, "ESP32-C3")
    assert failed.value.exit_status == WRONG_USE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SITE, "device_id: expected one, came none"),
        ("device_id = 'Till 1'", 'device_id: expected 3 to 32 of a-z, 0-9 and -, not beginning with -, came "Till 1"'),
        (f"{ONE}\n[power]\nuploads_per_day = 0", "power.uploads_per_day: expected 1..96, came 0"),
        (ONE.replace("esp32-devkitc", "esp8266"), "board: expected one of esp32-c3"),
        (f"{ONE}\n[pins]\nbuzzer = 6", "pins.buzzer: 6 belongs to the flash chip"),
        (ONE.replace("https://", "gopher://"), "page: expected an address that begins with https:// or http://"),
        (ONE.replace('"Lobby"', "7"), "experience_point: expected a text of at most 80 characters, came 7"),
        (ONE.replace('"How was our service today?"', '""'), 'question.en: expected a text of 1 to 200 characters'),
        (f"pki = 'ca'\n{ONE}", "pki: expected the directory of a CA that has issued a certificate for till-1"),
        (ONE.replace(SECRET, "short"), "wifi.password: expected 8 to 63 bytes, 64 hex digits, or none, came another"),
        ("device_id = till-1", "is not TOML"),
    ],
)  # fmt: skip
def test_every_error_names_file_and_key(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "till.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Failure) as failed:
        read_terminals(path)
    assert said in failed.value.message and failed.value.exit_status == WRONG_USE and failed.value.hint
    assert "short" not in failed.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name\ntill-1\n", "device_id: expected a column"),
        ("device_id,mqtt.port\ntill-1,1883\ntill-2,0\n", "line 3: mqtt.port: expected 1..65535, came 0"),
        ("device_id\ntill-1\ntill-1\n", "device_id: expected different ones, came till-1 twice"),
        ("device_id,mac\ntill-1,24:0a\n", "mac: expected an address like 24:0a:c4:11:22:33"),
        ("device_id,wifi.ssid\ntill-1\n", "line 2: expected 2 values"),
        ("device_id\n", "came none"),
    ],
)
def test_every_error_of_a_table_names_its_line(text: str, said: str, site: Path, tmp_path: Path) -> None:
    table = tmp_path / "tills.csv"
    table.write_text(text)
    with pytest.raises(Failure) as failed:
        read_terminals(site, table)
    assert said in failed.value.message and failed.value.exit_status == WRONG_USE


def test_certificates_of_the_ca_go_along(tmp_path: Path) -> None:
    assert hymio("pki", "init", "--dir", tmp_path / "pki").returncode == 0
    assert hymio("pki", "issue", "--dir", tmp_path / "pki", "till-1").returncode == 0
    found = read_certificates(tmp_path / "pki", "till-1", "till-1.toml")
    issued = tmp_path / "pki" / "issued" / "till-1"
    assert found == {f"certs/{name}.der": (issued / f"{name}.der").read_bytes() for name in ("ca", "cert", "key")}
    path = tmp_path / "till-1.toml"
    path.write_text(f'pki = "pki"\n{ONE}', encoding="utf-8")
    files = read_terminals(path)[0].files()
    tls = json.loads(files["config.json"])["mqtt"]["tls"]
    assert {key: files[name] for key, name in tls.items()} == {key: found[f"certs/{key}.der"] for key in tls}
    assert tls.keys() == {"ca", "cert", "key"}


# ---- labels and register ----


def some(count: int) -> list[ProvisionedTerminal]:
    question = {"fi": "Millaista palvelumme oli tänään?"}
    return [
        ProvisionedTerminal(
            f"till-{n}", {}, {}, question=question, experience_point="Aula", page=f"https://votes.example/till-{n}"
        )
        for n in range(count)
    ]


def codes_on(sheet: Any) -> list[str]:
    """What a reader of codes finds on an image."""
    import zxingcpp

    return sorted(found.text for found in zxingcpp.read_barcodes(sheet))


def test_the_codes_on_a_png_are_those_of_the_pages(tmp_path: Path) -> None:
    from PIL import Image

    terminals = some(3)
    write_labels(tmp_path / "labels.png", terminals)
    assert codes_on(Image.open(tmp_path / "labels.png")) == sorted(map(content_of, terminals))


def test_a_pdf_has_ten_labels_a_sheet_and_their_codes_are_those_of_the_pages(tmp_path: Path) -> None:
    import pypdfium2

    terminals = some(11)
    write_labels(tmp_path / "labels.pdf", terminals)
    with pypdfium2.PdfDocument(tmp_path / "labels.pdf") as pdf:
        sheets = [codes_on(page.render(scale=3).to_pil()) for page in pdf]
    assert [len(sheet) for sheet in sheets] == [10, 1]
    assert sorted(sheets[0] + sheets[1]) == sorted(map(content_of, terminals))


QUESTION = {
    "fi": "Millaista palvelumme oli tänään?",
    "pl": "Jak oceniasz naszą obsługę?",
    "el": "Πώς ήταν η εξυπηρέτηση;",
    "ru": "Как вам наше обслуживание?",
    "vi": "Dịch vụ hôm nay thế nào?",
}


def one(**more: Any) -> ProvisionedTerminal:
    return ProvisionedTerminal("till-1", {}, {}, **more)


def test_a_label_has_the_question_in_all_its_languages_in_letters_of_every_script(tmp_path: Path) -> None:
    import pypdfium2

    write_labels(tmp_path / "labels.pdf", [one(question=QUESTION, experience_point="Łódź, Gdańsk")])
    with pypdfium2.PdfDocument(tmp_path / "labels.pdf") as pdf:
        text = pdf[0].get_textpage().get_text_range()
    said = " ".join(text.split())
    for line in ("till-1", "Łódź, Gdańsk", *QUESTION.values()):
        assert line in said
    assert said.count("?") == sum(line.count("?") for line in QUESTION.values())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"experience_point": "Kassa 😀"}, "till-1: experience_point: .* no '😀' .U.1F600, GRINNING FACE"),
        ({"question": {"ja": "今日"}}, "till-1: question.ja: .* no '今'"),
        ({"question": {"": "a\tb"}}, "till-1: question: .* a control character"),
        ({"question": {str(n): "w" * 200 for n in range(9)}}, "till-1: the texts do not fit on a label"),
    ],
)
def test_what_a_label_can_not_show_is_refused_and_named(more: Any, said: str, tmp_path: Path) -> None:
    for name in ("labels.pdf", "labels.png"):
        with pytest.raises(Failure, match=said) as failed:
            write_labels(tmp_path / name, [one(**more)])
        assert failed.value.exit_status == WRONG_USE and not (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ("https://votes.example/till-1?a=b&c=%20#top", "https://votes.example/till-1?a=b&c=%20#top"),
        ("https://votes.example/Tür 1?q=ä#ö", "https://votes.example/T%C3%BCr%201?q=%C3%A4#%C3%B6"),
        ("https://votes.example/Tu\u0308r", "https://votes.example/T%C3%BCr"),
        ("https://straße.example:8443/", "https://xn--strae-oqa.example:8443/"),
        ("https://votes.example/голос", "https://votes.example/%D0%B3%D0%BE%D0%BB%D0%BE%D1%81"),
    ],
)
def test_a_code_is_read_back_as_the_address_that_browsers_make_of_the_page(
    page: str, code: str, tmp_path: Path
) -> None:
    from PIL import Image

    write_labels(tmp_path / "labels.png", [one(page=page)])
    assert codes_on(Image.open(tmp_path / "labels.png")) == [code]


@pytest.mark.parametrize(("name", "count", "said"), [("labels.doc", 1, "expected a name"), ("a.png", 11, "do not fit")])
def test_what_is_no_sheet(name: str, count: int, said: str, tmp_path: Path) -> None:
    with pytest.raises(Failure, match=said):
        write_labels(tmp_path / name, some(count))


def test_the_register_keeps_one_entry_for_each(tmp_path: Path) -> None:
    path = tmp_path / "terminals.json"
    put(path, DeviceEntry("till-1", mac="24:0a:c4:00:00:01"))
    put(path, DeviceEntry("till-2"))
    put(path, DeviceEntry("till-1", mac="24:0a:c4:00:00:02", question={"en": "?"}))
    assert list(read_register(path)) == ["till-1", "till-2"]
    assert read_register(path)["till-1"] == DeviceEntry("till-1", mac="24:0a:c4:00:00:02", question={"en": "?"})
    assert not {"config", "wifi", "password"} & {one.name for one in fields(DeviceEntry)}


@pytest.mark.parametrize(
    ("text", "status"), [("{", WRONG_USE), ('{"hymio_register": 2}', ANSWERED_ERROR), ("[]", WRONG_USE)]
)
def test_a_register_that_is_none(text: str, status: int, tmp_path: Path) -> None:
    path = tmp_path / "terminals.json"
    path.write_text(text)
    with pytest.raises(Failure) as failed:
        read_register(path)
    assert failed.value.exit_status == status


def test_a_dry_run_makes_labels_and_touches_nothing_else(site: Path, tmp_path: Path) -> None:
    table = tmp_path / "tills.csv"
    table.write_text("device_id\ntill-1\ntill-2\n")
    sheet, register = tmp_path / "labels.pdf", tmp_path / "terminals.json"
    options = "--labels", sheet, "--register", register, "--dry-run", "--json"
    done = hymio("provision", site, "--csv", table, *options)
    assert done.returncode == 0, done.stderr
    pages = [device["page"] for device in json.loads(done.stdout)["devices"]]
    assert pages == ["https://votes.example/till-1", "https://votes.example/till-2"]
    assert sheet.exists() and not register.exists()


# ---- a simulated board ----


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Path]:
    """The port of a terminal that calls itself fresh-1 as yet."""
    with simulated_board(tmp_path, device_id="fresh-1") as (_, port):
        yield port


@needs_vm
def test_a_board_is_provisioned_and_its_identity_outlives_its_files(board: Path, tmp_path: Path) -> None:
    from hymio.cable.boot_line import listen

    path, register = tmp_path / "till-1.toml", tmp_path / "terminals.json"
    path.write_text(ONE, encoding="utf-8")
    done = hymio("provision", path, "--port", board, "--register", register, "--json")
    assert done.returncode == 0, done.stderr
    validate(json.loads(done.stdout), json.loads((SCHEMAS / "provision.json").read_text()))
    (device,) = json.loads(done.stdout)["devices"]
    entry = read_register(register)["till-1"]
    assert device["mac"] == entry.mac and entry.mac.startswith("24:0a:c4") and entry.log_id == device["log_id"]
    assert (entry.experience_point, entry.board, entry.page) == (
        "Lobby",
        "esp32-devkitc",
        "https://votes.example/till-1",
    )
    for text in (done.stdout, done.stderr, register.read_text()):
        assert SECRET not in text and "kiosks" not in text
    # The file system dies: what the terminal still is, it has from beside it.
    remote = MpRemote(str(board))
    remote.execute("import os; os.remove('config.json')")
    start = listen(str(board))
    assert (start.device_id, start.problem, start.config_problem) == ("till-1", "", "")
    # And a broken configuration costs the network, not the name.
    remote.execute("f = open('config.json', 'w'); f.write('{'); f.close()")
    start = listen(str(board))
    assert start.device_id == "till-1" and "config.json" in start.config_problem


@needs_vm
def test_another_board_than_named_is_left_alone(board: Path, site: Path, tmp_path: Path) -> None:
    table = tmp_path / "tills.csv"
    table.write_text(f"device_id,mac,port\ntill-1,24:0a:c4:00:00:00,{board}\n")
    done = hymio("provision", site, "--csv", table, "--register", tmp_path / "terminals.json")
    assert done.returncode == WRONG_USE and "is to be 24:0a:c4:00:00:00" in done.stderr
    assert "fresh-1" in MpRemote(str(board)).execute("print(open('config.json').read())")


# ---- retirement ----


def status(**changed: Any) -> StatusAnswer:
    facts = {"device_id": "till-1", "firmware": "0.1.0", "boot": 1, "reset_cause": 1, "uptime_ms": 1, "utc_ms": 0}
    log = {"heap_free": 1, "wifi": 0, "log_id": 7, "next_seq": 9, "pressed": (1, 0, 0, 4), "unsent": 0}
    return StatusAnswer.model_construct(**{**facts, **log, **changed})


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"unsent": 2}, "holds 2 presses that nobody has yet"),
        ({"log_id": 0, "problem": "no partition 'votes'"}, "no log that can be read: no partition"),
    ],
)
def test_votes_that_are_not_safe_stop_it(facts: dict[str, Any], said: str) -> None:
    with pytest.raises(Failure, match=said) as failed:
        check_safe(status(**facts), None, "PORT")
    assert failed.value.exit_status == ANSWER_NO


def test_a_database_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hymio.board.retire.settled_presses", lambda *_: 0)
    with pytest.raises(Failure, match="knows of 0 presses of till-1") as failed:
        check_safe(status(), "postgresql://office:geheim@db.example/votes", "PORT")
    assert "geheim" not in failed.value.message + failed.value.hint


def test_acknowledged_votes_are_safe() -> None:
    check_safe(status(), None, "PORT")


@needs_vm
def test_votes_are_safe_once_the_database_has_them(tmp_path: Path) -> None:
    db = tmp_path / "votes.db"
    with simulated_board(tmp_path) as (terminal, port):
        terminal.tell("press 4")
        terminal.expect("record", button=4)
        retire = "retire", "--port", port, "--register", tmp_path / "terminals.json", "--before", "no-reset"
        done = hymio(*retire, "--yes")
        assert done.returncode == ANSWER_NO and "holds 1 press that" in done.stderr
        assert hymio("votes", "--port", port, "--db", db).returncode == 0
        done = hymio(*retire, "--db", db)
        # Safe, but not agreed to: no wrong use, and nothing that a script may take for done.
        assert done.returncode == ANSWER_NO and "--yes" in done.stderr and "Every press of it is safe" in done.stderr
        terminal.tell("press 1")
        terminal.expect("record", button=1)
        done = hymio(*retire, "--db", db, "--yes")
        assert done.returncode == ANSWER_NO and "knows of 1 press of till-1, it has counted 2" in done.stderr


def test_a_retired_board_is_blank_and_in_the_register_and_forgotten(tmp_path: Path) -> None:
    register = tmp_path / "terminals.json"
    store = open_store(str(tmp_path / "votes.db"), create=True)
    with store.writing() as connection:
        known_terminals.keep(connection, {"till-1": known_terminals.Facts("0.1.0"), "till-2": known_terminals.Facts()})
    with mock_board("esp32", tmp_path) as port:
        flash(port, {0x9000: b"secret" * 700, 0x300000: b"HYML" * 1024}, (0, 16))
        mac = wipe(port, ResetModes("no-reset", "no-reset"), lambda line: None)
        for at in (0x9000, 0x300000):
            assert flash(port, {}, (at, 0x2000)) == b"\xff" * 0x2000
        put(register, DeviceEntry("till-1", mac=mac))
        options = "--register", register, "--before", "no-reset", "--after", "no-reset", "--json"
        options += "--db", tmp_path / "votes.db"
        done = hymio("retire", "--port", port, "--votes-are-lost", "--yes", *options)
        assert done.returncode == 0, done.stderr
    validate(json.loads(done.stdout), json.loads((SCHEMAS / "retire.json").read_text()))
    assert json.loads(done.stdout) == {"device_id": "till-1", "mac": mac, "pressed": None}
    assert read_register(register)["till-1"].retired_utc is not None
    with store.reading() as connection:
        assert known_terminals.forgotten(connection) == {"till-1": False}
        assert set(known_terminals.known(connection)) == {"till-2"}
    store.close()
