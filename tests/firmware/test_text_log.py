"""The text log: what happened, in words, within a budget of wear; and why the boot before ended."""

from hypothesis import given
from hypothesis import strategies as st
from logs import app_on
from ram_flash import RamFlash

from terminal import crash_report, text_log_files
from terminal.clock import Clock
from terminal.config import build
from terminal.text_log import TextLog

HOUR_MS = 3_600_000


def lines_of(home):
    return b"".join(
        (home / "log" / name).read_bytes() for name in ("old.txt", "new.txt") if (home / "log" / name).exists()
    )


def booted(home, board=None, now_ms=0, config=None):
    from hand_board import HandBoard

    from terminal.app import App

    board = board or HandBoard(RamFlash(4))
    app = App(config or build({}), board, "0.1.0", "", f"{home}/")
    app.start(now_ms)
    return app, board


def idle(app, board, ms, step_ms=1000):
    end_ms = board.now_ms + ms
    while board.now_ms < end_ms:
        board.now_ms += step_ms
        app.step(board.now_ms)


def test_a_boot_is_one_line_and_one_write(tmp_path):
    app, board = booted(tmp_path)
    idle(app, board, 9_000)
    assert not (tmp_path / "log").exists(), "it waits for a moment without a finger, and for more lines"
    idle(app, board, 5_000)
    (line,) = lines_of(tmp_path).splitlines()
    assert line.startswith(b"1 1 0 - I reset: power-on. hymio 0.1.0 hymio-")


def test_nothing_is_written_while_a_finger_is_there(tmp_path):
    app, board = booted(tmp_path)
    for i in range(40):
        board.closed = 1 if i % 2 else 0
        idle(app, board, 1_000, 20)
    assert not (tmp_path / "log").exists()
    board.closed = 0
    idle(app, board, 15_000)
    assert lines_of(tmp_path)


def test_without_files_nothing_happens():
    app, _ = app_on(RamFlash(4))
    app.text.add("E", "lost")
    assert text_log_files.tail(app.text, 100) == b"" and text_log_files.lines(app.text, 1, 100) == (b"", 1)


class Boom(RuntimeError):
    pass


def crash(text="for a reason"):
    try:
        raise Boom(text)
    except Boom as error:
        return error


def test_the_next_boot_says_why_the_last_one_ended(tmp_path):
    app, board = booted(tmp_path)
    crash_report.write(app.text, board, crash())
    booted(tmp_path, board)
    told = lines_of(tmp_path).decode()
    assert told.count("\n") == 1, "it is written at once: this boot may crash as well"
    assert " E the boot before ended in an exception (1 in a row): Traceback" in told
    assert "test_text_log.py" in told and "Boom: for a reason" in told
    booted(tmp_path, board)
    assert lines_of(tmp_path).decode() == told, "told once"


def test_a_loop_of_crashes_does_not_wear_out_the_flash(tmp_path):
    board = None
    for _ in range(300):
        app, board = booted(tmp_path, board)
        crash_report.write(app.text, board, crash())
    told = [line.split(b"(")[1].split(b" ")[0] for line in lines_of(tmp_path).splitlines()]
    assert told == [b"1", b"2", b"4", b"8", b"16", b"32", b"64", b"128"]


def test_a_long_boot_is_no_part_of_a_loop(tmp_path):
    app, board = booted(tmp_path)
    crash_report.write(app.text, board, crash())
    app, board = booted(tmp_path, board)
    idle(app, board, 61_000)
    crash_report.write(app.text, board, crash())
    booted(tmp_path, board, board.now_ms)
    assert lines_of(tmp_path).count(b"(1 in a row)") == 2


def test_no_secrets(tmp_path):
    config = build({"wifi": {"ssid": "shop", "password": "geheimes Wort"}})
    app, board = booted(tmp_path, config=config)
    app.text.add("I", "joined with geheimes Wort")
    crash_report.write(app.text, board, crash("password geheimes Wort refused"))
    booted(tmp_path, board, config=config)
    app.text.flush()
    assert b"geheim" not in lines_of(tmp_path) and lines_of(tmp_path).count(b"***") == 2


def test_a_day_of_trouble_stays_within_the_budget(tmp_path):
    app, board = booted(tmp_path)
    writes = 0
    append = text_log_files.append

    def counted(folder, lines):
        nonlocal writes
        writes += 1
        append(folder, lines)

    text_log_files.append = counted
    try:
        for second in range(24 * 3600):
            app.text.add("W", "trouble number %d" % second)
            if second % 5 == 0:
                idle(app, board, 5_000, 5_000)
    finally:
        text_log_files.append = append
    assert writes <= 24 * 6 + 1
    told = lines_of(tmp_path)
    assert len(told) <= 2 * 8192 and b"lines left out" in told


def test_errors_are_written_soon_but_not_for_ever(tmp_path):
    app, board = booted(tmp_path)
    idle(app, board, 20_000)
    app.text.error(crash("an error"))
    idle(app, board, 11_000)
    assert b"an error" in lines_of(tmp_path)


def test_lines_by_number_are_each_there_once(tmp_path):
    text = TextLog(str(tmp_path / "log"), Clock(0), ())
    for i in range(400):
        text._lines_left = 20
        text.add("I", "line %d %s" % (i, "x" * (i % 90)))
        text.flush()
    got = b""
    first = oldest = int(text_log_files.lines(text, 0, 1)[0].split()[0])
    while True:
        piece, following = text_log_files.lines(text, first, 512)
        if not piece:
            break
        assert len(piece) <= 512 and int(piece.split()[0]) == first
        got += piece
        first = following
    numbers = [int(line.split()[0]) for line in got.splitlines()]
    assert numbers == list(range(oldest, 401)) and len(got) > 8192
    tail = bytes(text_log_files.tail(text, 1000))
    assert got.endswith(tail) and 800 < len(tail) <= 1000 and tail.split()[0].isdigit()


@given(st.integers(0, 300), st.integers(0, 60))
def test_a_torn_file_costs_its_last_line(cut, junk):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as scratch:
        text = TextLog(scratch + "/log", Clock(0), ())
        for i in range(6):
            text.add("I", "a line of some length, number %d" % i)
            text.flush()
        path = Path(scratch, "log", "new.txt")
        path.write_bytes(path.read_bytes()[: -cut or None] + b"\xff" * junk)
        text.add("I", "after")
        text.flush()
        last = path.read_bytes().splitlines()[-1]
        assert last.endswith(b"after") and last.split()[0].isdigit()
        assert text_log_files.lines(text, 0, 4096)[0].endswith(b"after\n")
