"""`hymio flash`: the plan, the written flash of a mocked board to the byte, and the terminal that starts from it."""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from esp_idf_defs.image_metadata import ImageMetadata
from jsonschema import validate
from mock_board import ESPTOOL_NAMES, flash, mock_board
from simulated_board import hymio, needs_vm
from stock_images import FACTORY, MIB, NVS, STOCK, loader_offset, stock_image
from test_partitions import entries_of, sector_of

from hymio.board.boot_loader import ResetModes
from hymio.board.factory import make_plan, merged_image
from hymio.board.factory_files import application, file_system, files_of, firmware_files, used_runs
from hymio.board.flash import FlashJob, flash_board, run_flash
from hymio.board.partitions import SECTOR, TABLE_OFFSET, PartitionError, add_votes, factory_table
from hymio.board.stock_image import read_stock
from hymio.common.errors import ANSWER_NO, ANSWERED_ERROR, NO_TERMINAL, WRONG_USE, Failure

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the mock needs pseudo-terminals")

SCHEMAS = Path(__file__).parents[1] / "schemas"
AS_IT_IS = ResetModes("no-reset", "no-reset")
VOTES = ("votes", 1, 6, 3 * MIB, MIB)
VFS = ("vfs", 1, 0x81, 2 * MIB, MIB)
FILES = {"main.py": b"print(1)\n", "terminal/run.mpy": bytes(range(256)) * 40}


# ---- the plan ----


@pytest.mark.parametrize("chip", ESPTOOL_NAMES)
@pytest.mark.parametrize("size", [4 * MIB, 8 * MIB, 16 * MIB])
def test_the_table_is_explicit_and_grows_with_the_flash(chip: str, size: int, tmp_path: Path) -> None:
    stock = read_stock(stock_image(chip, tmp_path))
    assert (stock.chip, stock.micropython, stock.flash_size) == (ESPTOOL_NAMES[chip], (1, 26, 0), 4 * MIB)
    plan = make_plan(stock, size, FILES)
    vfs, votes = (*VFS[:4], size - 3 * MIB), (*VOTES[:3], size - MIB, MIB)
    assert entries_of(plan.table.sector) == [*STOCK, vfs, votes]
    spans = sorted((piece.offset, piece.offset + len(piece.data), piece.what) for piece in plan.pieces)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    assert spans[-1][1] <= size - MIB and spans[0][0] == loader_offset(chip)
    assert not any(begin < 0xF000 and end > 0x9000 for begin, end, _ in spans)  # nvs: identity and calibration
    assert plan.pieces[-1].what == "partition table"


def test_a_log_stays_where_it_is() -> None:
    """On 16 MB, made when the board was thought to have 4."""
    table = factory_table(sector_of(STOCK), 16 * MIB, (3 * MIB, MIB))
    assert entries_of(table.sector) == [*STOCK, VOTES, ("vfs", 1, 0x81, 4 * MIB, 12 * MIB)]


@pytest.mark.parametrize(
    ("votes", "limit", "said"),
    [
        ((MIB, MIB), 4 * MIB, "something else"),  # under the new program
        ((4 * MIB, MIB), 4 * MIB, "something else"),  # beyond the end
        ((2 * MIB + 0x20000, 2 * MIB - 0x20000), 4 * MIB, "too few for the files"),
        (None, 2 * MIB, "too few for the votes"),
    ],
)
def test_no_room_is_an_error_not_a_loss(votes: tuple[int, int] | None, limit: int, said: str) -> None:
    with pytest.raises(PartitionError, match=said):
        factory_table(sector_of(STOCK), limit, votes)


def test_an_image_that_lists_votes_already_is_taken_for_a_stock_one() -> None:
    table = factory_table(sector_of([*STOCK, VFS, VOTES]), 8 * MIB)
    assert entries_of(table.sector)[-1] == ("votes", 1, 6, 7 * MIB, MIB)


def test_a_configuration_may_be_a_provisioning_file(tmp_path: Path) -> None:
    toml, out = tmp_path / "till-1.toml", tmp_path / "factory.bin"
    toml.write_text('device_id = "till-1"\nboard = "esp32-s3-devkitc-1"\n')
    done = hymio("flash", stock_image("esp32s3", tmp_path), "--config", toml, "--image", out, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["chip"], answer["flash_size"], answer["votes"]["kept"]) == ("ESP32-S3", 4 * MIB, False)
    image = out.read_bytes()
    assert os.name == "nt" or out.stat().st_mode & 0o777 == 0o600, "configuration and keys are in it"
    assert entries_of(image[TABLE_OFFSET:][:SECTOR]) == [*STOCK, VFS, VOTES]
    files = files_of(image[2 * MIB :].ljust(MIB, b"\xff"))
    assert files is not None and json.loads(files["config.json"])["pins"]["buttons"] == [4, 5, 6, 7]
    wrong = hymio("flash", stock_image("esp32c3", tmp_path), "--config", toml, "--image", out)
    assert wrong.returncode == WRONG_USE and "pins.leds: 15 belongs to the flash chip (esp32c3)" in wrong.stderr


