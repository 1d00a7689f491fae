"""The command lines of host/spec/contract.md, as a table."""

import pytest

from hymio_sim.flash.fault_orders import BadSector, FailNext, FlipBit, StickBit
from hymio_sim.run.commands import (
    AwaitSleep,
    BadCommand,
    Chord,
    LetGo,
    PushButton,
    PutFinger,
    Quit,
    SetSupply,
    SetTime,
    TurnOnOff,
    Wait,
    parse,
)
from hymio_sim.run.virtual import VirtualTerminal


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("press 1", PushButton(1, 120.0, "kpb22")),
        ("press 4 60", PushButton(4, 60.0, "kpb22")),
        ("press 2 profile worn", PushButton(2, 120.0, "worn")),
        ("press 2 profile KPB22", PushButton(2, 120.0, "kpb22")),
        ("press 2 profile TC-1103", PushButton(2, 120.0, "tc1103")),
        ("press 2 profile tc1103", PushButton(2, 120.0, "tc1103")),
        ("press 2 profile Typical-18", PushButton(2, 120.0, "typical18")),
        ("press 2 profile Xb2", PushButton(2, 120.0, "xb2")),
        ("press 2 35.5 profile clean", PushButton(2, 35.5, "clean")),
        ("chord 1 4", Chord(1, 4)),
        ("chord 1 4 10500", Chord(1, 4, 10500.0)),
        ("hold 3 12.5", PushButton(3, 12500.0, "kpb22")),
        ("down 3", PutFinger(3)),
        ("down 3 profile Worn", PutFinger(3, "worn")),
        ("up 3", LetGo(3)),
        ("up 3 80", LetGo(3, 80.0)),
        ("battery 2400", SetSupply(2400)),
        ("sleep", AwaitSleep()),
        ("wifi off", TurnOnOff("wifi", False)),
        ("power on", TurnOnOff("power", True)),
        ("time 1800000000.25", SetTime(1800000000.25)),
        ("fault program-noop", FailNext("program-noop", 1)),
        ("fault erase-noop 3", FailNext("erase-noop", 3)),
        ("fault read-glitch 2", FailNext("read-glitch", 2)),
        ("fault bad 7", BadSector(7)),
        ("fault flip 0x1003 5", FlipBit(0x1003, 5)),
        ("fault stuck 80 7 0", StickBit(80, 7, 0)),
        ("wait 0.5", Wait(0.5)),
        ("  quit  # for today", Quit()),
        ("", None),
        ("# a comment", None),
    ],
)
def test_good(line, command):
    assert parse(line) == command


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("press", "no button"),
        ("press 5", "1..4"),
        ("press 1 soon", "number"),
        ("press 1 -3", "came -3"),
        ("press 1 profile velvet", "expected one of: clean"),
        ("press 1 20 30", r"press N \[MS\]"),
        ("chord 2 2", "different"),
        ("hold 2", "hold N SECONDS"),
        ("down", r"down N \[profile NAME\]"),
        ("down 2 100", r"down N \[profile NAME\]"),
        ("down 5", "1..4"),
        ("up", r"up N \[MS\]"),
        ("up 1 -2", "came -2"),
        ("battery empty", "number"),
        ("battery 70000", "came 70000"),
        ("chord 2 3 0", "came 0"),
        ("chord 2", "chord N M"),
        ("wifi maybe", "on or off"),
        ("time nan", "came nan"),
        ("fault", "`fault bad SECTOR`"),
        ("fault fire", "program-noop"),
        ("fault bad", "came `fault bad`"),
        ("fault bad x", "whole number"),
        ("fault read-glitch 0", "1 to 1000000"),
        ("fault flip 0 8", "bit: expected 0 to 7"),
        ("fault stuck 0 0 2", "value: expected 0 to 1"),
        ("wait", "wait SECONDS"),
        ("quit now", "`quit`"),
        ("dance", "no such command"),
    ],
)
def test_bad(line, says):
    with pytest.raises(BadCommand, match=says):
        parse(line)


def test_a_fault_is_told_and_one_of_another_chip_is_an_error():
    with VirtualTerminal() as terminal:
        terminal.obey("fault read-glitch 2")
        terminal.obey("fault bad 256")
        terminal.obey("fault flip 0x100000 0")
        assert [event["kind"] for event in terminal.of("fault")] == ["read-glitch"]
        messages = [event["message"] for event in terminal.of("error")]
        assert messages == ["sector: expected 0 to 255, came 256", "address: expected 0 to 1048575, came 1048576"]