NONE = "is not MicroPython"


def other_program(tmp: Path, version: str, banner: str, project: str) -> Path:
    return stock_image("esp32", tmp, version=version, banner=banner, project=project)


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ("MicroPython v1.27 on 2025-10-01", (1, 27, 0)),
        ("MicroPython v1.27.0-preview.123.gabc123 on 2025-10-01; Generic ESP32 module with ESP32", (1, 27, 0)),
        ("MicroPython v1.29.1-dirty on 2026-10-01", (1, 29, 1)),
    ],
)
def test_the_banner_tells_the_version(banner: str, version: tuple[int, int, int], tmp_path: Path) -> None:
    image = stock_image("esp32", tmp_path, version="v5.4.2-13-gabc", banner=banner)
    assert read_stock(image).micropython == version


def damaged(image: Path, at: int) -> Path:
    data = bytearray(image.read_bytes())
    data[at] ^= 0xFF
    image.write_bytes(data)
    return image


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (lambda tmp: stock_image("esp32", tmp, version="v1.22.2"), "1.22.2, the firmware needs 1.23"),
        (lambda tmp: stock_image("esp32c2", tmp), "ESP32-C2, expected one of ESP32, "),
        (lambda tmp: stock_image("esp32", tmp, table=[NVS]), "names no application"),
        (lambda tmp: damaged(stock_image("esp32", tmp), 0x100), "boot loader is damaged"),
        (lambda tmp: damaged(stock_image("esp32", tmp), 0x7004), "no partition table"),
        (lambda tmp: damaged(stock_image("esp32", tmp), 0xF400), "application is damaged"),
        (lambda tmp: other_program(tmp, "9.2.1", "Adafruit CircuitPython 9.2.1 on 2024-11-20", "circuitpython"), NONE),
        (lambda tmp: other_program(tmp, "v5.3.1-dirty", "Hello world!", "hello_world"), NONE),
        (lambda tmp: other_program(tmp, "2.4.0", "", "sensor-node"), NONE),
        (lambda tmp: other_program(tmp, "v1.29.0", "", "micropython"), NONE),
        (lambda tmp: tmp / "nothing.bin", "No such file"),
        (lambda tmp: tmp.joinpath("short.bin").write_bytes(b"\xe9") and tmp / "short.bin", "damaged or missing"),
    ],
)
def test_what_is_no_stock_image(image: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(Failure, match=said) as failed:
        read_stock(image(tmp_path))
    assert failed.value.exit_status == WRONG_USE and failed.value.hint


def test_a_file_system_holds_what_was_put_in() -> None:
    image = file_system(FILES, MIB)
    assert files_of(image) == FILES and files_of(b"\xff" * MIB) is None
    over_old_files = bytearray(b"\x5a" * MIB)
    for at, data in used_runs(image):
        over_old_files[at : at + len(data)] = data
    assert files_of(bytes(over_old_files)) == FILES
    with pytest.raises(Failure, match="do not fit"):
        file_system({"large": bytes(MIB)}, MIB)


def test_compiled_for_its_micropython() -> None:
    rooms, others = firmware_files()
    files = application((1, 26, 0))
    assert files.keys() == {f"terminal/{room.stem}.mpy" for room in rooms} | {path.name for path in others}
    # .mpy version 6.3: https://docs.micropython.org/en/latest/reference/mpyfiles.html
    assert all(data[:2] == b"M\x06" for path, data in files.items() if path.endswith(".mpy"))


COREDUMP = ("coredump", 1, 3, 0x3F0000, 0x10000)
CERTS = ("certs", 1, 2, 0xFF0000, 0x10000)


@pytest.mark.parametrize(
    ("table", "limit", "vfs", "votes"),
    [
        pytest.param([*STOCK, COREDUMP], 4 * MIB, (2 * MIB, 0xF0000), (0x2F0000, MIB), id="a core dump at the end"),
        pytest.param(
            [*STOCK, ("vfs", 1, 0x81, 2 * MIB, 0x1F0000), COREDUMP],
            *(4 * MIB, (2 * MIB, 0xF0000), (0x2F0000, MIB)),
            id="behind a listed vfs",
        ),
        pytest.param(
            [*STOCK, ("coredump", 1, 3, 0x3E0000, 0x10000)],
            *(4 * MIB, (2 * MIB, 0xE0000), (0x2E0000, MIB)),
            id="and a little more behind it",
        ),
        pytest.param([*STOCK, CERTS], 16 * MIB, (2 * MIB, 0xCF0000), (0xEF0000, MIB), id="certificates, 16 MB"),
        pytest.param([*STOCK, COREDUMP], 16 * MIB, (4 * MIB, 11 * MIB), (15 * MIB, MIB), id="a larger flash"),
    ],
)
def test_files_and_votes_share_what_vfs_has(
    table: list[Any], limit: int, vfs: tuple[int, int], votes: tuple[int, int]
) -> None:
    """Whatever stands behind it, and as `hymio deploy` does it."""
    change = factory_table(sector_of(table), limit)
    others = [entry for entry in table if entry[0] != "vfs"]
    found = entries_of(change.sector)
    assert sorted(found) == sorted([*others, ("vfs", 1, 0x81, *vfs), ("votes", 1, 6, *votes)])
    assert (change.vfs_offset, change.vfs_size, change.votes_offset, change.votes_size) == (*vfs, *votes)
    # With its votes there it comes out as it is.
    assert factory_table(sector_of(table), limit, votes).sector == change.sector
    if any(entry[0] == "vfs" for entry in table):
        assert add_votes(sector_of(table), limit).votes_offset == votes[0]


def test_the_hint_is_that_of_the_cause(tmp_path: Path) -> None:
    full = [NVS, ("factory", 0, 0, 0x10000, 0x3F0000 - 0x10000), COREDUMP]
    stock = read_stock(stock_image("esp32", tmp_path, table=full))
    with pytest.raises(Failure, match="too few for the votes") as failed:
        make_plan(stock, 4 * MIB, FILES)
    assert "leave more room" in failed.value.hint and "4 MB" not in failed.value.hint
    with pytest.raises(Failure, match="too few for the votes") as failed:
        make_plan(read_stock(stock_image("esp32", tmp_path)), 2 * MIB, FILES)
    assert "4 MB of flash or more" in failed.value.hint


# ---- a board ----


@pytest.fixture
def esp32(tmp_path: Path) -> Iterator[str]:
    with mock_board("esp32", tmp_path) as port:
        yield port


@pytest.mark.parametrize("chip", ["esp32", "esp32c3"])
def test_every_byte_of_the_plan_is_in_flash(chip: str, tmp_path: Path) -> None:
    stock = read_stock(stock_image(chip, tmp_path, flash_size=8 * MIB))
    shares: list[float] = []
    with mock_board(chip, tmp_path) as port:
        result = flash_board(port, FlashJob(stock, FILES, resets=AS_IT_IS), lambda what, share: shares.append(share))
        plan = make_plan(stock, 4 * MIB, FILES)
        there = {piece: flash(port, {}, (piece.offset, len(piece.data))) for piece in plan.pieces}
    loader = there.pop(plan.pieces[-2])
    assert all(data == piece.data for piece, data in there.items()) and len(there) == len(plan.pieces) - 1
    assert loader[3] == 0x2F  # 4 MB, as the chip is, not 8 as the image
    assert ImageMetadata.from_bytes(loader).header.hash_appended  # and it is right, or this raises
    assert result["votes"] == {"offset": 3 * MIB, "size": MIB, "kept": False} and result["mac"].startswith("24:0a:c4")
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1)
    merged = merged_image(plan)
    assert all(merged[piece.offset :].startswith(data) for piece, data in there.items())
    assert merged[loader_offset(chip) :].startswith(loader)


def test_votes_identity_and_configuration_outlive_it(esp32: str, tmp_path: Path) -> None:
    votes, nvs = b"HYML" + b"\x5a" * (SECTOR - 4), b"\x17" * 0x6000
    old = file_system(
        {"config.json": b'{"device_id": "till-1"}', "main.py": b"old", "certs/ca.der": b"ca"}, 12 * SECTOR
    )
    there = {
        TABLE_OFFSET: sector_of([*STOCK, ("vfs", 1, 0x81, 0x360000, 12 * SECTOR), ("votes", 1, 6, 0x380000, 0x80000)])
    }
    flash(esp32, {**there, 0x360000: old, 0x380000: votes, 0x9000: nvs}, (0, 16))
    order = FlashJob(read_stock(stock_image("esp32", tmp_path)), FILES, resets=AS_IT_IS)
    result = flash_board(esp32, order)
    assert result["votes"] == {"offset": 0x380000, "size": 0x80000, "kept": True} and result["config"] == "kept"
    assert flash(esp32, {}, (0x380000, SECTOR)) == votes and flash(esp32, {}, (0x9000, 0x6000)) == nvs
    assert entries_of(flash(esp32, {}, (TABLE_OFFSET, SECTOR)))[-1] == ("votes", 1, 6, 0x380000, 0x80000)
    kept = {"config.json": b'{"device_id": "till-1"}', "certs/ca.der": b"ca"}
    assert files_of(flash(esp32, {}, (2 * MIB, 0x180000))) == FILES | kept


@pytest.mark.parametrize("table", [sector_of(STOCK), b"\xff" * SECTOR], ids=["a stock image since", "cut off"])
def test_votes_without_a_table_are_known_by_their_mark(esp32: str, table: bytes, tmp_path: Path) -> None:
    flash(esp32, {TABLE_OFFSET: table, 3 * MIB: b"HYML" + bytes(SECTOR - 4)}, (0, 16))
    order = FlashJob(read_stock(stock_image("esp32", tmp_path)), FILES, dry_run=True, resets=AS_IT_IS)
    assert flash_board(esp32, order)["votes"] == {"offset": 3 * MIB, "size": MIB, "kept": True}
    assert flash(esp32, {}, (TABLE_OFFSET, SECTOR)) == table  # a dry run


def test_votes_stand_where_the_image_has_them_though_no_table_tells(esp32: str, tmp_path: Path) -> None:
    flash(esp32, {0x2F0000: b"HYML" + bytes(SECTOR - 4)}, (0, 16))
    stock = read_stock(stock_image("esp32", tmp_path, table=[*STOCK, COREDUMP]))
    order = FlashJob(stock, FILES, dry_run=True, resets=AS_IT_IS)
    assert flash_board(esp32, order)["votes"] == {"offset": 0x2F0000, "size": MIB, "kept": True}


def test_votes_in_the_way_of_the_program_stop_it(esp32: str, tmp_path: Path) -> None:
    table = sector_of([NVS, (*FACTORY[:4], 0x80000), ("votes", 1, 6, MIB, MIB)])
    flash(esp32, {TABLE_OFFSET: table}, (0, 16))
    stock = read_stock(stock_image("esp32", tmp_path))
    with pytest.raises(Failure, match="votes on the board stand at 0x100000") as failed:
        flash_board(esp32, FlashJob(stock, FILES, resets=AS_IT_IS))
    assert failed.value.exit_status == ANSWERED_ERROR and "--erase-votes" in failed.value.hint
    assert flash(esp32, {}, (TABLE_OFFSET, SECTOR)) == table


def test_votes_are_erased_only_by_name(esp32: str, tmp_path: Path) -> None:
    flash(esp32, {TABLE_OFFSET: sector_of([*STOCK, VFS, VOTES]), 3 * MIB: b"HYML" * 1024}, (0, 16))
    stock = read_stock(stock_image("esp32", tmp_path))
    flash_board(esp32, FlashJob(stock, FILES, erase_votes=True, resets=AS_IT_IS))
    assert flash(esp32, {}, (3 * MIB, SECTOR)) == b"\xff" * SECTOR


def test_an_image_for_another_chip_is_not_written(esp32: str, tmp_path: Path) -> None:
    done = hymio("flash", stock_image("esp32c3", tmp_path), "--port", esp32, "--before", "no-reset", "--json")
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert done.returncode == error["exit"] == ANSWERED_ERROR and "ESP32-C3" in error["message"]
    assert json.loads(done.stdout)["boards"][0]["error"] == {**error, "message": error["message"].split(": ", 1)[1]}


def test_two_at_once_and_one_that_is_not_there(esp32: str, tmp_path: Path) -> None:
    image = stock_image("esp32", tmp_path)
    with mock_board("esp32", tmp_path) as second:
        ports = ["--port", esp32, "--port", second, "--port", "/dev/no-such-port"]
        done = hymio("flash", image, *ports, "--before", "no-reset", "--after", "no-reset", "--json")
        assert done.returncode == NO_TERMINAL and "1 of 3 boards failed" in done.stderr
        boards = json.loads(done.stdout)["boards"]
        validate(json.loads(done.stdout), json.loads((SCHEMAS / "flash.json").read_text()))
        assert [board["port"] for board in boards] == [esp32, second, "/dev/no-such-port"]
        assert ["error" in board for board in boards] == [False, False, True]
        tables = [flash(port, {}, (TABLE_OFFSET, SECTOR)) for port in (esp32, second)]
    assert [entries_of(table)[-1] for table in tables] == [VOTES, VOTES]


def test_every_board_on_a_cable_and_nothing_else(
    esp32: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from serial.tools import list_ports  # type: ignore[import-untyped]
    from serial.tools.list_ports_common import ListPortInfo  # type: ignore[import-untyped]

    def on_usb(port: str, vendor: int | None) -> ListPortInfo:
        found = ListPortInfo(port)
        found.vid = vendor
        return found

    image = stock_image("esp32", tmp_path)
    with mock_board("esp32", tmp_path) as second:
        here = [on_usb(esp32, 0x10C4), on_usb("/dev/ttyS0", None), on_usb("/dev/mouse", 0x046D), on_usb(second, 0x1A86)]
        monkeypatch.setattr(list_ports, "comports", lambda: here)
        with pytest.raises(Failure, match="There are 2 boards here") as caught:
            run_flash(image, [], False, None, None, None, False, True, AS_IT_IS, True)
        assert caught.value.exit_status == WRONG_USE
        run_flash(image, [], True, None, None, None, False, False, AS_IT_IS, True)
        assert {board["port"] for board in json.loads(capsys.readouterr().out)["boards"]} == {esp32, second}
        tables = [flash(port, {}, (TABLE_OFFSET, SECTOR)) for port in (esp32, second)]
    assert [entries_of(table)[-1] for table in tables] == [VOTES, VOTES]
    monkeypatch.setattr(list_ports, "comports", lambda: here[1:3])
    with pytest.raises(Failure, match="No board is connected"):
        run_flash(image, [], True, None, None, None, False, False, AS_IT_IS, True)


def test_a_terminal_that_does_not_count_is_a_no(esp32: str, tmp_path: Path) -> None:
    from hymio.cable.boot_line import read_start

    def listen(port: str) -> Any:
        return read_start("hymio 0.1.0 till-1 does not count: the partition 'votes' is encrypted")

    order = FlashJob(
        read_stock(stock_image("esp32", tmp_path)), FILES, resets=ResetModes("no-reset", "no-reset-stub"), listen=listen
    )
    with pytest.raises(Failure, match="encrypted") as failed:
        flash_board(esp32, order)
    assert failed.value.exit_status == ANSWER_NO


# ---- wrong use, before any board ----


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ('{"mqtt": {"port": 0}}', "mqtt.port: expected 1..65535, came 0"),
        ('{"pins": {"leds": [6, 18, 19, 21]}}', "pins.leds: 6 belongs to the flash chip"),
    ],
)
def test_a_bad_configuration_names_its_key(config: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "till-1.json"
    path.write_text(config)
    done = hymio("flash", stock_image("esp32", tmp_path), "--config", path, "--port", "/dev/no-such-port")
    assert done.returncode == WRONG_USE and said in done.stderr


# ---- the written flash starts ----


@needs_vm
def test_the_written_flash_boots(esp32: str, tmp_path: Path) -> None:
    config = tmp_path / "kiosk.json"
    config.write_text('{"device_id": "kiosk-7"}')
    image = stock_image("esp32", tmp_path)
    done = hymio(
        "flash", image, "--port", esp32, "--config", config, "--before", "no-reset", "--after", "no-reset", "--json"
    )
    assert done.returncode == 0, done.stderr
    table = {entry[0]: entry[3:] for entry in entries_of(flash(esp32, {}, (TABLE_OFFSET, SECTOR)))}
    files = files_of(flash(esp32, {}, table["vfs"]))
    assert files == application((1, 26, 0)) | {"config.json": config.read_bytes()}
    assert files is not None
    board = tmp_path / "board"
    for name, data in files.items():
        path = board / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    votes = tmp_path / "votes.bin"
    votes.write_bytes(flash(esp32, {}, table["votes"]))
    script = tmp_path / "script"
    script.write_text("press 4\nwait 1\nquit\n")
    # The firmware is loaded into the heap here, which a field terminal's is not.
    heap = "--heap", "256k", "--script", script
    events = hymio("sim", "terminal", "--device-id", "some-board", "--flash", votes, "--files", board, *heap, "--json")
    assert events.returncode == 0, events.stderr
    told = [json.loads(line) for line in events.stdout.splitlines()]
    (record,) = [event for event in told if event["event"] == "record"]
    assert (record["button"], record["verdict"]) == (4, "counted")
